"""An assignment → the groups that are still open, as arrays: 100,000 groups must be dealt in milliseconds.

A card's number says what it is: a row (the keeper of an open group), n + the position of a pair (two images just below
the threshold), or -1 - the position of a decided set. It stays the same as long as the card does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from oneofeach.apps.review.reach import slices
from oneofeach.apps.review.verdicts import Mask
from oneofeach.tables import Catalog, Floats, Groups, Pairs, Rows

BYTES, PICTURE, ALIKE = 0, 1, 2
TIERS = ("bytes", "picture", "alike")
BORDER = 0.03  # groups and pairs closer than this to the threshold are "at the border"


@dataclass(frozen=True)
class Deck:
    """keepers: int64[g], ascending. Members of group g: members[starts[g]:starts[g + 1]], by preference.

    least: float64[g], the similarity of the member that is least like its keeper. tier: the weakest of its members.
    """

    keepers: Rows
    starts: Rows
    members: Rows
    least: Floats
    tier: Rows

    def group(self, keeper: int) -> Rows:
        """int64[m]: the keeper and its members; only the keeper when the group is no longer there."""
        at = int(np.searchsorted(self.keepers, keeper))
        if at == len(self.keepers) or self.keepers[at] != keeper:
            return np.array([keeper])
        return np.concatenate([[keeper], self.members[self.starts[at] : self.starts[at + 1]]])

    def without(self, keepers: Rows) -> Deck:
        """The deck without the groups of these keepers."""
        left = ~np.isin(self.keepers, keepers)
        lengths = np.diff(self.starts)
        members, lengths = self.members[np.repeat(left, lengths)], lengths[left]
        return Deck(self.keepers[left], _starts(lengths), members, self.least[left], self.tier[left])

    def joined(self, more: Deck) -> Deck:
        """With the groups of another deck, none of which is here."""
        at, lengths = np.searchsorted(self.keepers, more.keepers), np.diff(more.starts)
        return Deck(
            np.insert(self.keepers, at, more.keepers),
            _starts(np.insert(np.diff(self.starts), at, lengths)),
            np.insert(self.members, np.repeat(self.starts[at], lengths), more.members),
            np.insert(self.least, at, more.least),
            np.insert(self.tier, at, more.tier),
        )

    @property
    def in_order(self) -> Rows:
        """int64[k]: the rows of all groups, group by group in this order, the keeper first."""
        rows = np.insert(self.members, self.starts[:-1], self.keepers)
        return np.asarray(rows[slices(self.starts + np.arange(len(self.starts)), self.order)])

    def nearest(self, keepers: Rows) -> Rows:
        """int64[k]: positions of the groups of these keepers, those nearest to the threshold first."""
        at = np.searchsorted(self.keepers, keepers)
        return np.asarray(at[np.argsort(self.least[at], kind="stable")])

    @cached_property
    def order(self) -> Rows:
        """int64[g]: positions of the groups, those nearest to the threshold first."""
        digits = np.rint(self.least * 10_000).astype(np.uint16)  # it has four; short keys sort ten times faster
        return np.argsort(digits, kind="stable")


def deal(groups: Groups, rank: Rows, open_rows: Mask, contents: Rows) -> Deck:
    """The groups of the removed rows in `open_rows`. contents: int64[n], equal for equal bytes, -1 without bytes."""
    rows = np.flatnonzero(groups.removed & open_rows)
    keeper = groups.keeper[rows]
    by = np.lexsort((rank[rows], keeper))
    rows, keeper = rows[by], keeper[by]
    first = np.flatnonzero(np.diff(keeper, prepend=-1))
    if not len(rows):
        none = np.zeros(0, np.int64)
        return Deck(none, np.zeros(1, np.int64), none, np.zeros(0), none)
    similarity = groups.similarity[rows]
    equal = (contents[rows] == contents[keeper]) & (contents[rows] >= 0)
    tier = np.where(equal, BYTES, np.where(similarity == 1.0, PICTURE, ALIKE))
    least, worst = np.minimum.reduceat(similarity, first), np.maximum.reduceat(tier, first)
    return Deck(keeper[first], np.append(first, len(rows)), rows, least, worst)


def _starts(lengths: Rows) -> Rows:
    return np.concatenate([[0], np.cumsum(lengths)])


def near_misses(pairs: Pairs, groups: Groups, threshold: float, open_rows: Mask) -> Rows:
    """Positions of the pairs less than BORDER below the threshold whose images are both kept and undecided."""
    near = np.flatnonzero((pairs.similarity >= threshold - BORDER) & (pairs.similarity < threshold))
    stands = open_rows & (groups.keeper >= 0) & (groups.similarity == 1.0)  # kept, or identical to a kept one
    return np.asarray(near[stands[pairs.i[near]] & stands[pairs.j[near]]])


def contents_of(catalog: Catalog) -> Rows:
    """int64[n]: one number per content, -1 for images that never were a file."""
    content = np.ascontiguousarray(catalog.facts["content"])
    _, number = np.unique(content.view("V32").reshape(-1), return_inverse=True)
    return np.where(content.any(axis=1), number.reshape(-1), -1)
