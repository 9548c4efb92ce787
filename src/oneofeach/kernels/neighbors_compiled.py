"""The Hamming join on neighbors.c: bands are built and their tables joined by threads; the result is sorted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from math import comb
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from oneofeach import kernels
from oneofeach.kernels.bands import Band, Mask, Positions, Words, rules
from oneofeach.tables import Rows

TASKS = 64  # of one band; the same for any number of workers, and enough for many

MANY = 0.01  # of the rows that a sketch lets pass: then whole words are compared at once

INSTRUCTIONS = ""  # "portable", "avx2", "avx512"; empty: the best there is


def join(
    left: Words,
    right: Words | None,
    bands: Sequence[Band],
    radius: int,
    workers: int,
    dense: Mask | None = None,
    limit: int = 0,
) -> tuple[Rows, Rows, npt.NDArray[np.uint16]]:
    """See `oneofeach.kernels.neighbors.join`."""
    c: Any = kernels.compiled
    pool = ThreadPoolExecutor(workers)
    try:
        findings = list(_findings(pool, left, right, bands, radius, dense, limit))
    finally:
        pool.shutdown(cancel_futures=True)
    if dense is not None:
        for found in findings:
            c.neighbors_dense(found, dense.ctypes.data)
    count = sum(c.neighbors_count(found) for found in findings)
    i, j, distance = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.uint16)
    c.neighbors_collect(tuple(findings), len(left), i.ctypes.data, j.ctypes.data, distance.ctypes.data)
    return i, j, distance


def _findings(
    pool: ThreadPoolExecutor,
    left: Words,
    right: Words | None,
    bands: Sequence[Band],
    radius: int,
    dense: Mask | None,
    limit: int,
) -> Iterator[Any]:
    """What the tasks of all bands find. The tables of the next band are built while one band is joined."""
    c: Any = kernels.compiled
    planes, limits = planes_for(radius, left.shape[1]), rules(bands, left.shape[1])
    sketches = [sketch_of(band, 64 * left.shape[1], radius) for band in bands]

    def tables(number: int) -> tuple[Future[Any], Future[Any]]:
        first = pool.submit(_table, left, bands[number], sketches[number], planes)
        return first, first if right is None else pool.submit(_table, right, bands[number], sketches[number], planes)

    ahead = tables(0)
    for number, band in enumerate(bands):
        ours, theirs = (future.result() for future in ahead)
        probes = band.probes()
        tasks = [
            pool.submit(
                c.neighbors_join,
                *(ours, theirs, probes.ctypes.data, len(probes), *(array.ctypes.data for array in limits)),
                *(number, radius, sketches[number].limit, 0 if dense is None else dense.ctypes.data, limit),
                *(low, high, INSTRUCTIONS),
            )
            for low, high in _ranges(len(left))
        ]
        if number + 1 < len(bands):
            ahead = tables(number + 1)
        yield from (task.result() for task in tasks)


def planes_for(radius: int, words: int) -> int:
    """How many leading words tell most pairs of unlike rows apart: their distance is 32 ± 4 per word of 64 bits."""
    return next((p for p in range(1, words) if 32 * p - 14 * p**0.5 > radius), words)


class Sketch(NamedTuple):
    """A few bits by which most rows of two buckets are told apart. Of them and of the key up to `limit` may differ."""

    positions: Positions
    limit: int


def sketch_of(band: Band, bits: int, radius: int) -> Sketch:
    """32 bits, of the partner or of all that are not in the key: which fewer pass. None where both let many pass."""
    others = np.setdiff1d(np.arange(bits, dtype=np.uint16), band.own)
    sketches = Sketch(others[:32], radius), Sketch(band.partner[:32], band.both_limit)
    passed = [_passed(len(sketch.positions), sketch.limit - band.own_limit) for sketch in sketches]
    return sketches[int(np.argmin(passed))] if min(passed) < MANY else Sketch(others[:0], radius)


def _passed(bits: int, limit: int) -> float:
    """The share of rows with even bits that differ in no more than `limit` of them."""
    return sum(comb(bits, flips) for flips in range(min(limit, bits) + 1)) / 2.0**bits


def _table(codes: Words, band: Band, sketch: Sketch, planes: int) -> Any:
    c: Any = kernels.compiled
    own, bits = (np.ascontiguousarray(positions, np.uint16) for positions in (band.own, sketch.positions))
    return c.neighbors_table(
        *(codes.ctypes.data, *codes.shape, planes, own.ctypes.data, len(own), bits.ctypes.data, len(bits))
    )


def _ranges(n: int) -> Iterator[tuple[int, int]]:
    step = max(1024, -(-n // TASKS))
    return ((low, min(low + step, n)) for low in range(0, n, step))
