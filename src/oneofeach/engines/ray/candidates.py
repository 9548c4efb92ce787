"""Two blocks of fingerprints → every pair of rows that their bits do not rule out, in bounded batches.

Equal search keys are joined once, however many rows have them; rows meet only when a batch is written out. Pairs of
two dense keys are left out: see density.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from oneofeach.kernels.bands import Words, words_of
from oneofeach.plugins import Fingerprint
from oneofeach.stages.neighbors import neighbors
from oneofeach.tables import Bytes, Mask, Rows

BATCH = 2_000_000
"""Pairs written out at a time, unless a single row has more."""
NONE: Words = np.zeros(0, np.uint64)


@dataclass(frozen=True)
class Keyed:
    """A block's rows by search key: the rows with key k are of[starts[k]:starts[k + 1]], counted in the block.

    dense: bool[k].
    """

    rows: Rows
    bits: Bytes
    keys: Bytes
    of: Rows
    starts: Rows
    dense: Mask

    @property
    def sizes(self) -> Rows:
        """int64[k]: how many rows have each key."""
        return np.diff(self.starts)


def keyed(method: Fingerprint, rows: Rows, bits: Bytes, dense: Words = NONE) -> Keyed:
    """dense: uint64[d], what keys that are dense begin with."""
    of, keys = method.keys(bits)
    words = words_of(keys)
    by_key = np.argsort(words[:, 0]) if words.shape[1] == 1 else np.lexsort(words.T)
    other = (words[by_key[1:]] != words[by_key[:-1]]).any(axis=1)
    starts = np.flatnonzero(np.concatenate([[True], other, [True]])) if len(words) else np.zeros(1, np.int64)
    first = by_key[starts[:-1]]
    return Keyed(rows, bits, keys[first], of[by_key], starts, np.isin(words[first, 0], dense))


@dataclass(frozen=True)
class Join:
    """near[links[k]:links[k + 1]]: the keys of `right` that are within the radius of key k of `left`."""

    left: Keyed
    right: Keyed
    links: Rows
    near: Rows

    @cached_property
    def meeting(self) -> tuple[Rows, Rows]:
        """int64[m] rows of `left`, ascending and counted in the block, and their keys; only where the key is near one.

        A row with several such keys is there several times.
        """
        key = np.repeat(np.arange(len(self.links) - 1), self.left.sizes)
        met = np.flatnonzero(np.diff(self.links)[key])
        row = self.left.of[met]
        by_row = np.argsort(row, kind="stable")
        return row[by_row], key[met[by_row]]

    @cached_property
    def ends(self) -> Rows:
        """int64[m + 1]: how many rows of `right` the first rows of `meeting` meet, once for every pair of keys."""
        rows_near = np.concatenate([[0], np.cumsum(self.right.sizes[self.near])])
        met = np.diff(rows_near[self.links])[self.meeting[1]]
        return np.concatenate([[0], np.cumsum(met)])

    def batches(self, share: int, shares: int) -> Iterator[tuple[Rows, Rows]]:
        """One share of the pairs i < j of rows, as sorted batches; a row of `left` belongs to one batch only."""
        row, key = self.meeting
        low, high = (self._start(int(self.ends[-1]) * part // shares) for part in (share, share + 1))
        while low < high:
            after = min(max(self._start(int(self.ends[low]) + BATCH), self._next(low)), high)
            yield self._pairs(row[low:after], key[low:after])
            low = after

    def _start(self, pairs: int) -> int:
        """Where the row begins with which so many pairs are reached."""
        row, at = self.meeting[0], int(np.searchsorted(self.ends, pairs))
        return int(np.searchsorted(row, row[at])) if at < len(row) else len(row)

    def _next(self, at: int) -> int:
        row = self.meeting[0]
        return int(np.searchsorted(row, row[at], side="right"))

    def _pairs(self, row: Rows, key: Rows) -> tuple[Rows, Rows]:
        """All pairs of rows of `left`, each given with one of its keys, and rows of `right`: i < j, sorted, unique."""
        row, link = _expanded(row, self.links, key)
        row, place = _expanded(row, self.right.starts, self.near[link])
        one, other = self.left.rows[row], self.right.rows[self.right.of[place]]
        ahead = one < other
        i, j = one[ahead], other[ahead]
        by = np.lexsort((j, i))
        i, j = i[by], j[by]
        new = np.concatenate([[True], (i[1:] != i[:-1]) | (j[1:] != j[:-1])])[: len(i)]
        return i[new], j[new]


def join(method: Fingerprint, floor: float, left: Keyed, right: Keyed) -> Join:
    """The exact join of the keys of two blocks, or of one block with itself (left is right); none of two dense keys."""
    radius = method.radius(floor)
    rare, dense = (np.flatnonzero(left.dense == one) for one in (False, True))
    if left is not right:
        every, others = np.arange(len(right.keys)), np.flatnonzero(~right.dense)
        found = [_near(left, rare, right, every, radius), _near(left, dense, right, others, radius)]
    else:
        i, j, _ = neighbors(left.keys[rare], radius, workers=1)
        itself = rare[left.sizes[rare] > 1] if radius >= 0 else rare[:0]
        across, crowded = _near(left, rare, left, dense, radius)
        i, j = np.concatenate([rare[i], across]), np.concatenate([rare[j], crowded])
        found = [(i, j), (j, i), (itself, itself)]
    one, other = (np.concatenate(side) for side in zip(*found, strict=True))
    by_key = np.argsort(one, kind="stable")
    links = np.concatenate([[0], np.cumsum(np.bincount(one, minlength=len(left.keys)))])
    return Join(left, right, links, other[by_key])


def _near(left: Keyed, some: Rows, right: Keyed, others: Rows, radius: int) -> tuple[Rows, Rows]:
    """Some of the keys of `left` and those among others of `right` that are near them."""
    i, j, _ = neighbors(left.keys[some], radius, right.keys[others], workers=1)
    return some[i], others[j]


def _expanded(row: Rows, starts: Rows, of: Rows) -> tuple[Rows, Rows]:
    """Every position starts[k]..starts[k + 1] for each k in `of`, and the row that it stands beside."""
    sizes = starts[of + 1] - starts[of]
    ends = np.cumsum(sizes)
    inside = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - sizes, sizes)
    return np.repeat(row, sizes), np.repeat(starts[of], sizes) + inside
