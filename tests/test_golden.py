"""Bits and similarities of a few made pictures, pinned per fingerprint: what is stored under its name stays valid.

A wanted change is a new version of the fingerprint, with a new name. Written by `python tests/test_golden.py`.
"""

from __future__ import annotations

import json
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from oneofeach import plugins
from oneofeach.tables import Picture

GOLDEN = Path(__file__).with_name("golden")
METHODS = ("oneofeach-1", "ahash", "dhash", "phash", "pdq")
Pixels = npt.NDArray[np.uint8]


def made() -> dict[str, Pixels]:
    """Pictures by integer arithmetic alone: the same with every version of NumPy and Pillow."""
    y, x = np.mgrid[:180, :240]
    waves = np.stack([(x * x // 90 + y) % 256, (x + 2 * y) % 256, (x * y // 120) % 256], 2)
    cells = (x // 30 + 8 * (y // 30)) * 2654435761 % (1 << 32)
    blocks = np.stack([cells >> 24, cells >> 16 & 255, cells >> 8 & 255], 2)
    rings = np.repeat((((x - 90) ** 2 + (y - 70) ** 2) // 64 % 256)[..., None], 3, 2)
    framed = np.full((220, 280, 3), 255)
    framed[20:-20, 20:-20] = waves
    pictures = {
        "waves": waves,
        "waves, darker": waves * 4 // 5,
        "waves, half the size": (waves[::2, ::2] + waves[1::2, ::2] + waves[::2, 1::2] + waves[1::2, 1::2] + 2) // 4,
        "waves, 16 levels": waves // 16 * 17,
        "waves, cropped": waves[5:, 7:],
        "waves, framed": framed,
        "waves, red and blue exchanged": waves[..., ::-1],
        "blocks": blocks,
        "blocks, gray": blocks[..., :1],
        "blocks, one changed": np.where(cells[..., None] == cells[75, 105], 255 - blocks, blocks),
        "rings": rings,
        "flat": np.full((60, 80, 3), 120),
    }
    return {name: np.ascontiguousarray(pixels, np.uint8) for name, pixels in pictures.items()}


def described(name: str) -> dict[str, Any]:
    """Bits in hexadecimal, digests of the descriptors, and all similarities."""
    method, pictures = plugins.load("fingerprints", name)(), made()
    given = [pixels if pixels.shape[2] == 3 else pixels[..., 0] for pixels in pictures.values()]
    bits, descriptors = method.describe([Picture(one, (one.shape[1], one.shape[0])) for one in given])
    pairs = np.array(list(combinations(range(len(pictures)), 2)))
    values, _ = method.similarity(bits, descriptors, pairs[:, 0], pairs[:, 1], 0.0)
    names = list(pictures)
    return {
        "name": method.name,
        "bits": {names[row]: bits[row].tobytes().hex() for row in range(len(names))},
        "descriptors": {names[row]: sha256(descriptors[row].tobytes()).hexdigest()[:16] for row in range(len(names))},
        "similarity": {f"{names[i]} ~ {names[j]}": float(value) for (i, j), value in zip(pairs, values, strict=True)},
    }


@pytest.mark.parametrize("name", METHODS)
def test_bits_and_similarities_are_those_of_the_first_day(name: str) -> None:
    assert described(name) == json.loads((GOLDEN / f"{name}.json").read_text())


def test_every_fingerprint_of_ours_is_pinned() -> None:
    assert set(METHODS) == set(plugins.BUILT_IN["fingerprints"]) - {"embed"}


def test_the_pins_tell_copies_from_other_pictures() -> None:
    similarity = json.loads((GOLDEN / "oneofeach-1.json").read_text())["similarity"]
    for copy in ("darker", "half the size", "16 levels"):
        assert similarity[f"waves ~ waves, {copy}"] >= 0.95
    for pair in ("waves ~ blocks", "waves ~ rings", "blocks ~ rings"):
        assert similarity.get(pair, 0) < 0.8


if __name__ == "__main__":
    for method in METHODS:
        (GOLDEN / f"{method}.json").write_text(json.dumps(described(method), indent=1) + "\n")
