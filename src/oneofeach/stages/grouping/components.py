"""Connected components: for exploring, never for removing."""

from __future__ import annotations

import numpy as np

from oneofeach.kernels.keepers_numpy import edges, leaders, ranks
from oneofeach.stages.grouping.keeper_first import check
from oneofeach.tables import Mask, Pairs, Rows


def components(order: Rows, pairs: Pairs, readable: Mask, threshold: float) -> Rows:
    """int64[n]: the first row in `order` of the connected component of each row, -1 for rows not readable.

    Rows of one component need not be alike; unlisted pairs join nothing. Arguments and errors as for `keeper_first`.
    """
    check(threshold, pairs)
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
