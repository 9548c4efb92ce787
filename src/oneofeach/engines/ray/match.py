"""Blocks of keys → candidate parts → pairs parts: the exact join of every two blocks, then verification.

Candidates that the bits rule out are dropped at once. For the rest, the descriptors of each block's candidates are
gathered once, in one pass over the scan parts; verification then reads only these.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache, lru_cache

import numpy as np

from oneofeach.engines.ray.candidates import Join, join
from oneofeach.engines.ray.density import dense_words
from oneofeach.engines.ray.keyed import keyed_block
from oneofeach.engines.ray.keys import keys_part
from oneofeach.engines.ray.parts import (
    WIDE_GROUP,
    Counts,
    Writer,
    concatenated,
    encoded,
    read,
    read_rows,
    read_slice,
    spans,
)
from oneofeach.engines.ray.settings import SUFFIX, Settings, scan_part
from oneofeach.plugins import Bounded
from oneofeach.tables import EVIDENCE, Bytes, Mask, Rows


def candidates_part(settings: Settings, a: int, b: int, share: int = 0, shares: int = 1) -> str:
    """Of the blocks a <= b."""
    whole = f"{settings.folder}/candidates/{a:05}-{b:05}"
    return f"{whole}{SUFFIX}" if shares == 1 else f"{whole}-{share}-of-{shares}{SUFFIX}"


def descriptors_part(settings: Settings, block: int) -> str:
    return f"{settings.folder}/descriptors/{block:05}{SUFFIX}"


def pairs_part(settings: Settings, candidates: str, start: int) -> str:
    name = candidates.rpartition("/")[2].removesuffix(SUFFIX)
    return f"{settings.folder}/pairs/{name}+{start:012}{SUFFIX}"


def find_candidates(settings: Settings, a: int, b: int, share: int = 0, shares: int = 1) -> Counts:
    """Write the candidate pairs of two blocks; where they are too many for one task, only say into how many shares."""
    began = time.process_time()
    joins = _joins(settings, a, b)
    total = sum(int(one.ends[-1]) for one in joins)
    if shares == 1 and total > settings.hot_pairs:
        return {"shares": -(-total // settings.hot_pairs)}
    writer, rows, possible = Writer(WIDE_GROUP), 0, _ruling(settings, a, b)
    writer.add({"i": np.zeros(0, np.int64), "j": np.zeros(0, np.int64)})
    for one in joins:
        for i, j in one.batches(share, shares):
            near = possible(i, j)
            writer.add({"i": i[near], "j": j[near]})
            rows += int(near.sum())
    counts: Counts = {"rows": rows, "compared": total, "seconds": time.process_time() - began}
    settings.store.write(candidates_part(settings, a, b, share, shares), writer.data(counts))
    return counts


def _joins(settings: Settings, a: int, b: int) -> list[Join]:
    """Of own rows with own rows, without pairs of two dense keys, and of own rows with the others."""
    radius, dense = settings.method.radius(settings.floor), dense_words(settings)
    left = keyed_block(settings, a, dense)
    joins = [join(radius, left, left if a == b else keyed_block(settings, b, dense))]
    if settings.block(b)[1] > settings.own:
        joins.append(join(radius, left, keyed_block(settings, b, own=False)))
    return joins


def _ruling(settings: Settings, a: int, b: int) -> Callable[[Rows, Rows], Mask]:
    """Which pairs of rows of two blocks their bits do not rule out; the bits are read when there are such pairs."""
    method = settings.method

    @cache
    def bits(block: int) -> Bytes:
        found: Bytes = read(settings.store, keys_part(block), "bits")[0]
        return found

    def possible(i: Rows, j: Rows) -> Mask:
        if not isinstance(method, Bounded):
            return np.ones(len(i), bool)
        left, right = (
            np.take(bits(block), rows - settings.block(block)[0], axis=0) for block, rows in ((a, i), (b, j))
        )
        return method.possible(left, right, settings.floor)

    return possible


def gather_descriptors(settings: Settings, block: int, candidates: tuple[tuple[str, bool, bool], ...]) -> Counts:
    """Bits and descriptors of the rows of a block that have candidates, sorted by row.

    candidates: the parts that name rows of the block, and whether as i, as j.
    """
    store, began = settings.store, time.process_time()
    low, high = settings.block(block)
    wanted = np.zeros(high - low, bool)
    for part, as_i, as_j in candidates:
        for column in ("i",) * as_i + ("j",) * as_j:
            wanted[read(store, part, column)[0] - low] = True
    rows = np.flatnonzero(wanted) + low
    return write_described(settings, descriptors_part(settings, block), rows, began)


def write_described(settings: Settings, part: str, rows: Rows, began: float) -> Counts:
    """Write a part of some rows, ascending, with their bits and descriptors, of a task that began at some CPU time."""
    batches, offsets = [], settings.offsets()
    for shard, start, stop in spans(offsets, int(rows[0]), int(rows[-1]) + 1) if len(rows) else ():
        here = rows[slice(*np.searchsorted(rows, offsets[shard] + [start, stop]))]
        if len(here):
            batches.append(read_rows(settings.store, scan_part(shard), here - offsets[shard], "bits", "descriptor"))
    method = settings.method
    nothing = [np.zeros((0, width), np.uint8) for width in (method.bits // 8, method.descriptor_bytes)]
    bits, descriptors = concatenated(batches, nothing)
    counts: Counts = {"rows": len(rows), "seconds": time.process_time() - began}
    columns = {"row": rows, "bits": bits, "descriptor": descriptors}
    settings.store.write(part, encoded(columns, counts))
    return counts


def verify(settings: Settings, a: int, b: int, candidates: str, start: int, stop: int) -> Counts:
    """Measure the candidates start..stop of a part and write those at or above the floor."""
    store, began = settings.store, time.process_time()
    i, j = read_slice(store, candidates, start, stop, "i", "j")
    rows, bits, descriptors = _described(settings, [(a, np.unique(i)), (b, np.unique(j))])
    similarity, evidence = settings.method.similarity(
        bits, descriptors, np.searchsorted(rows, i), np.searchsorted(rows, j), settings.floor
    )
    near = similarity >= settings.floor
    counts: Counts = {"rows": int(near.sum()), "verified": len(i), "seconds": time.process_time() - began}
    columns = {"i": i[near], "j": j[near], "similarity": similarity[near], "evidence": evidence[near].astype(EVIDENCE)}
    store.write(pairs_part(settings, candidates, start), encoded(columns, counts, WIDE_GROUP))
    return counts


def _described(settings: Settings, wanted: list[tuple[int, Rows]]) -> tuple[Rows, Bytes, Bytes]:
    """Rows, bits and descriptors of all wanted rows, each given with its block; sorted, without repetition."""
    batches = []
    for block, rows in wanted:
        gathered = _gathered_rows(settings, block)
        places = np.searchsorted(gathered, rows)
        batches.append(
            [rows, *read_rows(settings.store, descriptors_part(settings, block), places, "bits", "descriptor")]
        )
    rows, bits, descriptors = concatenated(batches, [])
    rows, first = np.unique(rows, return_index=True)
    return rows, bits[first], descriptors[first]


@lru_cache(maxsize=2)
def _gathered_rows(settings: Settings, block: int) -> Rows:
    """Which rows a block's descriptors are of; the next verification in this worker asks for the same."""
    rows: Rows = read(settings.store, descriptors_part(settings, block), "row")[0]
    return rows
