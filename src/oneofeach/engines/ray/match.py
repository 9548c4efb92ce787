"""Blocks of keys → candidate parts → pairs parts: the exact join of every two blocks, then verification.

Candidates that the bits rule out are dropped at once. For the rest, the descriptors of each block's candidates are
gathered once, in one pass over the scan parts; verification then reads only these.
"""

from __future__ import annotations

import time
from functools import lru_cache

import numpy as np

from oneofeach.engines.ray.candidates import Join, join, keyed
from oneofeach.engines.ray.density import dense_words, own_heads
from oneofeach.engines.ray.keys import heads_of
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
from oneofeach.tables import EVIDENCE, Bytes, Rows


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
    writer, rows = Writer(WIDE_GROUP), 0
    writer.add({"i": np.zeros(0, np.int64), "j": np.zeros(0, np.int64)})
    for one in joins:
        for i, j in one.batches(share, shares):
            i, j = _possible(settings, one, i, j)
            writer.add({"i": i, "j": j})
            rows += len(i)
    counts: Counts = {"rows": rows, "compared": total, "seconds": time.process_time() - began}
    settings.store.write(candidates_part(settings, a, b, share, shares), writer.data(counts))
    return counts


def _joins(settings: Settings, a: int, b: int) -> list[Join]:
    """Of own rows with own rows, without pairs of two dense keys, and of own rows with the others."""
    method, dense = settings.method, dense_words(settings)
    left = keyed(method, *own_heads(settings, a), dense)
    own = left if a == b else keyed(method, *own_heads(settings, b), dense)
    joins = [join(method, settings.floor, left, own)]
    if settings.block(b)[1] > settings.own:
        rows, bits = heads_of(settings, b)
        others = slice(int(np.searchsorted(rows, settings.own)), None)
        joins.append(join(method, settings.floor, left, keyed(method, rows[others], bits[others])))
    return joins


def _possible(settings: Settings, joined: Join, i: Rows, j: Rows) -> tuple[Rows, Rows]:
    """The pairs that their bits do not rule out."""
    method, left, right = settings.method, joined.left, joined.right
    if not isinstance(method, Bounded):
        return i, j
    a_bits, b_bits = left.bits[np.searchsorted(left.rows, i)], right.bits[np.searchsorted(right.rows, j)]
    possible = method.possible(a_bits, b_bits, settings.floor)
    return i[possible], j[possible]


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
