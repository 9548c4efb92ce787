"""The search keys of two blocks → every pair of rows with keys near each other, in bounded batches.

Equal search keys are joined once, however many rows have them; rows meet only when a batch is written out. Pairs of
two dense keys are left out: see density.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from oneofeach.engines.ray.keyed import Keyed
from oneofeach.stages.neighbors import neighbors
from oneofeach.tables import Rows

BATCH = 2_000_000
"""Pairs written out at a time, unless a single row has more."""


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
        one, other = self.left.low + row, self.right.low + self.right.of[place]
        ahead = one < other
        i, j = one[ahead], other[ahead]
        by = np.lexsort((j, i))
        i, j = i[by], j[by]
        new = np.concatenate([[True], (i[1:] != i[:-1]) | (j[1:] != j[:-1])])[: len(i)]
        return i[new], j[new]


def join(radius: int, left: Keyed, right: Keyed) -> Join:
    """The exact join of the keys of two blocks, or of one block with itself (left is right); none of two dense keys."""
    rare, dense = (np.flatnonzero(left.dense == one) for one in (False, True))
    if left is not right:
        every, others = np.arange(len(right.keys)), np.flatnonzero(~right.dense)
        found = [_near(left, rare, right, every, radius), _near(left, dense, right, others, radius)]
    else:
        i, j, _ = neighbors(np.take(left.keys, rare, axis=0), radius, workers=1)
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
    keys, other = np.take(left.keys, some, axis=0), np.take(right.keys, others, axis=0)
    i, j, _ = neighbors(keys, radius, other, workers=1)
    return some[i], others[j]


def _expanded(row: Rows, starts: Rows, of: Rows) -> tuple[Rows, Rows]:
    """Every position starts[k]..starts[k + 1] for each k in `of`, and the row that it stands beside."""
    sizes = starts[of + 1] - starts[of]
    ends = np.cumsum(sizes)
    inside = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - sizes, sizes)
    return np.repeat(row, sizes), np.repeat(starts[of], sizes) + inside
