"""Neighbors where output could explode: pairs are listed up to a limit, those among the densest rows only on demand.

A picture that 50,000 rows share has 1,250 million pairs; whoever only wants groups asks for a few of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oneofeach.kernels.bands import Words, words_of
from oneofeach.kernels.neighbors_numpy import ones
from oneofeach.stages.neighbors.join import checked, joined
from oneofeach.tables import Bytes, Mask, Rows

LIMIT = 20_000_000  # pairs
MANY = 1024  # pairs of a key: unless all pairs are listed, to ask for these is cheaper than to list them
PER_TASK = 1 << 16  # pairs that a part of the join may always hold: a few close rows are not yet dense


@dataclass(frozen=True)
class Bounded:
    """Pairs of rows within the radius, i < j, sorted; a pair of two dense rows may be missing: `around` finds it.

    dense: bool[n]. keys: uint64[k, words], what made rows dense; members: the rows of each, from start[k] on;
    rows, key: the dense rows, ascending, and which keys they have. side: bool[k], keys only meet those of the other
    side; None: all meet all.
    """

    i: Rows
    j: Rows
    dense: Mask
    radius: int
    keys: Words
    members: Rows
    start: Rows
    rows: Rows
    key: Rows
    side: Mask | None = None

    def around(self, row: int) -> Rows:
        """The other dense rows near this dense row, ascending; pairs with them may be missing from the list."""
        own = self.key[np.searchsorted(self.rows, row) : np.searchsorted(self.rows, row, side="right")]
        near = np.zeros(len(self.keys), bool)
        for key in own:
            close = ones(self.keys ^ self.keys[key]).sum(-1, dtype=np.uint16) <= self.radius
            near |= close if self.side is None else close & (self.side != self.side[key])
        found = _ascending(self.members[_spread(self.start[:-1][near], np.diff(self.start)[near])])
        return np.asarray(found[found != row])


def bounded(
    of: Rows, keys: Bytes, n: int, radius: int, limit: int = LIMIT, workers: int = 0, split: int | None = None
) -> Bounded:
    """The neighbors of n rows that have any number of keys each: rows are neighbors when any of their keys are.

    of: int64[k], the row of each key. keys: uint8[k, bytes]. At most `limit` pairs are listed; where there are
    more, rows with many pairs become dense. split: only the first `split` keys meet the others, which belong to other
    rows; None: all meet all. Errors as for `neighbors`.
    """
    words, other = words_of(checked("keys", keys)), np.arange(len(keys)) >= (len(keys) if split is None else split)
    first, key = _distinct(words, other)
    side = other[first]
    members, size = of[np.argsort(key, kind="stable")], np.bincount(key, minlength=len(first))
    start = np.concatenate([[0], np.cumsum(size)])
    dense = np.zeros(len(first), bool)
    a = b = np.zeros(0, np.int64)
    if radius >= 0 and len(first) and (split is None or 0 < side.sum() < len(side)):
        a, b = _joined(words[first], side, keys.shape[1] * 8, radius, workers, dense, max(PER_TASK, limit // 256))
        shared = np.flatnonzero((size > 1) & ~dense & (split is None))
        a, b = _thinned(np.concatenate([a, shared]), np.concatenate([b, shared]), size, dense, limit)
    i, j = _rows(a, b, members, start, n)
    chosen = np.flatnonzero(dense)
    entries = np.flatnonzero(dense[key])
    entries = entries[np.argsort(of[entries], kind="stable")]
    dense_rows = np.zeros(n, bool)
    dense_rows[of[entries]] = True
    members = members[_spread(start[chosen], size[chosen])]
    start = np.concatenate([[0], np.cumsum(size[chosen])])
    position = np.searchsorted(chosen, key[entries])
    sides = None if split is None else side[chosen]
    return Bounded(i, j, dense_rows, radius, words[first[chosen]], members, start, of[entries], position, sides)


def _distinct(words: Words, other: Mask) -> tuple[Rows, Rows]:
    """The first row of each kind of equal rows of one side, and for each row the number of its kind; others last."""
    order = np.lexsort((*words.T[::-1], other)) if other.any() else np.lexsort(words.T[::-1])
    new = np.ones(len(words), bool)
    new[1:] = (words[order[1:]] != words[order[:-1]]).any(axis=1) | (other[order[1:]] != other[order[:-1]])
    number = np.empty(len(words), np.int64)
    number[order] = np.cumsum(new) - 1
    return order[new], number


def _joined(
    keys: Words, side: Mask, bits: int, radius: int, workers: int, dense: Mask, limit: int
) -> tuple[Rows, Rows]:
    """Pairs of keys, which are sorted by their side; those of two sides where there are two."""
    left = int(np.searchsorted(side, True))
    if left == len(keys):
        a, b, _ = joined(keys, None, bits, radius, workers, dense, limit)
        return a, b
    a, b, _ = joined(keys[:left], keys[left:], bits, radius, workers, dense, limit)
    return a, b + left


def _thinned(a: Rows, b: Rows, size: Rows, dense: Mask, limit: int) -> tuple[Rows, Rows]:
    """The pairs of keys left when all pairs of rows fit the limit.

    Unless all are listed, keys with more than MANY pairs of rows are dense, and with fewer and fewer until it holds.
    """
    weight = size[a] * size[b]
    degree = np.bincount(a, weight, len(size)) + np.bincount(b, weight, len(size))
    many, crowded = float(MANY), dense.any() or weight.sum() > limit
    while crowded:
        dense |= degree > many
        listed = ~(dense[a] & dense[b])
        a, b, weight = a[listed], b[listed], weight[listed]
        many, crowded = many / 2, weight.sum() > limit
    return a, b


def _rows(a: Rows, b: Rows, members: Rows, start: Rows, n: int) -> tuple[Rows, Rows]:
    """All pairs of a row of one key with a row of the other, each once, i < j, sorted."""
    size = np.diff(start)
    count = size[a] * size[b]
    pair = np.repeat(np.arange(len(a)), count)
    within = np.arange(len(pair)) - (np.cumsum(count) - count)[pair]
    left = members[start[a[pair]] + within // size[b[pair]]]
    right = members[start[b[pair]] + within % size[b[pair]]]
    return each_once(left, right, n)


def each_once(one: Rows, other: Rows, n: int) -> tuple[Rows, Rows]:
    """The pairs of two of n rows, i < j, sorted, without repetition and without pairs of a row with itself."""
    pair = np.minimum(one, other) * n + np.maximum(one, other)
    pair.sort()
    i, j = np.divmod(pair[np.diff(pair, prepend=-1) != 0], max(n, 1))
    apart = i != j
    return i[apart], j[apart]


def _ascending(rows: Rows) -> Rows:
    """Each row once. Many of them are marked in a mask, which is faster than to sort them."""
    last = int(rows.max(initial=0))
    if len(rows) < last >> 6:
        rows = np.sort(rows)
        return np.asarray(rows[np.diff(rows, prepend=-1) != 0])
    marked = np.zeros(last + 1, bool)
    marked[rows] = True
    return np.flatnonzero(marked)


def _spread(first: Rows, count: Rows) -> Rows:
    """The numbers first[k] .. first[k] + count[k], one k after the other."""
    offset = first - (np.cumsum(count) - count)
    return np.asarray(np.arange(count.sum()) + np.repeat(offset, count))
