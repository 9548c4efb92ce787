"""A source → shards, the units of a scan: a tar, some row groups of a Parquet file, or a slice of a listing.

Shards follow each other in the order in which the local engine meets the images.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from oneofeach.engines.ray.store import Store, reaching
from oneofeach.errors import SourceNotFound
from oneofeach.plugins import extra
from oneofeach.stages.sources import element_items, is_list, items_of
from oneofeach.stages.sources.files import is_url, open_binary, suffix_of
from oneofeach.stages.sources.links import links_among
from oneofeach.tables import Item, Readable, Rows

TAR, PARQUET = ".tar", ".parquet"
AT_ONCE = 32  # files opened at the same time: object stores answer slowly, but many at once


@dataclass(frozen=True)
class Shard:
    """Rows start..stop of a file that holds many images; stop -1: to its end. listing: of a pickled list instead."""

    path: str
    start: int = 0
    stop: int = -1
    listing: bool = False

    def items(self, store: Store) -> list[Item]:
        """The items of this shard, as the local engine would name them."""
        if self.listing:
            found: list[Item] = pickle.loads(store.read(self.path))
            return found
        with reaching(self.path):
            items = items_of([self.path])
        return items[self.start : self.stop if self.stop >= 0 else len(items)]


@dataclass(frozen=True)
class Listing:
    """shards: of the whole source. slices: their items where the driver had to list them. identity: of the source."""

    shards: list[Shard]
    slices: dict[int, Sequence[Item]]
    identity: str

    def followed_by(self, other: Listing) -> Listing:
        """The shards of both sources, those of the other one last."""
        own = len(self.shards)
        moved = [
            replace(shard, path=_listing_name(own + number)) if shard.listing else shard
            for number, shard in enumerate(other.shards)
        ]
        slices = {own + number: items for number, items in other.slices.items()}
        return Listing(self.shards + moved, self.slices | slices, f"{self.identity} {other.identity}")

    def links(self, offsets: Rows) -> Rows:
        """The rows of symbolic links to files that are rows themselves; only slices hold any.

        offsets: int64[shards + 1], the first row of every shard.
        """
        rows = [offsets[number] + np.arange(len(items)) for number, items in self.slices.items()]
        links = links_among([item for items in self.slices.values() for item in items])
        return np.concatenate([np.zeros(0, np.int64), *rows])[links]


def shards_of(source: Any, rows: int) -> Listing:
    """Cut a source into shards of about `rows` images. Nothing is decoded; of tar files only the size is asked for."""
    shards: list[Shard] = []
    slices: dict[int, Sequence[Item]] = {}
    identity = hashlib.sha256()
    runs = list(_runs(source))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        files = pool.map(lambda path: _file_shards(path, rows), [run for run in runs if isinstance(run, str)])
    for run in runs:
        if isinstance(run, str):
            found, stamp = next(files)
            shards += found
            identity.update(repr((run, stamp)).encode())
            continue
        for start in range(0, len(run), rows):
            slices[len(shards)] = run[start : start + rows]
            shards.append(Shard(_listing_name(len(shards)), listing=True))
        for item in run:
            identity.update(_item_identity(item))
    return Listing(shards, slices, identity.hexdigest())


def _listing_name(number: int) -> str:
    return f"listing/{number:08}.pickle"


def save(listing: Listing, store: Store) -> None:
    """Write the listed slices into the work folder, where workers find them."""
    for number, items in listing.slices.items():
        store.write(listing.shards[number].path, pickle.dumps(items))


def _runs(source: Any) -> Iterator[str | list[Item]]:
    """In order: paths of files that workers list themselves, and the items in between, which had to be listed here."""
    if not is_list(source):
        if _holds_many(source) and not is_url(source) and not os.path.exists(source):
            raise SourceNotFound(os.fspath(source))
        yield os.fspath(source) if _holds_many(source) else items_of(source)
        return
    listed: list[Item] = []
    for position, one in enumerate(source):
        if _holds_many(one) and (is_url(one) or os.path.exists(one)):
            yield listed
            yield os.fspath(one)
            listed = []
        else:
            listed += element_items(one, position)
    yield listed


def _holds_many(one: Any) -> bool:
    return suffix_of(one) in (TAR, PARQUET)


def _file_shards(path: str, rows: int) -> tuple[list[Shard], object]:
    """The shards of one file, and what tells whether it is still the same file."""
    with open_binary(path) as file:
        size = file.seek(0, os.SEEK_END)
        if suffix_of(path) == TAR:
            return [Shard(path)], size
        try:
            metadata = extra("pyarrow.parquet", "ray").read_metadata(file)
        except extra("pyarrow", "ray").ArrowInvalid:
            return [Shard(path)], size  # its one item says what is wrong with it
    shards, start, stop = [], 0, 0
    for group in range(metadata.num_row_groups):  # a row group is never read by two tasks
        stop += metadata.row_group(group).num_rows
        if stop - start >= rows or group == metadata.num_row_groups - 1:
            shards.append(Shard(path, start, stop))
            start = stop
    return shards, size


def _item_identity(item: Item) -> bytes:
    """What tells whether an item is still the same image: its hints, or the image itself when it is in memory."""
    if isinstance(item.source, (str, os.PathLike, Readable)):
        return repr((item.key, item.size, item.mtime_ns, item.error)).encode()
    return repr((item.key, item.error)).encode() + pickle.dumps(item.source)
