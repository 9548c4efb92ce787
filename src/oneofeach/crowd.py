"""Pairs in clusters too dense to list them all: measured when grouping asks for them, listed when they decide.

50,000 versions of one picture have 1,250 million pairs; grouping needs those of the few that stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from oneofeach.plugins import Fingerprint
from oneofeach.stages.neighbors import Bounded
from oneofeach.tables import Catalog, Floats, Groups, Mask, Pairs, Rows, joined

AT_ONCE = 4_000  # candidate pairs: more are no faster, and take memory


def measured(catalog: Catalog, method: Fingerprint, i: Rows, j: Rows, floor: float, same: Rows) -> Iterator[Pairs]:
    """All the pairs, in parts; similarities below the floor may be any value below it."""
    for start in range(0, len(i), AT_ONCE):
        left, right = i[start : start + AT_ONCE], j[start : start + AT_ONCE]
        similarity, evidence = method.similarity(catalog.bits, catalog.descriptors, left, right, floor)
        yield Pairs(floor, left, right, similarity, evidence, same)


@dataclass(frozen=True)
class Crowd:
    """Answers for pairs of two dense rows: see `tables.Unlisted`."""

    catalog: Catalog
    method: Fingerprint
    floor: float
    near: Bounded

    @property
    def dense(self) -> Mask:
        return self.near.dense

    def around(self, row: int) -> Rows:
        return self.near.around(row)

    def similarity(self, row: int, others: Rows) -> Floats:
        return self.pairs(np.full(len(others), row), others).similarity

    def pairs(self, one: Rows, other: Rows) -> Pairs:
        """The pairs of these rows, in the order given."""
        i, j, same = np.minimum(one, other), np.maximum(one, other), np.zeros(0, np.int64)
        return joined(list(measured(self.catalog, self.method, i, j, self.floor, same)), self.floor, same)


def witnessed(pairs: Pairs, groups: Groups) -> tuple[Pairs, Groups]:
    """Both again, with every pair listed for which a row goes."""
    if not isinstance(pairs.unlisted, Crowd):
        return pairs, groups
    rows = np.flatnonzero(groups.removed & (groups.pair < 0) & (pairs.same != pairs.same[groups.keeper]))
    ends = np.sort([pairs.same[rows], pairs.same[groups.keeper[rows]]], axis=0)
    (one, other), which = np.unique(ends, axis=1, return_inverse=True)
    every = joined([pairs, pairs.unlisted.pairs(one, other)], pairs.floor, pairs.same)
    order = np.lexsort((every.j, every.i))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    pair, listed = groups.pair.copy(), groups.pair >= 0
    pair[listed] = place[pair[listed]]
    pair[rows] = place[len(pairs) + which.reshape(-1)]
    i, j, similarity, evidence = every.i[order], every.j[order], every.similarity[order], every.evidence[order]
    return replace(pairs, i=i, j=j, similarity=similarity, evidence=evidence), replace(groups, pair=pair)
