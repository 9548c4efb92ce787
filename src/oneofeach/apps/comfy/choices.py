"""Choices made by hand in the panel: the `decisions` JSON, and the keys by which it names images across runs.

A key is `<hash>:<n>`: a hash of shape and 8-bit pixel values, and which of the equal images it is, counted from 1 in
input order. It depends on the images alone, so a choice survives other settings and another order of other images.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from oneofeach.apps.comfy.tensors import pixels_of, strips, to_bytes
from oneofeach.errors import OneOfEachError

Mask = npt.NDArray[np.bool_]
SAMPLES = 8  # per axis: images that differ in one of these pixels are not equal, and need no hash to know it


def decisions_of(text: str) -> dict[str, bool]:
    """Key → keep (True) or drop (False). OneOfEachError for anything but a JSON object of those."""
    try:
        found = json.loads(text) if text.strip() else {}
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(choice, bool) for choice in found.values()):
        raise OneOfEachError("Invalid decisions: not a JSON object\nClear the field or press Reset in the panel.")
    return found


@dataclass
class Keys:
    """The keys of images, hashed as late and as seldom as possible: reading every pixel costs more than comparing."""

    images: Sequence[Any]
    _hashes: dict[int, str] = field(default_factory=dict)
    _alike: dict[bytes, list[int]] | None = None

    def of(self, rows: Iterable[int]) -> dict[int, str]:
        """Row → key."""
        return {row: f"{self.hash(row)}:{self._occurrence(row)}" for row in rows}

    def hash(self, row: int) -> str:
        if row not in self._hashes:
            digest = blake2b(repr(tuple(self.images[row].shape)).encode(), digest_size=8)
            for strip in strips(self.images[row]):
                digest.update(strip.tobytes())
            self._hashes[row] = digest.hexdigest()
        return self._hashes[row]

    def equal(self, row: int) -> list[int]:
        """All rows with the same pixels, `row` included, in input order."""
        if self._alike is None:
            self._alike = {}
            for other, image in enumerate(self.images):
                self._alike.setdefault(_sample(image), []).append(other)
        candidates = self._alike[_sample(self.images[row])]
        return [other for other in candidates if other == row or self.hash(other) == self.hash(row)]

    def _occurrence(self, row: int) -> int:
        return self.equal(row).index(row) + 1


def _sample(image: Any) -> bytes:
    pixels = pixels_of(image)
    rows, columns = (np.linspace(0, length - 1, SAMPLES).astype(int) for length in pixels.shape[:2])
    return repr(pixels.shape).encode() + to_bytes(pixels[np.ix_(rows, columns)]).tobytes()


@dataclass(frozen=True)
class ByHand:
    """rows: what was chosen for each. unmatched: choices that name no image of this run."""

    rows: Mapping[int, bool]
    unmatched: int

    def applied(self, automatic: Mask) -> Mask:
        """bool[n]: who stays, the choices put over the automatic ones. OneOfEachError when nobody does."""
        kept: Mask = automatic.copy()
        for row, keep in self.rows.items():
            kept[row] = keep
        if not kept.any():
            raise OneOfEachError(
                f"No image is left: all {len(kept)} were dropped by hand\nPress Reset in the panel, or keep one."
            )
        return kept


def by_hand(decisions: Mapping[str, bool], keys: Keys, first: Iterable[int]) -> ByHand:
    """Find the images that the decisions name. first: rows to look at first; the rest only if something is missing."""
    if not decisions:
        return ByHand({}, 0)
    chosen: dict[int, bool] = {}
    rest = range(len(keys.images))
    for rows in (first, rest):
        chosen |= {row: decisions[key] for row, key in keys.of(rows).items() if key in decisions}
        if len(chosen) == len(decisions):
            break
    return ByHand(chosen, len(decisions) - len(chosen))


def kept_repeats(automatic: Mask, keys: Keys, removed: Iterable[int], labels: Sequence[object]) -> list[int]:
    """Removed rows that repeat a kept one exactly: equal pixels, equal label (its caption and name)."""
    return [
        row
        for row in removed
        if any(automatic[other] and labels[other] == labels[row] for other in keys.equal(row) if other != row)
    ]
