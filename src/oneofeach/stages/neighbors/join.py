"""The exact Hamming join: fingerprints in, all pairs of rows within a radius out, sorted by (i, j)."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from oneofeach import kernels
from oneofeach.errors import UnsupportedInput
from oneofeach.kernels.bands import Mask, Words, words_of
from oneofeach.kernels.neighbors import Distances, join
from oneofeach.stages.neighbors import plan
from oneofeach.tables import Bytes, Rows


def neighbors(bits: Bytes, radius: int, against: Bytes | None = None, workers: int = 0) -> tuple[Rows, Rows, Distances]:
    """All pairs of rows whose Hamming distance is at most `radius`: exact, nothing is missed.

    bits: uint8[n, bytes]. against: uint8[k, bytes], or None to join `bits` with itself.
    workers: threads, 0 for one per processor; the result is the same for any number.
    Returns i and j (int64[m]) and the distances (uint16[m]), sorted by (i, j). i counts rows of `bits`; j rows of
    `against`, or of `bits` with i < j. A negative radius has no pairs.
    Raises UnsupportedInput for another dtype or shape, for a radius that is no whole number, and for workers below 0.
    """
    left = checked("bits", bits)
    right = None if against is None else checked("against", against)
    if right is not None and left.shape[1] != right.shape[1] and len(left) and len(right):
        raise UnsupportedInput(
            f"bits have {left.shape[1]} bytes per row, against has {right.shape[1]}\n"
            "Compare fingerprints of one method only."
        )
    if isinstance(radius, bool) or not isinstance(radius, (int, np.integer)):
        raise UnsupportedInput(
            f"radius must be a whole number of bits, not {radius!r}\n"
            "For a share of equal bits s of n bits, use int((1 - s) * n)."
        )
    if isinstance(workers, bool) or not isinstance(workers, (int, np.integer)) or workers < 0:
        raise UnsupportedInput(f"Invalid number of workers: {workers}\nUse 1 or more, or 0 for one per processor.")
    if radius < 0 or not len(left) or (right is not None and not len(right)):
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.uint16)
    theirs = None if right is None else words_of(right)
    return joined(words_of(left), theirs, left.shape[1] * 8, radius, workers)


def joined(
    left: Words,
    right: Words | None,
    bits: int,
    radius: int,
    workers: int = 0,
    dense: Mask | None = None,
    limit: int = 0,
) -> tuple[Rows, Rows, Distances]:
    """`neighbors` of words, by the cheapest plan; dense and limit as in `oneofeach.kernels.neighbors.join`."""
    costs = plan.NUMPY if kernels.compiled is None else plan.COMPILED
    bands = plan.choose(left, right, bits, radius, costs)
    return join(left, right, bands, min(int(radius), bits), workers or os.cpu_count() or 1, dense, limit)


def checked(name: str, bits: Any) -> Bytes:
    """`bits` as a C-contiguous uint8[n, bytes]; UnsupportedInput when it is something else."""
    if not isinstance(bits, np.ndarray) or bits.dtype != np.uint8 or bits.ndim != 2:
        got = f"{bits.dtype}{list(bits.shape)}" if isinstance(bits, np.ndarray) else type(bits).__name__
        raise UnsupportedInput(
            f"{name} must be a uint8 array [rows, bytes], not {got}\n"
            "Pack true/false bits with numpy.packbits(bits, axis=1); split integers with .view(numpy.uint8)."
        )
    return np.ascontiguousarray(bits)
