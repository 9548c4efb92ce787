"""Stored pairs, an order of preference, a threshold and what a person decided → groups. Nothing is decoded.

It is `keeper_first` as everywhere else; decisions only change what it is given: rows that stay come first in the order
and have no pairs with each other, pairs that were called apart are gone, rows that go are placed afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from oneofeach.apps.review.verdicts import Mask, Measured, Verdicts
from oneofeach.stages.grouping import keeper_first
from oneofeach.tables import Groups, Pairs, Reasons, Rows


def regroup(
    order: Rows, measured: Measured, readable: Mask, threshold: float, verdicts: Verdicts
) -> tuple[Groups, Pairs]:
    """Groups as `keeper_first` makes them, with every decision obeyed, and the pairs that they point into.

    order: int64[n], most preferred first. readable: bool[n].
    Laws: a row that stays is kept; a row that goes is removed while the row that stays in its place is readable;
    no two kept rows are duplicates unless a person said so.
    """
    if verdicts.empty:
        return keeper_first(order, measured.pairs, readable, threshold), measured.pairs
    goes = _destinations(verdicts, readable)
    going = goes >= 0
    stays = verdicts.stays & readable
    pairs = _allowed(_with_split(measured.pairs, verdicts), stays)
    first = np.concatenate([order[stays[order]], order[~stays[order]]])
    groups = keeper_first(first, pairs, readable & ~going, threshold)
    groups.keeper[stays], groups.similarity[stays], groups.pair[stays] = np.flatnonzero(stays), 1.0, -1
    rows = np.flatnonzero(going)
    keeper = groups.keeper[goes[rows]]  # what was said about the one that stays may have been taken back since
    groups.keeper[rows], groups.similarity[rows] = keeper, measured.similarity(rows, keeper)
    groups.pair[rows] = Measured(pairs).position(rows, keeper)
    return groups, pairs


def _destinations(verdicts: Verdicts, readable: Mask) -> Rows:
    """int64[n]: the row that stays for each row that goes; -1 where nobody decided or the one that stays is missing."""
    goes = verdicts.goes.copy()
    while (further := np.flatnonzero((goes >= 0) & (verdicts.goes[goes] >= 0))).size:
        goes[further] = verdicts.goes[goes[further]]
    missing = ~readable | ((goes >= 0) & ~readable[goes])
    goes[missing] = -1
    return np.asarray(goes)


def _with_split(pairs: Pairs, verdicts: Verdicts) -> Pairs:
    """The pairs without those called apart; a row that was split from its class gets the pairs of the class too."""
    if not verdicts.parted:
        return pairs
    position, same = np.flatnonzero(~verdicts.apart), pairs.same.copy()
    i, j = pairs.i[position], pairs.j[position]
    for row in np.flatnonzero(verdicts.split & (same != np.arange(len(same)))):
        found = np.flatnonzero((i == same[row]) | (j == same[row]))
        other = np.where(i[found] == same[row], j[found], i[found])
        i, j = np.append(i, np.minimum(row, other)), np.append(j, np.maximum(row, other))
        position, same[row] = np.append(position, position[found]), row
    by = np.lexsort((j, i))
    position = position[by]
    return replace(
        pairs, i=i[by], j=j[by], similarity=pairs.similarity[position], evidence=pairs.evidence[position], same=same
    )


def _allowed(pairs: Pairs, stays: Mask) -> Pairs:
    """Without the pairs between classes that both hold a row that stays."""
    held = np.zeros(len(stays), bool)
    held[pairs.same[stays]] = True
    allowed = ~(held[pairs.i] & held[pairs.j])
    i, j, similarity = pairs.i[allowed], pairs.j[allowed], pairs.similarity[allowed]
    return replace(pairs, i=i, j=j, similarity=similarity, evidence=pairs.evidence[allowed])


@dataclass(frozen=True)
class Reviewed:
    """The keep rules, and above them what the person said."""

    base: Reasons
    verdicts: Verdicts

    @property
    def order(self) -> Rows:
        return self.base.order

    def reason(self, keeper: int, goer: int) -> str:
        if self.verdicts.goes[goer] >= 0:
            return "chosen in the review"
        return self.base.reason(keeper, goer)
