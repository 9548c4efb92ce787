"""Pairs and an order of preference in, Groups out: who stays, and for whom each of the others goes.

Keeper-first is the definition of "duplicate" that removal rests on; components exist for exploring only.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oneofeach.errors import InvalidThreshold, OneOfEachError
from oneofeach.tables import Groups, Pairs, Rows

Mask = npt.NDArray[np.bool_]

ROUNDS = 32  # vectorized rounds before the rest, a long chain, is walked edge by edge


def keeper_first(order: Rows, pairs: Pairs, readable: Mask, threshold: float) -> Groups:
    """Visit rows in `order`; one at or above the threshold to a kept row joins its best such keeper, or else is kept.

    order: int64[n], all rows by preference. readable: bool[n]; other rows get keeper -1.
    The best keeper is the most similar one, of equally similar ones the one that comes first in `order`.
    Two laws hold: no two kept rows are duplicates of each other, every removed row is a duplicate of its keeper.
    At threshold 0.0 all readable rows go for the first; similarity is then 0.0 where `pairs` knows of none.
    Raises InvalidThreshold outside 0..1, OneOfEachError below the floor of the pairs.
    """
    _check(threshold, pairs)
    rank = _ranks(order)
    leader = _leaders(order, pairs.same, readable)
    if threshold == 0.0:
        return _all_for_the_first(order, pairs, readable)
    chosen, a, b = _edges(pairs, threshold, leader, rank)
    kept = np.zeros(len(order), bool)
    kept[leader[leader >= 0]] = True
    kept[order[_fallen(len(order), a, b)]] = False
    return _assign(order, rank, pairs, readable, leader, kept, chosen)


def components(order: Rows, pairs: Pairs, readable: Mask, threshold: float) -> Rows:
    """int64[n]: the first row in `order` of the connected component of each row, -1 for rows not readable.

    For exploring only: rows of one component need not be alike. Arguments and errors as for `keeper_first`.
    """
    _check(threshold, pairs)
    readable_order = order[readable[order]]
    label = np.full(len(order), -1, np.int64)
    if threshold == 0.0:
        label[readable_order] = readable_order[:1]
        return label
    leader = _leaders(order, pairs.same, readable)
    _, a, b = _edges(pairs, threshold, leader, _ranks(order))
    root = order[_lowest_reachable(len(order), a, b)][_ranks(order)]
    label[readable_order] = root[leader[pairs.same[readable_order]]]
    return label


def _check(threshold: float, pairs: Pairs) -> None:
    if not 0.0 <= threshold <= 1.0:
        raise InvalidThreshold(threshold)
    if 0.0 < threshold < pairs.floor:
        raise OneOfEachError(
            f"Threshold {threshold} is below {pairs.floor}, the floor of the pairs\nMatch again with floor={threshold}."
        )


def _ranks(order: Rows) -> Rows:
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank


def _leaders(order: Rows, same: Rows, readable: Mask) -> Rows:
    """int64[n]: by first row of a class of identical images, its readable row that comes first in `order`; else -1."""
    backwards = order[readable[order]][::-1]
    leader = np.full(len(order), -1, np.int64)
    leader[same[backwards]] = backwards  # of several values for one place the last is stored
    return leader


def _edges(pairs: Pairs, threshold: float, leader: Rows, rank: Rows) -> tuple[Rows, Rows, Rows]:
    """Positions in `pairs` at or above the threshold, and the ranks a < b of the leaders they join."""
    chosen = np.flatnonzero(pairs.similarity >= threshold)
    i, j = leader[pairs.i[chosen]], leader[pairs.j[chosen]]
    known = (i >= 0) & (j >= 0)
    i, j = rank[i[known]], rank[j[known]]
    return chosen[known], np.minimum(i, j), np.maximum(i, j)


def _fallen(n: int, a: Rows, b: Rows) -> Mask:
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
        open_edges = ~(fallen[a] | fallen[b])
        a, b = a[open_edges], b[open_edges]
    by_rank = np.argsort(a, kind="stable")
    for better, worse in zip(a[by_rank].tolist(), b[by_rank].tolist(), strict=True):
        if not fallen[better]:
            fallen[worse] = True
    return fallen


def _lowest_reachable(n: int, a: Rows, b: Rows) -> Rows:
    """int64[n]: the lowest number connected to each, by hooking roots onto lower ones and halving the paths."""
    root = np.arange(n)
    while len(a):
        low, high = np.minimum(root[a], root[b]), np.maximum(root[a], root[b])
        np.minimum.at(root, high, low)
        while not np.array_equal(root, root[root]):
            root = root[root]
        apart = root[a] != root[b]
        a, b = a[apart], b[apart]
    return root


def _assign(order: Rows, rank: Rows, pairs: Pairs, readable: Mask, leader: Rows, kept: Mask, chosen: Rows) -> Groups:
    """Each readable row to the best kept row before it."""
    own = leader[pairs.same]
    keeper = np.where(readable, own, -1)
    similarity = np.where(readable, 1.0, 0.0)
    pair = np.full(len(order), -1, np.int64)
    rows = np.flatnonzero(readable & ~kept[own])
    place, position = _best_before(rows, rank, pairs, own, leader, kept, chosen)
    keeper[rows], pair[rows], similarity[rows] = place, position, pairs.similarity[position]
    return Groups(keeper, similarity, pair)


def _best_before(
    rows: Rows, rank: Rows, pairs: Pairs, own: Rows, leader: Rows, kept: Mask, chosen: Rows
) -> tuple[Rows, Rows]:
    """For rows whose class keeps none: the best keeper that comes before each, and the position of their pair.

    Rows and keepers are merged by (class, rank); a running maximum of the similarity then meets every row.
    """
    i, j = leader[pairs.i[chosen]], leader[pairs.j[chosen]]
    one = kept[i] != kept[j]
    i, j, chosen = i[one], j[one], chosen[one]
    keeper, other = np.where(kept[i], i, j), np.where(kept[i], j, i)
    levels, level = np.unique(pairs.similarity[chosen], return_inverse=True)
    group = np.concatenate([other, own[rows]])
    merged = np.lexsort((np.concatenate([rank[keeper], rank[rows]]), group))
    level = np.concatenate([level + 1, np.zeros(len(rows), np.int64)])[merged]
    score = np.cumsum(np.diff(group[merged], prepend=-1) != 0) * (len(levels) + 1) + level
    best = np.maximum.accumulate(score)
    first = np.diff(best, prepend=-1) != 0
    source = merged[np.maximum.accumulate(np.where(first, np.arange(len(score)), 0))]
    asks = merged >= len(chosen)
    answer = np.empty(len(rows), np.int64)
    answer[merged[asks] - len(chosen)] = source[asks]
    return keeper[answer], chosen[answer]


def _all_for_the_first(order: Rows, pairs: Pairs, readable: Mask) -> Groups:
    keeper = np.full(len(order), -1, np.int64)
    similarity = np.zeros(len(order))
    pair = np.full(len(order), -1, np.int64)
    first = order[readable[order]][:1]
    if len(first):
        keeper[readable] = first
        by_class = np.full(len(order), -1, np.int64)
        for here, there in ((pairs.i, pairs.j), (pairs.j, pairs.i)):
            joins = np.flatnonzero(here == pairs.same[first])
            by_class[there[joins]] = joins
        pair = np.where(readable, by_class[pairs.same], -1)
        if len(pairs):
            similarity = np.where(pair >= 0, pairs.similarity[pair], 0.0)
        similarity[readable & (pairs.same == pairs.same[first])] = 1.0
    return Groups(keeper, similarity, pair)
