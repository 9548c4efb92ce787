"""The Hamming join on neighbors.c: bands are built and their tables joined by threads; the result is sorted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from oneofeach import kernels
from oneofeach.kernels.bands import Band, Mask, Words, rules
from oneofeach.tables import Rows

TASKS = 64  # of one band; the same for any number of workers, and enough for many

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

    def tables(band: Band) -> tuple[Future[Any], Future[Any]]:
        first = pool.submit(_table, left, band, planes)
        return first, first if right is None else pool.submit(_table, right, band, planes)

    ahead = tables(bands[0])
    for number, band in enumerate(bands):
        ours, theirs = (future.result() for future in ahead)
        probes = band.probes()
        tasks = [
            pool.submit(
                c.neighbors_join,
                *(ours, theirs, probes.ctypes.data, len(probes), *(array.ctypes.data for array in limits)),
                *(number, radius, 0 if dense is None else dense.ctypes.data, limit, low, high, INSTRUCTIONS),
            )
            for low, high in _ranges(len(left))
        ]
        if number + 1 < len(bands):
            ahead = tables(bands[number + 1])
        yield from (task.result() for task in tasks)


def planes_for(radius: int, words: int) -> int:
    """How many leading words tell most pairs of unlike rows apart: their distance is 32 ± 4 per word of 64 bits."""
    return next((p for p in range(1, words) if 32 * p - 14 * p**0.5 > radius), words)


def _table(codes: Words, band: Band, planes: int) -> Any:
    c: Any = kernels.compiled
    own, partner = (np.ascontiguousarray(positions, np.uint16) for positions in (band.own, band.partner[:16]))
    return c.neighbors_table(
        *(codes.ctypes.data, *codes.shape, planes, own.ctypes.data, len(own), partner.ctypes.data, len(partner))
    )


def _ranges(n: int) -> Iterator[tuple[int, int]]:
    step = max(1024, -(-n // TASKS))
    return ((low, min(low + step, n)) for low in range(0, n, step))
