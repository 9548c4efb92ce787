"""Rows that are equal byte for byte → the first of them; they need no comparison and make no pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from oneofeach.tables import Bytes, Rows


def identical(bits: Bytes, descriptors: Bytes, kinds: Bytes) -> Rows:
    """int64[n]: the first row of the same kind with the same bits and the same descriptor as each row.

    kinds: uint8[n]; rows of different kinds are never identical.
    Rows are gathered by a sort of their bits, first by a part of them; descriptors are only read where bits are equal.
    """
    first = np.arange(len(bits))
    words = np.ascontiguousarray(bits).view("<u8") if bits.shape[1] % 8 == 0 else bits
    rows = _tied(words[:, 0], kinds)
    if not len(rows):
        return first
    order = rows[np.lexsort((*words[rows].T, kinds[rows]))]
    equal = (bits[order[1:]] == bits[order[:-1]]).all(axis=1) & (np.diff(kinds[order]) == 0)
    starts = np.flatnonzero(np.r_[True, ~equal])
    ends = np.r_[starts[1:], len(order)]
    for start, end in zip(starts[ends - starts > 1], ends[ends - starts > 1], strict=True):
        seen: dict[bytes, int] = {}
        for row in order[start:end].tolist():  # lexsort is stable: rows of equal bits come in ascending order
            first[row] = seen.setdefault(descriptors[row].tobytes(), row)
    return first


def _tied(word: npt.NDArray[Any], kinds: Bytes) -> Rows:
    """int64[m], ascending: the rows whose first word and kind are those of another one. Mostly these are few."""
    order = np.lexsort((word, kinds))
    equal = (np.diff(kinds[order]) == 0) & (word[order[1:]] == word[order[:-1]])
    return np.sort(order[np.r_[equal, False] | np.r_[False, equal]]) if len(order) else order
