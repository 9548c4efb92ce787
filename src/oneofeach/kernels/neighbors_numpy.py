"""Hamming distances in plain NumPy: the twin of neighbors.c, with the same results."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from oneofeach.tables import Bytes

Words = npt.NDArray[np.uint64]

_ONES16 = np.unpackbits(np.arange(1 << 16, dtype=np.uint16).view(np.uint8)).reshape(-1, 16).sum(1, dtype=np.uint8)


def words(bits: Bytes) -> Words:
    """uint8[n, bytes] as uint64[n, words], padded with zeros."""
    padded = np.zeros((len(bits), -(-bits.shape[1] // 8) * 8), np.uint8)
    padded[:, : bits.shape[1]] = bits
    return padded.view(np.uint64)


def ones_by_table(values: Words) -> npt.NDArray[np.uint8]:
    """Number of set bits of each value: uint64[...] → uint8[...]. For NumPy before 2.0."""
    return np.asarray(_ONES16[values[..., None].view(np.uint16)].sum(-1, dtype=np.uint8))


ones: Any = getattr(np, "bitwise_count", ones_by_table)


def distances(left: Bytes, right: Bytes) -> npt.NDArray[np.uint16]:
    """uint16[n, k]: the Hamming distance of every row of uint8[n, bytes] to every row of uint8[k, bytes]."""
    total = np.zeros((len(left), len(right)), np.uint16)
    for a, b in zip(words(left).T, words(right).T, strict=True):
        total += ones(a[:, None] ^ b[None, :])
    return total
