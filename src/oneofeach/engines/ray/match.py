"""Blocks of keys → candidate parts → pairs parts: the exact join of every two blocks, then verification.

Candidates that the bits rule out are dropped at once. For the rest, the descriptors of each block's candidates are
gathered once, in one pass over the scan parts; verification then reads only these.
"""

from __future__ import annotations

import time
from functools import lru_cache

import numpy as np

from oneofeach.engines.ray.candidates import join, keyed
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
    began, method = time.process_time(), settings.method
    left = keyed(method, *heads_of(settings, a))
    right = left if a == b else keyed(method, *heads_of(settings, b))
    found = join(method, settings.floor, left, right)
    total = int(found.ends[-1])
    if shares == 1 and total > settings.hot_pairs:
        return {"shares": -(-total // settings.hot_pairs)}
    writer, rows = Writer(WIDE_GROUP), 0
    writer.add({"i": np.zeros(0, np.int64), "j": np.zeros(0, np.int64)})
    for i, j in found.batches(share, shares):
        i, j = i[i < settings.own], j[i < settings.own]
        if isinstance(method, Bounded):
            a_bits, b_bits = left.bits[np.searchsorted(left.rows, i)], right.bits[np.searchsorted(right.rows, j)]
            possible = method.possible(a_bits, b_bits, settings.floor)
            i, j = i[possible], j[possible]
        writer.add({"i": i, "j": j})
        rows += len(i)
    counts: Counts = {"rows": rows, "compared": total, "seconds": time.process_time() - began}
    settings.store.write(candidates_part(settings, a, b, share, shares), writer.data(counts))
    return counts


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
    batches = []
    offsets = settings.offsets()
    for shard, start, stop in spans(offsets, low, high):
        here = rows[slice(*np.searchsorted(rows, offsets[shard] + [start, stop]))]
        if len(here):
            batches.append(read_rows(store, scan_part(shard), here - offsets[shard], "bits", "descriptor"))
    counts: Counts = {"rows": len(rows), "seconds": time.process_time() - began}
    bits, descriptors = concatenated(batches, [np.zeros((0, 1), np.uint8), np.zeros((0, 1), np.uint8)])
    columns = {"row": rows, "bits": bits, "descriptor": descriptors}
    store.write(descriptors_part(settings, block), encoded(columns, counts))
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
