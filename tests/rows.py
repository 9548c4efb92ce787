"""Fingerprints for tests: all distances occur, and some rows are equal."""

from __future__ import annotations

import numpy as np

Rows = np.ndarray


def close_rows(seed: int, n: int, width: int) -> Rows:
    """uint8[n, width]: a few centers with bits flipped, some in none, some in half of them."""
    rng = np.random.default_rng(seed)
    centers = rng.integers(0, 256, (max(1, n // 20), width), np.uint8)
    flips = rng.random((n, width * 8)) < rng.choice([0.0, 0.01, 0.05, 0.2, 0.5], (n, 1))
    return centers[rng.integers(0, len(centers), n)] ^ np.packbits(flips, axis=1)


def all_pairs(left: Rows, radius: int, right: Rows | None = None) -> list[tuple[int, int, int]]:
    """(i, j, distance) of every pair within the radius, each compared in full; i < j within one table."""
    other = left if right is None else right
    unpacked = [np.unpackbits(rows, axis=1).astype(np.float32) for rows in (left, other)]
    equal_ones = unpacked[0] @ unpacked[1].T
    distance = unpacked[0].sum(1)[:, None] + unpacked[1].sum(1)[None, :] - 2 * equal_ones  # BLAS counts exactly here
    i, j = np.nonzero(distance <= radius)
    listed = (i < j) if right is None else np.ones(len(i), bool)
    i, j = i[listed], j[listed]
    return list(zip(i.tolist(), j.tolist(), distance[i, j].tolist(), strict=True))
