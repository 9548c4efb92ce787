"""One bit per row: what every task needs to know of all rows. A billion rows are 125 MB."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oneofeach.tables import Bytes, Mask, Rows


@dataclass(frozen=True)
class Bitmap:
    """packed: uint8[rows / 8], the first row in the highest bit."""

    packed: Bytes

    @classmethod
    def empty(cls, rows: int) -> Bitmap:
        return cls(np.zeros(-(-rows // 8), np.uint8))

    @classmethod
    def load(cls, data: bytes) -> Bitmap:
        return cls(np.frombuffer(data, np.uint8))

    def add(self, rows: Rows) -> None:
        np.bitwise_or.at(self.packed, rows >> 3, (128 >> (rows & 7)).astype(np.uint8))

    def __getitem__(self, rows: Rows) -> Mask:
        """bool[m]: is the bit of each row set?"""
        return np.asarray((self.packed[rows >> 3] & (128 >> (rows & 7))) != 0)

    def between(self, low: int, high: int) -> Rows:
        """The rows low..high whose bit is set."""
        start = low >> 3
        inside = np.flatnonzero(np.unpackbits(self.packed[start : -(-high // 8)])) + (start << 3)
        return inside[(inside >= low) & (inside < high)]
