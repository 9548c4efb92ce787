"""One description in, the most similar stored images out: a scan of all keys, then verification of the few near ones.

Opening reads the bits of all images once; what other processes add later is read when asked for again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from oneofeach.index.store import Store
from oneofeach.plugins import Fingerprint
from oneofeach.tables import Bytes, Description, Floats, Rows

AT_ONCE = 50_000  # rows read at a time
BLOCK = 1 << 15  # keys compared at a time: they and their distances stay in the cache
FETCHED = 500  # descriptors in one query
BIT_COUNTS = np.array([bin(value).count("1") for value in range(1 << 16)], np.uint8)


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
        self.images, self.bits = np.zeros(0, np.int64), np.zeros((0, method.bits // 8), np.uint8)
        self.refresh()

    def refresh(self) -> None:
        """Read what was added since."""
        images, bits = [self.images], [self.bits]
        last = int(self.images[-1]) if len(self.images) else 0
        query = "SELECT id, bits FROM image WHERE +version = ? AND id > ? ORDER BY id"  # by id: the new ones only
        with self.store.reading() as connection:
            cursor = connection.execute(query, (self.version, last))
            while rows := cursor.fetchmany(AT_ONCE):
                numbers, stored = zip(*rows, strict=True)
                images.append(np.array(numbers, np.int64))
                bits.append(np.frombuffer(b"".join(stored), np.uint8).reshape(len(rows), -1))
        if len(images) == 1 and last:
            return
        self.images, self.bits = np.concatenate(images), np.concatenate(bits)
        self.rows, keys = self.method.keys(self.bits)
        self.words = np.ascontiguousarray(keys).view(f"<u{_word(keys.shape[1])}")

    def nearest(self, asked: Description, threshold: float, limit: int = 10) -> list[Match]:
        """The stored images with similarity >= threshold, most similar first; all candidates are verified."""
        _, keys = self.method.keys(asked.bits[None])
        near = self._within(keys, self.method.radius(threshold))
        if not len(near):
            return []
        numbers = self.images[near]
        descriptors = np.concatenate([asked.descriptor[None], self._descriptors(numbers)])
        bits = np.concatenate([asked.bits[None], self.bits[near]])
        i, j = np.zeros(len(near), np.int64), np.arange(1, len(near) + 1)
        similarity, evidence = self.method.similarity(bits, descriptors, i, j, threshold)
        return self._matches(asked, numbers, similarity, evidence, threshold, limit)

    def _within(self, keys: Bytes, radius: int) -> Rows:
        """Positions of the images that have a key within the radius of any of `keys`."""
        if radius < 0 or not len(self.images):
            return np.zeros(0, np.int64)
        asked = np.ascontiguousarray(keys).view(self.words.dtype)
        near = []
        for start in range(0, len(self.words), BLOCK):
            words = self.words[start : start + BLOCK]
            near += [np.flatnonzero(_distances(words, key) <= radius) + start for key in asked]
        return np.unique(self.rows[np.concatenate(near)])

    def _descriptors(self, numbers: Rows) -> Bytes:
        found: dict[int, bytes] = {}
        with self.store.reading() as connection:
            for start in range(0, len(numbers), FETCHED):
                part = [int(number) for number in numbers[start : start + FETCHED]]
                marks = ",".join("?" * len(part))
                found.update(connection.execute(f"SELECT image, bytes FROM descriptor WHERE image IN ({marks})", part))
        width = self.method.descriptor_bytes  # zeros at the end are not stored
        blobs = [found[int(number)].ljust(width, b"\0") for number in numbers]
        return np.frombuffer(b"".join(blobs), np.uint8).reshape(len(numbers), width)

    def _matches(
        self,
        asked: Description,
        numbers: Rows,
        similarity: Floats,
        evidence: npt.NDArray[np.void],
        threshold: float,
        limit: int,
    ) -> list[Match]:
        found: list[Match] = []
        content = bytes(asked.facts["content"])
        with self.store.reading() as connection:
            for row in np.argsort(-similarity, kind="stable"):
                if similarity[row] < threshold or len(found) == limit:
                    break
                query = "SELECT content FROM image WHERE id = ?"
                (stored,) = connection.execute(query, (int(numbers[row]),)).fetchone()
                query = "SELECT place FROM file WHERE content = ? ORDER BY place"
                places = tuple(place for (place,) in connection.execute(query, (stored,)))
                same = stored == content
                found.append(Match(places, stored.hex(), 1.0 if same else float(similarity[row]), evidence[row], same))
        return sorted(found, key=lambda match: -match.similarity)


def _word(size: int) -> int:
    """The widest integer that divides a key of `size` bytes."""
    return next(width for width in (8, 4, 2, 1) if size % width == 0)


def _distances(words: npt.NDArray[Any], key: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """uint16[n]: Hamming distances of one key to all keys, both as rows of words."""
    different = words ^ key
    if hasattr(np, "bitwise_count"):
        counts = np.bitwise_count(different)
    else:
        counts = BIT_COUNTS[different.view("<u2")] if words.dtype.itemsize > 1 else BIT_COUNTS[different]
    return np.asarray(counts[:, 0] if counts.shape[1] == 1 else counts.sum(axis=1, dtype=np.uint16))
