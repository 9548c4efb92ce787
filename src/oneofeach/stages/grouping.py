"""Pairs and an order of preference in, Groups out: who stays, and for whom each of the others goes.

Keeper-first is the definition of "duplicate" that removal rests on; components exist for exploring only.
"""

from __future__ import annotations

import numpy as np

from oneofeach.errors import InvalidThreshold, OneOfEachError
from oneofeach.kernels.keepers import keepers
from oneofeach.kernels.keepers_numpy import edges, leaders, ranks
from oneofeach.tables import Groups, Mask, Pairs, Rows


def keeper_first(order: Rows, pairs: Pairs, readable: Mask, threshold: float) -> Groups:
    """Visit rows in `order`; one at or above the threshold to a kept row joins its best such keeper, or else is kept.

    order: int64[n], all rows by preference. readable: bool[n]; other rows get keeper -1.
    The best keeper is the most similar one, of equally similar ones the one that comes first in `order`.
    Two laws hold: no two kept rows are duplicates of each other, every removed row is a duplicate of its keeper.
    At threshold 0.0 all readable rows go for the first; similarity is then 0.0 where `pairs` knows of none.
    Raises InvalidThreshold outside 0..1, OneOfEachError below the floor of the pairs.
    """
    _check(threshold, pairs)
    if threshold == 0.0:
        return _all_for_the_first(order, pairs, readable)
    keeper, pair = keepers(order, pairs.i, pairs.j, pairs.similarity, pairs.same, readable, threshold)
    similarity = np.where(readable, 1.0, 0.0)
    joined = np.flatnonzero(pair >= 0)
    similarity[joined] = pairs.similarity[pair[joined]]
    return Groups(keeper, similarity, pair)


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
    leader, rank = leaders(order, pairs.same, readable), ranks(order)
    _, a, b = edges(pairs.i, pairs.j, pairs.similarity, threshold, leader, rank)
    root = order[_lowest_reachable(len(order), a, b)][rank]
    label[readable_order] = root[leader[pairs.same[readable_order]]]
    return label


def _check(threshold: float, pairs: Pairs) -> None:
    if not 0.0 <= threshold <= 1.0:
        raise InvalidThreshold(threshold)
    if 0.0 < threshold < pairs.floor:
        raise OneOfEachError(
            f"Threshold {threshold} is below {pairs.floor}, the floor of the pairs\nMatch again with floor={threshold}."
        )


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
