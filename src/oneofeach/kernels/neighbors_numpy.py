"""The Hamming join in plain NumPy: the twin of neighbors.c, with the same pairs in the same order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from oneofeach.kernels.bands import Band, Mask, Rules, Words, rules
from oneofeach.kernels.within import bit_counts
from oneofeach.tables import Rows

CHUNK = 1 << 18  # candidates looked at together: they stay in the cache


def ones_by_table(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Number of set bits of each value: uint16 or uint64[...] → uint8[...]. For NumPy before 2.0."""
    return np.asarray(bit_counts()[values[..., None].view(np.uint16)].sum(-1, dtype=np.uint8))


ones: Any = getattr(np, "bitwise_count", ones_by_table)


def join(
    left: Words,
    right: Words | None,
    bands: Sequence[Band],
    radius: int,
    workers: int,
    dense: Mask | None = None,
    limit: int = 0,
) -> tuple[Rows, Rows, npt.NDArray[np.uint16]]:
    """See `oneofeach.kernels.neighbors.join`."""
    work = _Join(left, left if right is None else right, right is None, rules(bands, left.shape[1]), radius)
    offset = 0 if right is None else len(left)
    found = [_Found(None if dense is None else dense.copy(), offset, limit) for _ in bands]
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work.band, range(len(bands)), bands, found))
    for own in (part.dense for part in found):
        if dense is not None and own is not None:
            dense |= own
    i, j = (np.concatenate(side) for side in zip(*(part.all() for part in found), strict=True))
    by_row = np.lexsort((j, i))
    i, j = i[by_row], j[by_row]
    return i, j, _different(left[i], work.right[j])


@dataclass
class _Found:
    """Pairs that one band finds; beyond the limit, those among the rows that have most of them are let go."""

    dense: Mask | None
    right: int  # where the rows of another table begin in `dense`
    limit: int
    parts: list[tuple[Rows, Rows]] = field(default_factory=list)
    count: int = 0

    def add(self, i: Rows, j: Rows) -> None:
        self.parts.append((i, j))
        self.count += len(i)
        if self.dense is not None and self.count > self.limit:
            self._thin_out(self.dense)

    def listed(self, i: Rows, j: Rows) -> tuple[Rows, Rows]:
        """The pairs that are not of two dense rows."""
        if self.dense is None:
            return i, j
        listed = ~(self.dense[i] & self.dense[j + self.right])
        return i[listed], j[listed]

    def all(self) -> tuple[Rows, Rows]:
        nothing = np.zeros(0, np.int64)
        i, j = (np.concatenate([nothing, *(part[side] for part in self.parts)]) for side in (0, 1))
        return i, j

    def _thin_out(self, dense: Mask) -> None:
        i, j = self.all()
        degree, many, enough = np.bincount(np.concatenate([i, j + self.right])), 1024, len(i) // 2
        while len(i) > enough:
            dense[: len(degree)] |= degree > many
            (i, j), many = self.listed(i, j), many // 2
        self.parts, self.count = [(i, j)], len(i)


@dataclass(frozen=True)
class _Join:
    left: Words
    right: Words
    itself: bool
    rules: Rules
    radius: int

    def band(self, number: int, band: Band, found: _Found) -> None:
        ours = _table(self.left, band)
        theirs = ours if self.itself else _table(self.right, band)
        for a, b in _candidates(ours, theirs, band, self.itself):
            i, j = self._near(*found.listed(ours.row[a], theirs.row[b]), number)
            if len(i):
                found.add(*(np.minimum(i, j), np.maximum(i, j)) if self.itself else (i, j))

    def _near(self, i: Rows, j: Rows, number: int) -> tuple[Rows, Rows]:
        """Those of the candidates within the radius that this band is the first to find."""
        near = _different(self.left[i], self.right[j]) <= self.radius
        i, j = i[near], j[near]
        for band in range(number, -1, -1):
            listed = self._finds(i, j, band) == (band == number)
            i, j = i[listed], j[listed]
        return i, j

    def _finds(self, i: Rows, j: Rows, band: int) -> Mask:
        different = self.left[i] ^ self.right[j]
        own = ones(different & self.rules.own[band]).sum(-1, dtype=np.uint16) <= self.rules.own_limit[band]
        both = ones(different & self.rules.both[band]).sum(-1, dtype=np.uint16) <= self.rules.both_limit[band]
        return np.asarray(own & both)


def _different(a: Words, b: Words) -> npt.NDArray[np.uint16]:
    return np.asarray(ones(a ^ b).sum(-1, dtype=np.uint16))


@dataclass(frozen=True)
class _Table:
    """Rows in the order of their key in one band; bucket k is positions start[k] .. start[k + 1]."""

    row: Rows
    start: Rows
    keys: npt.NDArray[np.uint32]  # that have rows
    partner: npt.NDArray[np.uint16]  # by position


def _table(codes: Words, band: Band) -> _Table:
    key = _bits_at(codes, band.own, np.uint32)
    row = np.argsort(key if len(band.own) > 16 else key.astype(np.uint16), kind="stable")
    start = np.zeros((1 << len(band.own)) + 1, np.int64)
    np.cumsum(np.bincount(key, minlength=1 << len(band.own)), out=start[1:])
    keys = np.flatnonzero(np.diff(start)).astype(np.uint32)
    return _Table(row, start, keys, _bits_at(codes, band.partner[:16], np.uint16)[row])


def _bits_at(codes: Words, positions: npt.NDArray[np.uint16], dtype: Any) -> npt.NDArray[Any]:
    value = np.zeros(len(codes), dtype)
    for k, position in enumerate(positions.tolist()):
        value |= ((codes[:, position // 64] >> np.uint64(position % 64) & np.uint64(1)) << np.uint64(k)).astype(dtype)
    return value


def _candidates(ours: _Table, theirs: _Table, band: Band, itself: bool) -> Iterator[tuple[Rows, Rows]]:
    """Positions in both tables whose keys and partners are within the limits of the band; each pair once."""
    for probe in band.probes():
        key = ours.keys
        other = key ^ probe
        met = theirs.start[other + np.uint32(1)] > theirs.start[other]
        if itself:
            met &= other >= key
        key, other = key[met], other[met]
        a, per_key = _spread(ours.start[key], ours.start[key + np.uint32(1)] - ours.start[key])
        first, after = theirs.start[other][per_key], theirs.start[other + np.uint32(1)][per_key]
        if itself and probe == 0:
            first = a + 1
        limit = band.both_limit - int(probe).bit_count()
        for part in _chunks(after - first):
            b, per_row = _spread(first[part], (after - first)[part])
            if len(band.partner):
                near = ones(ours.partner[a[part]][per_row] ^ theirs.partner[b]) <= limit
                b, per_row = b[near], per_row[near]
            yield a[part][per_row], b


def _spread(first: Rows, count: Rows) -> tuple[Rows, Rows]:
    """The numbers first[k] .. first[k] + count[k], one k after the other, and their k."""
    k = np.repeat(np.arange(len(count)), count)
    offset = first - (np.cumsum(count) - count)
    return np.arange(len(k)) + offset[k], k


def _chunks(count: Rows) -> Iterator[slice]:
    """Slices of rows with about CHUNK candidates each."""
    total = np.cumsum(count)
    start = 0
    while start < len(count):
        done = total[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(total, done + CHUNK, side="right")))
        yield slice(start, stop)
        start = stop
