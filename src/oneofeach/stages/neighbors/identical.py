"""Rows that are equal byte for byte → the first of them; they need no comparison and make no pairs."""

from __future__ import annotations

import numpy as np

from oneofeach.tables import Bytes, Rows


def identical(bits: Bytes, descriptors: Bytes, kinds: Bytes) -> Rows:
    """int64[n]: the first row of the same kind with the same bits and the same descriptor as each row.

    kinds: uint8[n]; rows of different kinds are never identical.
    Rows are gathered by a sort of their bits; descriptors are only read where bits are equal.
    """
    first = np.arange(len(bits))
    if not len(bits):
        return first
    words = np.ascontiguousarray(bits).view("<u8") if bits.shape[1] % 8 == 0 else bits
    order = np.lexsort((*words.T, kinds))
    equal = (bits[order[1:]] == bits[order[:-1]]).all(axis=1) & (np.diff(kinds[order]) == 0)
    starts = np.flatnonzero(np.r_[True, ~equal])
    ends = np.r_[starts[1:], len(bits)]
    for start, end in zip(starts[ends - starts > 1], ends[ends - starts > 1], strict=True):
        seen: dict[bytes, int] = {}
        for row in order[start:end].tolist():  # lexsort is stable: rows of equal bits come in ascending order
            first[row] = seen.setdefault(descriptors[row].tobytes(), row)
    return first
