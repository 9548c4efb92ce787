"""Some rows → all rows whose group a decision about them can change, found without looking at any others.

Two rows are within reach of each other when pairs at or above the threshold, classes of identical pictures, or
decisions join them, in any number of steps: `keeper_first` places every row by those it is joined to.
"""

from __future__ import annotations

import numpy as np

from oneofeach.tables import Mask, Pairs, Rows

STEPS = 64  # from the decided rows to the farthest one; of longer chains all rows are regrouped
SHARE = 8  # of all rows one in so many; where more are within reach, all are regrouped


class Reach:
    """The pairs of each class, and the rows of each class, as slices of sorted arrays."""

    def __init__(self, pairs: Pairs) -> None:
        self._pairs = pairs
        self._by_j, self._by_class = np.argsort(pairs.j), np.argsort(pairs.same)
        classes = np.arange(len(pairs.same) + 1)
        self._i_starts = np.searchsorted(pairs.i, classes)
        self._j_starts = np.searchsorted(pairs.j[self._by_j], classes)
        self._class_starts = np.searchsorted(pairs.same[self._by_class], classes)

    def around(self, rows: Rows, threshold: float, goes: Rows) -> Rows | None:
        """int64[k], ascending: all rows within reach of these. goes: int64[n], for whom a row goes by decision, or -1.

        None when they are too many, or joined by pairs that are not listed.
        """
        pairs, found = self._pairs, np.zeros(0, np.int64)
        frontier = np.unique(pairs.same[rows])
        for _ in range(STEPS):
            if not len(frontier):
                return np.sort(self._members(found))
            found = np.union1d(found, frontier)
            if len(found) * SHARE > len(goes) or (pairs.unlisted is not None and pairs.unlisted.dense[frontier].any()):
                return None
            frontier = np.setdiff1d(self._next(frontier, threshold, goes), found)
        return None

    def among(self, rows: Rows) -> Rows:
        """Positions of the pairs of two of these rows, ascending. rows: ascending."""
        positions = slices(self._i_starts, rows)
        return positions[_holds(rows, self._pairs.j[positions])]

    def _next(self, classes: Rows, threshold: float, goes: Rows) -> Rows:
        """The classes one step away."""
        after, before = slices(self._i_starts, classes), self._by_j[slices(self._j_starts, classes)]
        after = after[self._pairs.similarity[after] >= threshold]
        before = before[self._pairs.similarity[before] >= threshold]
        members = self._members(classes)
        decided = np.concatenate([goes[members], np.flatnonzero(np.isin(goes, members))])
        others = self._pairs.same[decided[decided >= 0]]
        return np.unique(np.concatenate([self._pairs.j[after], self._pairs.i[before], others]))

    def _members(self, classes: Rows) -> Rows:
        return np.asarray(self._by_class[slices(self._class_starts, classes)])


def slices(starts: Rows, of: Rows) -> Rows:
    """All positions from starts[k] up to starts[k + 1], for each k."""
    first, lengths = starts[of], starts[of + 1] - starts[of]
    ends = np.cumsum(lengths)
    return np.asarray(np.arange(ends[-1] if len(ends) else 0) + np.repeat(first - ends + lengths, lengths))


def _holds(rows: Rows, wanted: Rows) -> Mask:
    """bool[m]: which of `wanted` are in `rows`, which are ascending and at least one."""
    at = np.minimum(np.searchsorted(rows, wanted), len(rows) - 1)
    return np.asarray(rows[at] == wanted)
