"""Pairs in clusters too dense to list them all: measured when grouping asks for them, listed when they decide.

50,000 versions of one picture have 1,250 million pairs; grouping needs those of the few that stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from oneofeach.engines import threads
from oneofeach.plugins import Fingerprint
from oneofeach.stages.decisions import Apart
from oneofeach.stages.neighbors import Bounded
from oneofeach.tables import Catalog, Floats, Groups, Mask, Pairs, Rows, joined

FEW, AT_ONCE = 256, 1_000  # candidate pairs: less are not worth a thread; more are no faster, and take memory


def measured(
    catalog: Catalog, method: Fingerprint, i: Rows, j: Rows, floor: float, same: Rows, workers: int
) -> Iterator[Pairs]:
    """All the pairs, in parts and their order; similarities below the floor may be any value below it."""
    step = min(AT_ONCE, max(FEW, -(-len(i) // workers)))

    def measure(start: int) -> Pairs:
        left, right = i[start : start + step], j[start : start + step]
        similarity, evidence = method.similarity(catalog.bits, catalog.descriptors, left, right, floor)
        return Pairs(floor, left, right, similarity, evidence, same)

    starts = range(0, len(i), step)
    return threads.run(measure, starts, workers=min(workers, len(starts)))


@dataclass(frozen=True)
class Crowd:
    """Answers for pairs of two dense rows: see `tables.Unlisted`."""

    catalog: Catalog
    method: Fingerprint
    floor: float
    near: tuple[Bounded, ...]
    workers: int = 1

    @cached_property
    def dense(self) -> Mask:
        return np.asarray(np.logical_or.reduce([near.dense for near in self.near]))

    def around(self, row: int) -> Rows:
        found = [near.around(row) for near in self.near if near.dense[row]]
        return found[0] if len(found) == 1 else np.unique(np.concatenate(found))

    def similarity(self, row: int, others: Rows) -> Floats:
        return self.pairs(np.full(len(others), row), others).similarity

    def pairs(self, one: Rows, other: Rows) -> Pairs:
        """The pairs of these rows, in the order given."""
        i, j, same = np.minimum(one, other), np.maximum(one, other), np.zeros(0, np.int64)
        return joined(list(measured(self.catalog, self.method, i, j, self.floor, same, self.workers)), self.floor, same)


def witnessed(pairs: Pairs, groups: Groups) -> tuple[Pairs, Groups]:
    """Both again, with every pair listed for which a row goes."""
    crowd = _measuring(pairs)
    if crowd is None:
        return pairs, groups
    rows = np.flatnonzero(groups.removed & (groups.pair < 0) & (pairs.same != pairs.same[groups.keeper]))
    ends = np.sort([pairs.same[rows], pairs.same[groups.keeper[rows]]], axis=0)
    (one, other), which = np.unique(ends, axis=1, return_inverse=True)
    every = pairs.also([crowd.pairs(one, other)])
    order = np.lexsort((every.j, every.i))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    pair, listed = groups.pair.copy(), groups.pair >= 0
    pair[listed] = place[pair[listed]]
    pair[rows] = place[len(pairs) + which.reshape(-1)]
    return every.take(order), replace(groups, pair=pair)


def with_best(pairs: Pairs, reference: Mask) -> Pairs:
    """Again, with the best unlisted pair of each row with one of the references listed, if it reaches the floor.

    reference: bool[n]. Of equally similar references the first is the best. Rows are measured one by one.
    """
    crowd, unlisted = _measuring(pairs), pairs.unlisted
    if crowd is None or unlisted is None:
        return pairs
    found = {}
    for row in np.flatnonzero(unlisted.dense & ~reference & (pairs.same == np.arange(len(reference)))).tolist():
        others = unlisted.around(row)
        others = others[reference[others]]
        similarity = unlisted.similarity(row, others)
        if similarity.max(initial=0.0) >= pairs.floor:
            found[row] = int(others[np.argmax(similarity)])
    one, other = np.array(list(found), np.int64), np.array(list(found.values()), np.int64)
    new = ~np.isin(one * len(reference) + other, pairs.i * len(reference) + pairs.j)
    every = pairs.also([crowd.pairs(one[new], other[new])])
    return every.take(np.lexsort((every.j, every.i)))


def _measuring(pairs: Pairs) -> Crowd | None:
    """What measures the unlisted pairs, a person's decisions aside."""
    unlisted = pairs.unlisted.whole if isinstance(pairs.unlisted, Apart) else pairs.unlisted
    return unlisted if isinstance(unlisted, Crowd) else None
