"""Decisions of a person, in the order they were made → what they say about every row and pair.

A decision covers sets of images. In a set some images stay and the others go for one of them; or all are "apart":
not duplicates of each other, and nothing more is said about them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby, permutations

import numpy as np
import numpy.typing as npt

from oneofeach.tables import Floats, Pairs, Rows

Mask = npt.NDArray[np.bool_]

ACCEPT, KEEP, ALL, APART, MARKS, BULK = "accept", "keep", "all", "apart", "marks", "bulk"
FEW = 64  # members up to which all their pairs are looked up one by one


@dataclass(frozen=True, slots=True)
class Decided:
    """One set of a decision. rows: int64[m], in the order they were shown; stays: bool[m]."""

    decision: int
    kind: str
    rows: Rows
    stays: Mask

    @property
    def whole(self) -> tuple[int, ...]:
        return tuple(sorted(self.rows.tolist()))


class Measured:
    """Looks up the similarity of two rows among the stored pairs."""

    def __init__(self, pairs: Pairs) -> None:
        self.pairs = pairs
        self._n = len(pairs.same)
        self._keys = pairs.i * self._n + pairs.j

    def position(self, a: Rows, b: Rows) -> Rows:
        """int64[m]: where the pairs of classes are in `pairs`; -1 when below the floor, or of one class."""
        a, b = self.pairs.same[a], self.pairs.same[b]
        wanted = np.minimum(a, b) * self._n + np.maximum(a, b)
        if not len(self._keys):
            return np.full(len(wanted), -1, np.int64)
        at = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
        return np.where((self._keys[at] == wanted) & (a != b), at, -1)

    def similarity(self, a: Rows, b: Rows) -> Floats:
        """float64[m]: 1.0 for identical pictures, 0.0 for what is below the floor; measured where it is not listed."""
        position, (a, b) = self.position(a, b), (self.pairs.same[a], self.pairs.same[b])
        found = np.zeros(len(position))
        found[position >= 0] = self.pairs.similarity[position[position >= 0]]
        if self.pairs.unlisted is not None:
            dense = self.pairs.unlisted.dense
            for at in np.flatnonzero((position < 0) & (a != b) & dense[a] & dense[b]).tolist():
                value = float(self.pairs.unlisted.similarity(int(a[at]), b[at : at + 1])[0])
                found[at] = value if value >= self.pairs.floor else 0.0
        return np.where(a == b, 1.0, found)

    def among(self, rows: Rows) -> Rows:
        """Positions of all stored pairs between the classes of these rows."""
        if len(rows) > FEW:
            classes = self.pairs.same[rows]
            return np.flatnonzero(np.isin(self.pairs.i, classes) & np.isin(self.pairs.j, classes))
        left, right = np.triu_indices(len(rows), 1)
        position = self.position(rows[left], rows[right])
        return np.unique(position[position >= 0])


@dataclass
class Verdicts:
    """What the decisions add up to; a later one overrules an earlier one.

    stays: bool[n], kept whatever the threshold. goes: int64[n], the row kept instead, -1 when nothing was decided.
    apart: bool[m] of the pairs. split: bool[n], taken out of its class of identical pictures.
    unlike: the same as `apart` for pairs of dense classes, listed or not: class → classes, both ways.
    """

    stays: Mask
    goes: Rows
    apart: Mask
    split: Mask
    unlike: dict[int, set[int]] = field(default_factory=dict)
    parted: bool = False  # whether `apart` or `split` was ever set

    @property
    def decided(self) -> Mask:
        """bool[n]: rows about which something was said."""
        return self.stays | (self.goes >= 0)

    @property
    def empty(self) -> bool:
        return not (self.parted or self.stays.any() or (self.goes >= 0).any())


def latest(decided: Iterable[Decided], n: int) -> Rows:
    """int64[n]: position of the last set that each row is in, -1 when it is in none."""
    sets, found = list(decided), np.full(n, -1, np.int64)
    if sets:
        found[np.concatenate([one.rows for one in sets])] = np.repeat(np.arange(len(sets)), [len(s.rows) for s in sets])
    return found


def verdicts_of(decided: Iterable[Decided], measured: Measured) -> Verdicts:
    """Apply sets in order."""
    n, m = len(measured.pairs.same), len(measured.pairs)
    verdicts = Verdicts(np.zeros(n, bool), np.full(n, -1, np.int64), np.zeros(m, bool), np.zeros(n, bool))
    for bulk, sets in groupby(decided, lambda one: one.kind == BULK):
        if bulk:
            add_bulk(verdicts, list(sets))
        else:
            for one in sets:
                add(verdicts, one, measured)
    return verdicts


def add(verdicts: Verdicts, one: Decided, measured: Measured) -> None:
    """Let one more set speak."""
    if one.kind == APART or verdicts.parted:
        _part(verdicts, one.rows, measured, one.kind == APART)
    verdicts.goes[one.rows] = -1
    verdicts.stays[one.rows] = one.stays
    if one.kind == APART:
        verdicts.stays[one.rows] = False
        return
    staying, going = one.rows[one.stays], one.rows[~one.stays]
    for row in going:
        similarity = measured.similarity(np.full(len(staying), row), staying) if len(staying) > 1 else np.zeros(1)
        verdicts.goes[row] = staying[int(np.argmax(similarity))]


def add_bulk(verdicts: Verdicts, sets: list[Decided]) -> None:
    """Many sets at once, in each of which the first row stays and the others go."""
    lengths = np.array([len(one.rows) for one in sets])
    rows = np.concatenate([one.rows for one in sets])
    keepers = np.repeat([one.rows[0] for one in sets], lengths)
    verdicts.stays[rows] = rows == keepers
    verdicts.goes[rows] = np.where(rows == keepers, -1, keepers)


def _part(verdicts: Verdicts, rows: Rows, measured: Measured, apart: bool) -> None:
    _, of, count = np.unique(measured.pairs.same[rows], return_inverse=True, return_counts=True)
    verdicts.apart[measured.among(rows)] = apart
    verdicts.split[rows[count[of] > 1]] = apart
    verdicts.parted = True
    if measured.pairs.unlisted is not None:
        classes = np.unique(measured.pairs.same[rows])
        for one, other in permutations(classes[measured.pairs.unlisted.dense[classes]].tolist(), 2):
            others = verdicts.unlike.setdefault(one, set())
            (others.add if apart else others.discard)(other)
