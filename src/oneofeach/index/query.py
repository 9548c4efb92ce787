"""One description in, the most similar stored images out: a scan of all keys, then verification of the few near ones.

Opening reads the bits of all images once; what other processes add later is read when asked for again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oneofeach.index.blocks import Block, joined, read
from oneofeach.index.packs import read_bits
from oneofeach.index.store import Store
from oneofeach.kernels.within import within
from oneofeach.plugins import Bounded, Fingerprint, Searching
from oneofeach.tables import Description, Floats, Rows


@dataclass(frozen=True, slots=True)
class Match:
    """A stored image: where it was last seen, and how similar it is to the one asked for."""

    places: tuple[str, ...]
    content: str  # SHA-256, hexadecimal
    similarity: float
    evidence: np.void  # one EVIDENCE record
    same_bytes: bool = False  # as the image asked for


class Keys:
    """All readable images of one version, ready to be asked."""

    def __init__(self, store: Store, version: int, method: Fingerprint) -> None:
        self.store, self.version, self.method = store, version, method
        self._forget()
        self.refresh()

    def _forget(self) -> None:
        self._blocks, self._starts = np.zeros(0, np.int64), np.zeros(1, np.int64)
        self.bits = np.zeros((0, self.method.bits // 8), np.uint8)
        self._rows, self._keys = self.method.keys(self.bits)

    def refresh(self) -> None:
        """Read what was added since; all of it where some was forgotten. IndexDamaged when images are missing."""
        if not self._read():
            self._forget()
            if not self._read():
                raise self.store.damaged("stored images are missing")

    def _read(self) -> bool:
        """Read what was added; whether there are as many images now as were stored."""
        after = int(self._blocks[-1]) if len(self._blocks) else 0
        found = read_bits(self.store, self.version, after, self.method.bits // 8)
        if len(found.bits):
            rows, keys = self.method.keys(found.bits)
            self._rows = np.concatenate([self._rows, rows + len(self.bits)])
            self._keys = np.concatenate([self._keys, keys])
            self._blocks = np.concatenate([self._blocks, found.sizes["block"]])
            self._starts = np.concatenate([self._starts, self._starts[-1] + np.cumsum(found.sizes["images"])])
            self.bits = np.concatenate([self.bits, found.bits])
        return len(self.bits) == found.images

    def nearest(self, asked: Description, threshold: float, limit: int = 10) -> list[Match]:
        """The stored images with similarity >= threshold, most similar first; all candidates are verified."""
        near = self._near(asked, threshold)
        if not len(near):
            return []
        stored = self._stored(near)
        if stored is None:  # another process has forgotten some of them
            self._forget()
            self.refresh()
            near = self._near(asked, threshold)
            stored = self._stored(near)
            if stored is None:
                raise self.store.damaged("stored images are missing")
        descriptors = np.zeros((len(near) + 1, self.method.descriptor_bytes), np.uint8)
        descriptors[0], descriptors[1:, : stored.descriptors.shape[1]] = asked.descriptor, stored.descriptors
        bits = np.concatenate([asked.bits[None], stored.bits])
        i, j = np.zeros(len(near), np.int64), np.arange(1, len(near) + 1)
        similarity, evidence = self.method.similarity(bits, descriptors, i, j, threshold)
        return self._matches(asked, stored, similarity, evidence, threshold, limit)

    def _near(self, asked: Description, threshold: float) -> Rows:
        """Positions of the images that may be similar enough."""
        if isinstance(self.method, Searching):
            return np.unique(self.method.near(asked.bits[None], self.bits, threshold)[1])
        _, keys = self.method.keys(asked.bits[None])
        radius = self.method.radius(threshold)
        near = np.unique(self._rows[np.concatenate([within(self._keys, key, radius) for key in keys])])
        if isinstance(self.method, Bounded) and len(near):
            known = np.broadcast_to(asked.bits, (len(near), len(asked.bits)))
            near = near[self.method.possible(known, self.bits[near], threshold)]
        return near

    def _stored(self, near: Rows) -> Block | None:
        """What is stored of the images at these ascending positions; None when not all of it is there any more."""
        at = np.searchsorted(self._starts, near, side="right") - 1
        slots = near - self._starts[at]
        of = self._blocks[at]
        parts = []
        for number, block in read(self.store, np.unique(of).tolist()):
            parts.append(block.take(slots[of == number]))
        return joined(parts) if sum(len(part.facts) for part in parts) == len(near) else None

    def _matches(
        self,
        asked: Description,
        stored: Block,
        similarity: Floats,
        evidence: npt.NDArray[np.void],
        threshold: float,
        limit: int,
    ) -> list[Match]:
        found: list[Match] = []
        same = (stored.facts["content"] == asked.facts["content"]).all(axis=1)
        value = np.where(same, 1.0, similarity)
        with self.store.reading() as connection:
            for row in np.argsort(-value, kind="stable")[:limit]:
                if value[row] < threshold:
                    break
                content = bytes(stored.facts["content"][row])
                query = "SELECT CAST(place AS TEXT) FROM file WHERE content = ? ORDER BY place"
                places = tuple(place for (place,) in connection.execute(query, (content,)))
                found.append(Match(places, content.hex(), float(value[row]), evidence[row], bool(same[row])))
        return found
