"""One key against all: the positions of the keys within a Hamming radius of it, by NumPy alone."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from oneofeach.tables import Bytes, Rows

BLOCK = 1 << 15  # keys compared at a time: they and their distances stay in the cache


@lru_cache(maxsize=1)
def bit_counts() -> Bytes:
    """uint8[65536]: how many bits of each number of 16 bits are set."""
    bits = np.unpackbits(np.arange(1 << 16, dtype=np.uint16).view(np.uint8))
    return np.asarray(bits.reshape(-1, 16).sum(axis=1, dtype=np.uint8))


def within(keys: Bytes, key: Bytes, radius: int) -> Rows:
    """int64[m] ascending positions in uint8[n, k] of the keys within `radius` bits of uint8[k]."""
    words, asked = _words(keys), _words(key[None])[0]
    near = [np.zeros(0, np.int64)]
    for start in range(0, len(words), BLOCK):
        near.append(np.flatnonzero(_distances(words[start : start + BLOCK], asked) <= radius) + start)
    return np.concatenate(near)


def _words(keys: Bytes) -> npt.NDArray[Any]:
    """The same keys as rows of the widest integers that divide them."""
    width = next(width for width in (8, 4, 2, 1) if keys.shape[1] % width == 0)
    return np.ascontiguousarray(keys).view(f"<u{width}")


def _distances(words: npt.NDArray[Any], key: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """uint8[n] or uint16[n]: Hamming distances of one key to all keys, both as rows of words."""
    if words.shape[1] == 1:
        return _counts(words[:, 0] ^ key[0])
    return np.asarray(sum(_counts(words[:, word] ^ key[word]).astype(np.uint16) for word in range(words.shape[1])))


def _counts(different: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """uint8[n]: bits that are set."""
    if hasattr(np, "bitwise_count"):
        return np.asarray(np.bitwise_count(different))
    halves = bit_counts()[different.view("<u2")] if different.dtype.itemsize > 1 else bit_counts()[different]
    return np.asarray(halves.reshape(len(different), -1).sum(axis=1, dtype=np.uint8))
