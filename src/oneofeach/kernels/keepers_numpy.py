"""Keeper-first in NumPy: the twin of keepers.c, and the parts of which the walk over dense rows is made."""

from __future__ import annotations

import numpy as np

from oneofeach.tables import Floats, Mask, Rows

ROUNDS = 32  # vectorized rounds before the rest, a long chain, is walked edge by edge


def keepers(
    order: Rows, i: Rows, j: Rows, similarity: Floats, same: Rows, readable: Mask, threshold: float
) -> tuple[Rows, Rows]:
    """See `oneofeach.kernels.keepers.keepers`."""
    rank, leader = ranks(order), leaders(order, same, readable)
    chosen, a, b = edges(i, j, similarity, threshold, leader, rank)
    kept = np.zeros(len(order), bool)
    kept[leader[leader >= 0]] = True
    kept[order[fallen(len(order), a, b)]] = False
    chosen, keeper, other = offers(i, j, chosen, leader, kept)
    own = np.where(readable, leader[same], -1)
    pair = np.full(len(order), -1, np.int64)
    rows = np.flatnonzero(readable & ~kept[own])
    best = best_before(rows, own[rows], rank, keeper, other, similarity[chosen])
    own[rows], pair[rows] = keeper[best], chosen[best]
    return own, pair


def ranks(order: Rows) -> Rows:
    """int64[n]: the place of each row in the order."""
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank


def leaders(order: Rows, same: Rows, readable: Mask) -> Rows:
    """int64[n]: by first row of a class of identical images, its readable row that comes first in `order`; else -1."""
    backwards = order[readable[order]][::-1]
    leader = np.full(len(order), -1, np.int64)
    leader[same[backwards]] = backwards  # of several values for one place the last is stored
    return leader


def edges(i: Rows, j: Rows, similarity: Floats, threshold: float, leader: Rows, rank: Rows) -> tuple[Rows, Rows, Rows]:
    """Positions of the pairs at or above the threshold, and the ranks a < b of the leaders they join."""
    chosen = np.flatnonzero(similarity >= threshold)
    i, j = leader[i[chosen]], leader[j[chosen]]
    known = (i >= 0) & (j >= 0)
    i, j = rank[i[known]], rank[j[known]]
    return chosen[known], np.minimum(i, j), np.maximum(i, j)


def fallen(n: int, a: Rows, b: Rows) -> Mask:
    """bool[n] by rank: not in the lexicographically first maximal independent set of the graph of edges a < b.

    A round keeps the rows without an undecided better neighbor and fells their neighbors.
    """
    fallen = np.zeros(n, bool)
    for _ in range(ROUNDS):
        if not len(a):
            return fallen
        root = np.ones(n, bool)
        root[b] = False
        fallen[b[root[a]]] = True
        undecided = ~(fallen[a] | fallen[b])
        a, b = a[undecided], b[undecided]
    by_rank = np.argsort(a, kind="stable")
    for better, worse in zip(a[by_rank].tolist(), b[by_rank].tolist(), strict=True):
        if not fallen[better]:
            fallen[worse] = True
    return fallen


def offers(i: Rows, j: Rows, chosen: Rows, leader: Rows, kept: Mask) -> tuple[Rows, Rows, Rows]:
    """Of the chosen pairs those that join a keeper to a class without one: positions, keepers, the other leaders."""
    i, j = leader[i[chosen]], leader[j[chosen]]
    one = kept[i] != kept[j]
    i, j = i[one], j[one]
    return chosen[one], np.where(kept[i], i, j), np.where(kept[i], j, i)


def best_before(rows: Rows, own: Rows, rank: Rows, keeper: Rows, other: Rows, similarity: Floats) -> Rows:
    """For each row, whose leader is `own`: which of the offers of a keeper to its leader, `other`, is the best one
    among those whose keeper comes before the row. Each has one.

    Rows and offers are merged by (leader, rank); a running maximum of the similarity then meets every row.
    """
    levels, level = np.unique(similarity, return_inverse=True)
    group = np.concatenate([other, own])
    merged = np.lexsort((np.concatenate([rank[keeper], rank[rows]]), group))
    level = np.concatenate([level.reshape(-1) + 1, np.zeros(len(rows), np.int64)])[merged]
    score = np.cumsum(np.diff(group[merged], prepend=-1) != 0) * (len(levels) + 1) + level
    best = np.maximum.accumulate(score)
    rises = np.diff(best, prepend=-1) != 0
    source = merged[np.maximum.accumulate(np.where(rises, np.arange(len(score)), 0))]
    asks = merged >= len(other)
    answer = np.empty(len(rows), np.int64)
    answer[merged[asks] - len(other)] = source[asks]
    return answer
