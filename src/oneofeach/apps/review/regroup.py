"""Stored pairs, an order of preference, a threshold and what a person decided → groups. Nothing is decoded.

It is `keeper_first` as everywhere else; decisions only change what it is given: rows that stay come first in the order
and are no duplicates of each other, nor are those that were called apart; rows that go are placed afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from oneofeach.apps.review.verdicts import Mask, Measured, Verdicts
from oneofeach.stages.decisions import NONE, Apart
from oneofeach.stages.grouping import keeper_first
from oneofeach.tables import EVIDENCE, Floats, Groups, Pairs, Reasons, Rows


def regroup(
    order: Rows, measured: Measured, readable: Mask, threshold: float, verdicts: Verdicts
) -> tuple[Groups, Pairs]:
    """Groups as `keeper_first` makes them, with every decision obeyed, and the pairs that they point into.

    order: int64[n], most preferred first. readable: bool[n].
    Laws: a row that stays is kept; a row that goes is removed while the row that stays in its place is readable;
    no two kept rows are duplicates unless a person said so.
    Pairs that a person ruled out are still there, with a similarity of NONE; `listed` leaves them out.
    """
    if verdicts.empty:
        return keeper_first(order, measured.pairs, readable, threshold), measured.pairs
    goes = _destinations(verdicts, readable)
    going = goes >= 0
    stays = verdicts.stays & readable
    whole, apart = _with_split(measured.pairs, verdicts)
    pairs = _obeying(whole, apart, stays, verdicts.unlike)
    first = np.concatenate([order[stays[order]], order[~stays[order]]])
    groups = keeper_first(first, pairs, readable & ~going, threshold)
    groups.keeper[stays], groups.similarity[stays], groups.pair[stays] = np.flatnonzero(stays), 1.0, -1
    rows = np.flatnonzero(going)
    keeper = groups.keeper[goes[rows]]  # what was said about the one that stays may have been taken back since
    groups.keeper[rows], groups.similarity[rows] = keeper, measured.similarity(rows, keeper)
    groups.pair[rows] = (measured if whole is measured.pairs else Measured(whole)).position(rows, keeper)
    return groups, pairs


def listed(pairs: Pairs, groups: Groups) -> tuple[Pairs, Groups]:
    """Both again, without the pairs that a person ruled out."""
    stand = pairs.similarity >= 0
    place = np.append(np.where(stand, np.cumsum(stand) - 1, -1), -1)  # the last one is for "no pair"
    return pairs.take(stand), replace(groups, pair=place[groups.pair])


def _destinations(verdicts: Verdicts, readable: Mask) -> Rows:
    """int64[n]: the row that stays for each row that goes; -1 where nobody decided or the one that stays is missing."""
    goes = verdicts.goes.copy()
    while (further := np.flatnonzero((goes >= 0) & (verdicts.goes[goes] >= 0))).size:
        goes[further] = verdicts.goes[goes[further]]
    missing = ~readable | ((goes >= 0) & ~readable[goes])
    goes[missing] = -1
    return np.asarray(goes)


def _with_split(pairs: Pairs, verdicts: Verdicts) -> tuple[Pairs, Mask]:
    """The pairs, and which of them were called apart; a row split from its class gets the pairs of the class too."""
    rows = np.flatnonzero(verdicts.split & (pairs.same != np.arange(len(pairs.same))))
    if not len(rows):
        return pairs, verdicts.apart
    same = pairs.same.copy()
    same[rows] = rows
    parts = [(pairs.i, pairs.j, pairs.similarity, pairs.evidence)]
    parts += [_as_its_class(pairs, verdicts, int(row)) for row in rows]
    i, j, similarity, evidence = (np.concatenate(column) for column in zip(*parts, strict=True))
    apart = np.append(verdicts.apart, np.zeros(len(i) - len(pairs), bool))
    by = np.lexsort((j, i))
    whole = replace(pairs, i=i[by], j=j[by], similarity=similarity[by], evidence=evidence[by], same=same)
    return whole, apart[by]


def _as_its_class(pairs: Pairs, verdicts: Verdicts, row: int) -> tuple[Rows, Rows, Floats, np.ndarray]:
    """Columns of the pairs that a row has as a member of its class, listed or not."""
    model = int(pairs.same[row])
    found = np.flatnonzero(((pairs.i == model) | (pairs.j == model)) & ~verdicts.apart)
    other = np.where(pairs.i[found] == model, pairs.j[found], pairs.i[found])
    similarity, evidence = pairs.similarity[found], pairs.evidence[found]
    if pairs.unlisted is not None and pairs.unlisted.dense[model]:
        more = np.setdiff1d(pairs.unlisted.around(model), [*other, model, *verdicts.unlike.get(model, ())])
        value = pairs.unlisted.similarity(model, more)
        more, value = more[value >= pairs.floor], value[value >= pairs.floor]
        other, similarity = np.append(other, more), np.append(similarity, value)
        evidence = np.append(evidence, np.zeros(len(more), EVIDENCE))
    return np.minimum(row, other), np.maximum(row, other), similarity, evidence


def _obeying(pairs: Pairs, apart: Mask, stays: Mask, unlike: Mapping[int, set[int]]) -> Pairs:
    """No pair that was called apart is alike, and no two classes are that both hold a row that stays."""
    held = np.zeros(len(stays), bool)
    held[pairs.same[stays]] = True
    similarity = np.where(apart | (held[pairs.i] & held[pairs.j]), NONE, pairs.similarity)
    return replace(pairs, similarity=similarity, unlisted=pairs.unlisted and Apart(pairs.unlisted, unlike, held, held))


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
