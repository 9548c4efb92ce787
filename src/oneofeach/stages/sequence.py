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
    """Which rows are duplicates of each other. Unlisted pairs are measured when they are asked for, and remembered."""

    def __init__(self, pairs: Pairs, threshold: float) -> None:
        self.pairs, self.threshold, self.dense = pairs, threshold, np.zeros(len(pairs.same), bool)
        self.ends = pairs.i * len(pairs.same) + pairs.j  # ascending
        self.measured: dict[int, float] = {}
        if pairs.unlisted is not None:
            self.dense = pairs.unlisted.dense

    def of(self, a: int, b: int) -> tuple[int, float]:
        """Position of the pair, -1 where it is not listed; its similarity, 0.0 where nothing is known of it."""
        one, other = sorted((int(self.pairs.same[a]), int(self.pairs.same[b])))
        if one == other:
            return -1, 1.0
        ends = one * len(self.pairs.same) + other
        place = int(np.searchsorted(self.ends, ends))
        if place < len(self.ends) and self.ends[place] == ends:
            return place, float(self.pairs.similarity[place])
        return -1, self._unlisted(one, other, ends)

    def _unlisted(self, one: int, other: int, ends: int) -> float:
        if self.pairs.unlisted is None or not (self.dense[one] and self.dense[other]):
            return 0.0
        if ends not in self.measured:
            similarity = float(self.pairs.unlisted.similarity(one, np.array([other]))[0])
            self.measured[ends] = similarity if similarity >= self.pairs.floor else 0.0
        return self.measured[ends]

    def join(self, a: int, b: int) -> bool:
        return self.threshold == 0.0 or self.of(a, b)[1] >= self.threshold

    def groups(self, keeper: Rows) -> Groups:
        pair = np.full(len(keeper), -1, np.int64)
        similarity = np.where(keeper >= 0, 1.0, 0.0)
        for row in np.flatnonzero((keeper >= 0) & (keeper != np.arange(len(keeper)))).tolist():
            pair[row], similarity[row] = self.of(row, int(keeper[row]))
        return Groups(keeper, similarity, pair)
