"""Bands of bits, by which the Hamming join looks rows up: what the compiled join and its NumPy twin share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oneofeach.tables import Bytes

Words = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.uint16]

_NOTHING: Positions = np.zeros(0, np.uint16)


@dataclass(frozen=True)
class Band:
    """Bits that a join looks rows up by, and what may differ for the band to find a pair.

    own: uint16[width] positions of its bits (64 w + k: bit k of word w), of which up to `own_limit` may differ.
    partner: positions of the bits of the band it is paired with, if any; of both up to `both_limit` may differ.
    """

    own: Positions
    own_limit: int
    partner: Positions
    both_limit: int

    def probes(self) -> npt.NDArray[np.uint32]:
        """uint32[...]: what to flip in a key to reach all keys within the limit, 0 first."""
        bits = [1 << k for k in range(len(self.own))]
        return np.array([sum(flips) for t in range(self.own_limit + 1) for flips in combinations(bits, t)], np.uint32)


def paired(positions: Sequence[Positions], limits: Sequence[int]) -> list[Band]:
    """Disjoint bands as pairs of neighbors, so that a pair of rows is found when `limits` allow it.

    If at most own + partner + 1 bits differ in two bands, one of them differs in no more than its own limit.
    """
    bands = [Band(own, limit, _NOTHING, limit) for own, limit in zip(positions, limits, strict=True)]
    for first in range(0, len(bands) - 1, 2):
        a, b = bands[first : first + 2]
        both = a.own_limit + b.own_limit + 1
        bands[first] = Band(a.own, a.own_limit, b.own, both)
        bands[first + 1] = Band(b.own, b.own_limit, a.own, both)
    return bands


def mask(positions: Positions, words: int) -> Words:
    """uint64[words] with the bits at `positions`."""
    bits = np.zeros(words, np.uint64)
    np.bitwise_or.at(bits, positions // 64, np.uint64(1) << (positions % 64).astype(np.uint64))
    return bits


class Rules(NamedTuple):
    """The limits of all bands: uint64[bands, words] masks of own bits and of both bands', uint8[bands] limits."""

    own: Words
    both: Words
    own_limit: npt.NDArray[np.uint8]
    both_limit: npt.NDArray[np.uint8]


def rules(bands: Sequence[Band], words: int) -> Rules:
    own = np.array([mask(band.own, words) for band in bands]).reshape(len(bands), words)
    both = own | np.array([mask(band.partner, words) for band in bands]).reshape(len(bands), words)
    limits = ([band.own_limit for band in bands], [band.both_limit for band in bands])
    return Rules(own, both, np.array(limits[0], np.uint8), np.array(limits[1], np.uint8))


def words_of(bits: Bytes) -> Words:
    """uint8[n, bytes] as uint64[n, words], padded with zeros."""
    if bits.shape[1] % 8 == 0 and bits.shape[1] and bits.flags.aligned:
        return np.ascontiguousarray(bits).view(np.uint64)
    padded = np.zeros((len(bits), max(1, -(-bits.shape[1] // 8)) * 8), np.uint8)
    padded[:, : bits.shape[1]] = bits
    return padded.view(np.uint64)
