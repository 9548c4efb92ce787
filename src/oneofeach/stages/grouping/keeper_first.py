"""Keeper-first: rows in order of preference, each kept or gone for a kept one before it."""

from __future__ import annotations

import numpy as np

from oneofeach.errors import InvalidThreshold, OneOfEachError
from oneofeach.kernels.keepers import keepers
from oneofeach.stages.grouping.unlisted import ask_for_unlisted
from oneofeach.tables import Floats, Groups, Mask, Pairs, Rows


def keeper_first(order: Rows, pairs: Pairs, readable: Mask, threshold: float) -> Groups:
    """Visit rows in `order`; one at or above the threshold to a kept row joins its best such keeper, or else is kept.

    order: int64[n], all rows by preference. readable: bool[n]; other rows get keeper -1.
    The best keeper is the most similar one, of equally similar ones the one that comes first in `order`.
    Two laws hold: no two kept rows are duplicates of each other, every removed row is a duplicate of its keeper.
    At threshold 0.0 all readable rows go for the first; similarity is then 0.0 where `pairs` knows of none.
    Raises InvalidThreshold outside 0..1, OneOfEachError below the floor of the pairs.
    Unlisted pairs are asked for as rows are kept: the result is the same as if all were listed.
    """
    check(threshold, pairs)
    if threshold == 0.0:
        return _all_for_the_first(order, pairs, readable)
    if pairs.unlisted is not None:
        return ask_for_unlisted(order, pairs, pairs.unlisted, readable, threshold)
    keeper, pair = keepers(order, pairs.i, pairs.j, pairs.similarity, pairs.same, readable, threshold)
    similarity = np.where(readable, 1.0, 0.0)
    joined = np.flatnonzero(pair >= 0)
    similarity[joined] = pairs.similarity[pair[joined]]
    return Groups(keeper, similarity, pair)


def check(threshold: float, pairs: Pairs) -> None:
    if not 0.0 <= threshold <= 1.0:
        raise InvalidThreshold(threshold)
    if 0.0 < threshold < pairs.floor:
        raise OneOfEachError(
            f"Threshold {threshold} is below {pairs.floor}, the floor of the pairs\nMatch again with floor={threshold}."
        )


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
        similarity += _unlisted(pairs, int(pairs.same[first[0]]))[pairs.same] * (readable & (pair < 0))
        similarity[readable & (pairs.same == pairs.same[first])] = 1.0
    return Groups(keeper, similarity, pair)


def _unlisted(pairs: Pairs, row: int) -> Floats:
    """float64[n]: similarity of a row to those it has an unlisted pair with; 0.0 to others, and below the floor."""
    similarity = np.zeros(len(pairs.same))
    if pairs.unlisted is not None and pairs.unlisted.dense[row]:
        others = pairs.unlisted.around(row)
        similarity[others] = pairs.unlisted.similarity(row, others)
        similarity[similarity < pairs.floor] = 0.0
    return similarity
