"""The exact Hamming join: fingerprints in, all pairs of rows within a radius out, sorted by (i, j)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from oneofeach.errors import UnsupportedInput
from oneofeach.kernels.neighbors_numpy import distances
from oneofeach.tables import Bytes, Rows

Distances = npt.NDArray[np.uint16]

BLOCK = 1 << 20  # pairs compared at a time: the scratch stays in the cache


def neighbors(bits: Bytes, radius: int, against: Bytes | None = None) -> tuple[Rows, Rows, Distances]:
    """All pairs of rows whose Hamming distance is at most `radius`: exact, nothing is missed.

    bits: uint8[n, bytes]. against: uint8[k, bytes], or None to join `bits` with itself.
    Returns i and j (int64[m]) and the distances (uint16[m]), sorted by (i, j). i counts rows of `bits`; j rows of
    `against`, or of `bits` with i < j. A negative radius has no pairs.
    Raises UnsupportedInput for another dtype or shape.
    """
    left = checked("bits", bits)
    right = left if against is None else checked("against", against)
    if left.shape[1] != right.shape[1] and len(left) and len(right):
        raise UnsupportedInput(
            f"bits have {left.shape[1]} bytes per row, against has {right.shape[1]}\n"
            "Compare fingerprints of one method only."
        )
    found = []
    step = max(1, BLOCK // max(1, len(right)))
    for start in range(0, len(left), step):
        distance = distances(left[start : start + step], right)
        i, j = np.nonzero(distance <= radius)
        near = distance[i, j]
        ahead = slice(None) if against is not None else j > i + start
        found.append((i[ahead] + start, j[ahead], near[ahead]))
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.uint16)
    i, j, near = (np.concatenate(part) for part in zip(*found, strict=True))
    return i, j, near


def checked(name: str, bits: Any) -> Bytes:
    """`bits` as a C-contiguous uint8[n, bytes]; UnsupportedInput when it is something else."""
    if not isinstance(bits, np.ndarray) or bits.dtype != np.uint8 or bits.ndim != 2:
        got = f"{bits.dtype}{list(bits.shape)}" if isinstance(bits, np.ndarray) else type(bits).__name__
        raise UnsupportedInput(
            f"{name} must be a uint8 array [rows, bytes], not {got}\n"
            "Pack true/false bits with numpy.packbits(bits, axis=1); split integers with .view(numpy.uint8)."
        )
    return np.ascontiguousarray(bits)
