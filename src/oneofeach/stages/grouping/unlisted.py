"""Keeper-first where not all pairs are listed: a dense row that is kept asks which other dense rows fall for it.

Rows are visited in order of preference, so an unlisted pair is measured only if one of its rows is kept.
"""

from __future__ import annotations

import numpy as np

from oneofeach.kernels.keepers_numpy import best_before, edges, fallen, leaders, offers, ranks
from oneofeach.tables import Floats, Groups, Mask, Pairs, Rows, Unlisted

AT_ONCE = 4096  # edges: more are walked in rounds of arrays, fewer one by one


def ask_for_unlisted(order: Rows, pairs: Pairs, unlisted: Unlisted, readable: Mask, threshold: float) -> Groups:
    """`keeper_first` for pairs of which those of two dense rows may be missing; the result is the same."""
    rank, leader = ranks(order), leaders(order, pairs.same, readable)
    chosen, a, b = edges(pairs.i, pairs.j, pairs.similarity, threshold, leader, rank)
    gone = np.zeros(len(order), bool)  # by rank
    walk = _Walk(a, b, gone)
    place_of = rank[leader]  # anything where there is no leader: no readable row will ask
    asked = _Asked(order[readable[order]], pairs.same, rank, place_of, gone)
    dense = np.flatnonzero(unlisted.dense & (leader >= 0))
    places = place_of[dense]
    by_place = np.argsort(places)
    for row, place in zip(dense[by_place].tolist(), places[by_place].tolist(), strict=True):
        if gone[place]:  # nearly all of them: what is listed need not be walked for these
            continue
        walk.until(place)
        if not gone[place]:
            others = asked.undecided(row, unlisted.around(row))
            asked.answer(row, others, unlisted.similarity(row, others), threshold)
    walk.until(len(order))

    kept = np.zeros(len(order), bool)
    kept[leader[leader >= 0]] = True
    kept[order[gone]] = False
    chosen, keeper, other = offers(pairs.i, pairs.j, chosen, leader, kept)
    askers = np.repeat(np.array(asked.rows, np.int64), [len(others) for others in asked.others])
    keeper = np.concatenate([keeper, leader[askers]])
    other = np.concatenate([other, *(leader[others] for others in asked.others)])
    similarity = np.concatenate([pairs.similarity[chosen], *asked.similarities])
    position = np.full(len(keeper), -1)
    position[: len(chosen)] = chosen
    own = np.where(readable, leader[pairs.same], -1)
    rows = np.flatnonzero(readable & ~kept[own])
    best = best_before(rows, own[rows], rank, keeper, other, similarity)
    groups = Groups(own, np.where(readable, 1.0, 0.0), np.full(len(order), -1))
    groups.keeper[rows], groups.similarity[rows], groups.pair[rows] = keeper[best], similarity[best], position[best]
    return groups


class _Walk:
    """Fells rows along the listed edges a < b of ranks, as far as it is told."""

    def __init__(self, a: Rows, b: Rows, fallen: Mask) -> None:
        by_rank = np.argsort(a, kind="stable")
        self.a, self.b, self.fallen, self.at = a[by_rank], b[by_rank], fallen, 0

    def until(self, rank: int) -> None:
        part = slice(self.at, int(np.searchsorted(self.a, rank)))
        self.at = part.stop
        a, b = self.a[part], self.b[part]
        if len(a) > AT_ONCE:
            stands = ~self.fallen[a]
            self.fallen |= fallen(len(self.fallen), a[stands], b[stands])
            return
        for better, worse in zip(a.tolist(), b.tolist(), strict=True):
            if not self.fallen[better]:
                self.fallen[worse] = True


class _Asked:
    """What kept dense rows learned: offers of their class to other classes, each better than those before.

    place: by class, the rank of its leader. fallen: by rank.
    """

    def __init__(self, order: Rows, same: Rows, rank: Rows, place: Rows, fallen: Mask) -> None:
        self.place, self.fallen = place, fallen
        self.last = np.full(len(same), -1)  # by class: the rank of its last readable row
        self.last[same[order]] = rank[order]  # of several values for one place the last is stored
        self.best = np.zeros(len(same))  # by class
        self.rows: list[int] = []
        self.others: list[Rows] = []
        self.similarities: list[Floats] = []

    def undecided(self, row: int, others: Rows) -> Rows:
        """Those classes that may fall for the class of `row`, or have a row after it that may prefer it."""
        place = self.place[row]
        others = others[(self.last[others] > place) & (self.best[others] < 1.0)]
        lead = self.place[others]
        return np.asarray(others[(lead > place) | self.fallen[lead]])

    def answer(self, row: int, others: Rows, similarity: Floats, threshold: float) -> None:
        near = similarity >= threshold
        self.fallen[self.place[others[near]]] = True
        better = near & (similarity > self.best[others])
        others, similarity = others[better], similarity[better]
        self.best[others] = similarity
        self.rows.append(row)
        self.others.append(others)
        self.similarities.append(similarity)
