"""Fingerprints to benchmark with: like those of real pictures, with near-duplicates, and with clones and a clique.

A picture's DCT coefficients fall off with their frequency; contrast and detail differ from picture to picture. A bit
is a coefficient above 4, in the order of the fingerprint. The constants are fitted to 514 photos: their bits are set
in 42 to 57 percent, and two of them differ in 31.8 ± 4.1 bits of 64.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]


def natural(n: int, bits: int = 64, duplicates: float = 0.03, seed: int = 0) -> Bytes:
    """uint8[n, bits/8]; the share `duplicates` of the rows differs in 0 to 6 bits from another row."""
    rng = np.random.default_rng(seed)
    side = 64
    order = sorted(((u, v) for u in range(side) for v in range(side)), key=lambda p: (sum(p), abs(p[0] - p[1]), p[0]))
    frequency = np.hypot(*np.array(order[1 : bits + 1]).T).astype(np.float32)
    rows = np.empty((n, bits // 8), np.uint8)
    for start in range(0, n, 1 << 17):
        count = min(1 << 17, n - start)
        contrast = np.exp(rng.normal(6.1, 0.47, (count, 1))).astype(np.float32)
        detail = rng.normal(1.25, 0.33, (count, 1)).astype(np.float32)
        coefficients = contrast * rng.standard_normal((count, bits), np.float32) * frequency**-detail
        rows[start : start + count] = np.packbits(coefficients > 4, axis=1, bitorder="little")
    copies = rng.choice(n, int(n * duplicates), replace=False)
    rows[copies] = flipped(rows[rng.integers(0, n, len(copies))], rng.integers(0, 7, len(copies)), rng)
    return rows


def skewed(rows: Bytes, clones: int = 50_000, clique: int = 10_000, spread: int = 3, seed: int = 1) -> Bytes:
    """The same with `clones` equal rows and `clique` rows that differ in at most `spread` bits from one center."""
    rng = np.random.default_rng(seed)
    places = rng.permutation(len(rows))
    rows = rows.copy()
    rows[places[:clones]] = rows[places[0]]
    members = places[clones : clones + clique]
    rows[members] = flipped(np.repeat(rows[members[:1]], clique, axis=0), rng.integers(0, spread + 1, clique), rng)
    return rows


def flipped(rows: Bytes, counts: npt.NDArray[np.int64], rng: np.random.Generator) -> Bytes:
    """`rows` with that many bits of each flipped (fewer where chance names a bit twice)."""
    rows = rows.copy()
    for turn in range(int(counts.max(initial=0))):
        due = np.flatnonzero(counts > turn)
        bit = rng.integers(0, rows.shape[1] * 8, len(due))
        rows[due, bit // 8] ^= (1 << (bit % 8)).astype(np.uint8)
    return rows
