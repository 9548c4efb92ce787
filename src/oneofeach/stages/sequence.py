"""Pairs in, Groups out, for frames in the order of time: each image is compared with the last kept one alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oneofeach.tables import Groups, Pairs, Rows


def in_sequence(order: Rows, pairs: Pairs, readable: npt.NDArray[np.bool_], threshold: float) -> Groups:
    """Walk the rows as they come: one at or above the threshold to the last kept row goes for it, or else is kept.

    A row that comes before the last kept one in `order` takes its place when it is a duplicate of all who went for it,
    so every removed row is a duplicate of its keeper. Rows not readable get keeper -1.
    order: int64[n], all rows by preference. threshold: at or above the floor of the pairs, or 0.0.
    """
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    links = _Links(pairs, threshold)
    keeper = np.full(len(order), -1, np.int64)
    run: list[int] = []
    kept = -1
    for row in np.flatnonzero(readable).tolist():
        if not run or not links.join(kept, row):
            run, kept = [], row
        elif rank[row] < rank[kept] and all(links.join(row, member) for member in run):
            kept = row
            keeper[run] = row
        run.append(row)
        keeper[row] = kept
    return links.groups(keeper)


class _Links:
    """Which rows are duplicates of each other, by their position in the pairs."""

    def __init__(self, pairs: Pairs, threshold: float) -> None:
        self.pairs, self.all = pairs, threshold == 0.0
        self.same = pairs.same.tolist()
        near = np.flatnonzero(pairs.similarity >= threshold)
        self.position = dict(zip(zip(pairs.i[near].tolist(), pairs.j[near].tolist(), strict=True), near, strict=True))

    def of(self, a: int, b: int) -> int:
        """Position of the pair, -1 for identical rows and for rows that are no duplicates."""
        one, other = self.same[a], self.same[b]
        return int(self.position.get((min(one, other), max(one, other)), -1))

    def join(self, a: int, b: int) -> bool:
        return self.all or self.same[a] == self.same[b] or self.of(a, b) >= 0

    def groups(self, keeper: Rows) -> Groups:
        pair = np.full(len(keeper), -1, np.int64)
        similarity = np.where(keeper >= 0, 1.0, 0.0)
        for row in np.flatnonzero((keeper >= 0) & (self.pairs.same[keeper] != self.pairs.same)).tolist():
            pair[row] = self.of(row, int(keeper[row]))
            similarity[row] = self.pairs.similarity[pair[row]] if pair[row] >= 0 else 0.0
        return Groups(keeper, similarity, pair)
