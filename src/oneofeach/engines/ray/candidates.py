"""Two blocks of fingerprints → every pair of rows that their bits do not rule out, in bounded batches.

Equal search keys are joined once, however many rows have them; rows meet only when a batch is written out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from oneofeach.plugins import Fingerprint
from oneofeach.stages.neighbors import neighbors
from oneofeach.tables import Bytes, Rows

BATCH = 2_000_000
"""Pairs written out at a time, unless a single row has more."""


@dataclass(frozen=True)
class Keyed:
    """A block's rows by search key: the rows with key k are of[starts[k]:starts[k + 1]], counted in the block."""

    rows: Rows
    bits: Bytes
    keys: Bytes
    of: Rows
    starts: Rows


def keyed(method: Fingerprint, rows: Rows, bits: Bytes) -> Keyed:
    of, keys = method.keys(bits)
    packed = np.ascontiguousarray(keys).view(np.dtype((np.void, keys.shape[1]))).ravel()
    _, first, key = np.unique(packed, return_index=True, return_inverse=True)
    by_key = np.argsort(key, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(key, minlength=len(first)))])
    return Keyed(rows, bits, keys[first], of[by_key], starts)


@dataclass(frozen=True)
class Join:
    """near[links[k]:links[k + 1]]: the keys of `right` that are within the radius of key k of `left`."""

    left: Keyed
    right: Keyed
    links: Rows
    near: Rows

    def sizes(self) -> Rows:
        """int64[rows of left]: how many rows of `right` each row meets, counted once for every pair of keys."""
        rows_near = np.concatenate([[0], np.cumsum(np.diff(self.right.starts)[self.near])])
        per_key = np.diff(rows_near[self.links])
        key = np.repeat(np.arange(len(per_key)), np.diff(self.left.starts))
        sizes = np.bincount(self.left.of, per_key[key].astype(np.float64), len(self.left.rows))
        return sizes.astype(np.int64)

    def batches(self, share: int, shares: int) -> Iterator[tuple[Rows, Rows]]:
        """One share of the pairs i < j of rows, as sorted batches; a row of `left` belongs to one batch only."""
        total = np.concatenate([[0], np.cumsum(self.sizes())])
        low, high = (np.searchsorted(total, int(total[-1]) * part // shares) for part in (share, share + 1))
        key = np.repeat(np.arange(len(self.links) - 1), np.diff(self.left.starts))
        by_row = np.argsort(self.left.of, kind="stable")
        key_of, at = key[by_row], np.concatenate([[0], np.cumsum(np.bincount(self.left.of, minlength=len(total) - 1))])
        while low < high:
            after = max(low + 1, int(np.searchsorted(total, total[low] + BATCH, side="right")) - 1)
            after = min(after, high)
            yield self._pairs(
                np.repeat(np.arange(low, after), np.diff(at[low : after + 1])), key_of[at[low] : at[after]]
            )
            low = after

    def _pairs(self, row: Rows, key: Rows) -> tuple[Rows, Rows]:
        """All pairs of rows of `left`, each given with one of its keys, and rows of `right`: i < j, sorted, unique."""
        row, link = _expanded(row, self.links, key)
        row, place = _expanded(row, self.right.starts, self.near[link])
        one, other = self.left.rows[row], self.right.rows[self.right.of[place]]
        ahead = one < other
        i, j = one[ahead], other[ahead]
        by = np.lexsort((j, i))
        i, j = i[by], j[by]
        new = np.concatenate([[True], (i[1:] != i[:-1]) | (j[1:] != j[:-1])])[: len(i)]
        return i[new], j[new]


def join(method: Fingerprint, floor: float, left: Keyed, right: Keyed) -> Join:
    """The exact join of the keys of two blocks, or of one block with itself (left is right)."""
    radius = method.radius(floor)
    if left is not right:
        one, other, _ = neighbors(left.keys, radius, right.keys, workers=1)
    else:
        i, j, _ = neighbors(left.keys, radius, workers=1)
        itself = np.arange(len(left.keys) if radius >= 0 else 0)
        one, other = np.concatenate([i, j, itself]), np.concatenate([j, i, itself])
    by_key = np.argsort(one, kind="stable")
    links = np.concatenate([[0], np.cumsum(np.bincount(one, minlength=len(left.keys)))])
    return Join(left, right, links, other[by_key])


def _expanded(row: Rows, starts: Rows, of: Rows) -> tuple[Rows, Rows]:
    """Every position starts[k]..starts[k + 1] for each k in `of`, and the row that it stands beside."""
    sizes = starts[of + 1] - starts[of]
    ends = np.cumsum(sizes)
    inside = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - sizes, sizes)
    return np.repeat(row, sizes), np.repeat(starts[of], sizes) + inside
