"""Descriptions in any order → one catalog. Large arrays live in a nameless file on disk, not in memory."""

from __future__ import annotations

import mmap
import sys
import tempfile
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from oneofeach.plugins import Fingerprint
from oneofeach.tables import FACTS, Bytes, Catalog, Description, Item, Rows

ON_DISK = 256 << 20  # bytes; larger arrays are files
HELD = 64 << 20  # bytes of such a file that may stay in memory at a time


class Assembly:
    """A catalog to be, row by row."""

    def __init__(self, items: Sequence[Item], method: Fingerprint) -> None:
        self.items, self.fingerprint = items, method.name
        self.facts = np.zeros(len(items), FACTS)
        self.bits = np.zeros((len(items), method.bits // 8), np.uint8)
        self.descriptors = blank(len(items), method.descriptor_bytes)
        self.errors: dict[int, str] = {}
        self.notes: dict[int, str] = {}
        self._open = np.ones(len(items), bool)
        self._written = 0

    @property
    def missing(self) -> Rows:
        """int64[m]: rows without a description."""
        return np.flatnonzero(self._open)

    def put(self, rows: Sequence[int], descriptions: Sequence[Description]) -> None:
        """Fill ascending rows, one description each."""
        at = slice(rows[0], rows[-1] + 1) if rows[-1] - rows[0] == len(rows) - 1 else np.asarray(rows)
        self.notes.update((row, one.note) for row, one in zip(rows, descriptions, strict=True) if one.note)
        self.errors.update((row, one.error) for row, one in zip(rows, descriptions, strict=True) if one.error)
        self.facts[at] = _joined([one.facts for one in descriptions]).view(FACTS)[:, 0]
        self._fill(at, _joined([one.bits for one in descriptions]), _joined([one.descriptor for one in descriptions]))

    def put_known(
        self,
        rows: Rows | slice,
        facts: npt.NDArray[np.void],
        bits: Bytes,
        descriptors: Bytes,
        notes: Mapping[int, str],
        errors: Mapping[int, str],
    ) -> None:
        """Fill rows from stored arrays. Narrow descriptors end in zeros."""
        self.facts[rows] = facts
        self.notes.update(notes)
        self.errors.update(errors)
        self._fill(rows, bits, descriptors)

    def _fill(self, rows: Rows | slice, bits: Bytes, descriptors: Bytes) -> None:
        self.bits[rows] = bits
        self.descriptors[rows, : descriptors.shape[1]] = descriptors
        self._open[rows] = False
        self._written += descriptors.nbytes
        if self._written > HELD:
            release(self.descriptors)
            self._written = 0

    def catalog(self) -> Catalog:
        return Catalog(self.fingerprint, self.items, self.facts, self.bits, self.descriptors, self.errors, self.notes)


def _joined(rows: Sequence[npt.NDArray[np.uint8] | np.void]) -> Bytes:
    """uint8[n, bytes]; stacking arrays one by one takes ten times as long."""
    return np.frombuffer(b"".join([row.tobytes() for row in rows]), np.uint8).reshape(len(rows), -1)


def blank(rows: int, width: int) -> Bytes:
    """uint8[rows, width] of zeros; beyond ON_DISK bytes it is a file that vanishes with the array.

    Below, it is memory, on Linux in small pages: NumPy asks for huge ones, and where memory is in pieces the system
    takes longer to make these than the array takes to fill.
    """
    size = rows * width
    if size <= ON_DISK:
        if sys.platform != "linux" or not size:
            return np.zeros((rows, width), np.uint8)
        return np.frombuffer(mmap.mmap(-1, size, access=mmap.ACCESS_COPY), np.uint8).reshape(rows, width)
    with tempfile.TemporaryFile(prefix="oneofeach-") as file:
        return np.memmap(file, np.uint8, "w+", shape=(rows, width))


def release(array: Bytes) -> None:
    """Let go of the memory that pages of an array on disk take; they are read again when needed."""
    mapping = getattr(array, "_mmap", None)
    if isinstance(mapping, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        mapping.madvise(mmap.MADV_DONTNEED)
