"""Kept rows → their names in an export, equal to those that are given one after the other.

Each shard tells what its images would be called. Only families of names in which two images would get in each other's
way are gone through in order, each by the task of its share.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from oneofeach.engines.ray.destination import Destination
from oneofeach.engines.ray.outcome import rows_part
from oneofeach.engines.ray.parts import WIDE_GROUP, Counts, concatenated, encoded, read, read_range, read_slice
from oneofeach.engines.ray.settings import SUFFIX, Settings, scan_part
from oneofeach.engines.ray.shards import Shard
from oneofeach.stages.export.files import sizes_of
from oneofeach.stages.export.naming import Names, Wish, digests, wish
from oneofeach.stages.export.parquet import split_of
from oneofeach.stages.export.writing import keeps
from oneofeach.tables import FACTS, Mask, Rows

Words = npt.NDArray[np.uint64]
DIGESTS = ("family", "stem", "origin", "own")
SHARE_ROWS = 50_000_000  # rows whose digests are looked at by one task


@dataclass(frozen=True)
class Exporting:
    """What the tasks of one export share.

    group, folder: of the table of all rows, and of the parts of this export. stems: of annotation files, see stems_of.
    """

    settings: Settings
    group: str
    folder: str
    format: str
    link: str
    stems: Mapping[str, str]
    destination: Destination

    @property
    def shares(self) -> int:
        return -(-self.settings.rows // SHARE_ROWS)

    def part(self, stage: str, number: int) -> str:
        return f"{self.folder}/{stage}/{number:08}{SUFFIX}"


def facts_in(settings: Settings, shard: int) -> npt.NDArray[np.void]:
    """FACTS of the images of a shard."""
    facts = read(settings.store, scan_part(shard), "facts")[0]
    return np.ascontiguousarray(facts).view(FACTS).reshape(-1)


def gather_wished(export: Exporting, number: int, shard: Shard) -> Counts:
    """The kept rows of a shard: what each would be called, its size and split; how many the format keeps whole."""
    settings, began = export.settings, time.process_time()
    low, high = settings.offsets()[number : number + 2].tolist()
    rows = _kept(settings, export.group, low, high)
    items = shard.items(settings.store) if len(rows) else []
    mine = [items[row] for row in (rows - low).tolist()]
    wishes = [wish(item, export.format, export.stems) for item in mine]
    found = np.array([digests(wished, export.format) for wished in wishes], np.uint64).reshape(-1, len(DIGESTS))
    columns = {
        "row": rows,
        "name": [wished.name for wished in wishes],
        "extension": [wished.extension for wished in wishes],
        "split": [split_of(item) if export.format == "hf" else "" for item in mine],
        "size": sizes_of(facts_in(settings, number)[rows - low]) if len(rows) else rows,
        "whole": np.array([keeps(export.format, item) for item in mine], bool),
        **{name: np.ascontiguousarray(found[:, place]) for place, name in enumerate(DIGESTS)},
    }
    counts: Counts = {"rows": len(rows), "whole": int(columns["whole"].sum())}  # type: ignore[attr-defined]
    counts["seconds"] = time.process_time() - began
    settings.store.write(export.part("wished", number), encoded(columns, counts, WIDE_GROUP))
    return counts


def gather_names(export: Exporting, shards: int, share: int) -> Counts:
    """The rows that cannot be called what they would be, and their names; sorted by row."""
    store, began = export.settings.store, time.process_time()
    batches = [_share(export, shard, share) for shard in range(shards)]
    nothing = [np.zeros(0, np.int64), *[np.zeros(0, np.uint64)] * len(DIGESTS)]
    shard, family, stem, origin, own = concatenated(batches, nothing)
    met = np.unique(family[_repeated(own) | _disputed(stem, origin)])
    names, found = Names(export.format), dict[int, str]()
    for number in np.unique(shard[np.isin(family, met)]).tolist():
        columns = read(store, export.part("wished", number), "family", "row", "name", "extension", "origin")
        for mine, row, name, extension, place in zip(np.isin(columns[0], met), *columns[1:], strict=True):
            if mine and (given := names.give(Wish(name, extension, str(place)))) != name:
                found[int(row)] = given
    counts: Counts = {"rows": len(found), "seconds": time.process_time() - began}
    changed = {"row": np.array(list(found), np.int64), "name": list(found.values())}
    store.write(export.part("names", share), encoded(changed, counts, WIDE_GROUP))
    return counts


def names_in(export: Exporting, low: int, high: int) -> dict[int, str]:
    """The rows low..high that are not called what they would be."""
    found: dict[int, str] = {}
    for share in range(export.shares):
        part = export.part("names", share)
        found |= dict(zip(*read_range(export.settings.store, part, "row", low, high, "row", "name"), strict=True))
    return found


def _kept(settings: Settings, group: str, low: int, high: int) -> Rows:
    """The rows low..high that stay."""
    found = [np.zeros(0, np.int64)]
    for block in range(low // settings.in_block, -(-high // settings.in_block)):
        first, last = settings.block(block)
        start, stop = max(low, first), min(high, last)
        status = read_slice(settings.store, rows_part(group, block), start - first, stop - first, "status")[0]
        found.append(start + np.flatnonzero(np.array(status) == "kept"))
    return np.concatenate(found)


def _share(export: Exporting, shard: int, share: int) -> list[Any]:
    """The number of a shard, once for each of its rows in a share, and their DIGESTS."""
    found = read(export.settings.store, export.part("wished", shard), *DIGESTS)
    mine = found[0] % np.uint64(export.shares) == share
    return [np.full(int(mine.sum()), shard), *(column[mine] for column in found)]


def _repeated(words: Words) -> Mask:
    _, place, times = np.unique(words, return_inverse=True, return_counts=True)
    return np.asarray(times[place.reshape(-1)] > 1)


def _disputed(stems: Words, origins: Words) -> Mask:
    """bool[n]: does the stem of a row have more than one origin?"""
    pairs = np.unique(np.stack([stems, origins], axis=1), axis=0)[:, 0]
    return np.isin(stems, pairs[1:][pairs[1:] == pairs[:-1]])
