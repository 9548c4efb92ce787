"""The classic hashes equal those of the imagehash package, bit for bit."""

from __future__ import annotations

import imagehash
import numpy as np
import pytest
from PIL import Image, ImageOps
from skimage import data

from oneofeach.errors import OneOfEachError
from oneofeach.plugins import load
from oneofeach.tables import Picture

THEIRS = {"ahash": imagehash.average_hash, "dhash": imagehash.dhash, "phash": imagehash.phash}
PHOTOS = [data.astronaut(), data.chelsea(), data.coffee(), data.rocket(), data.camera()]


@pytest.mark.parametrize("name", THEIRS)
@pytest.mark.parametrize("number", range(len(PHOTOS)))
def test_the_bits_are_those_of_imagehash(name: str, number: int) -> None:
    image = Image.fromarray(PHOTOS[number])
    for copy in (image, image.resize((190, 143)), ImageOps.mirror(image)):
        bits, _ = load("fingerprints", name)().describe([Picture(np.asarray(copy), copy.size)])
        assert bits[0].tobytes().hex() == str(THEIRS[name](copy))


@pytest.mark.parametrize("name", THEIRS)
def test_similarity_counts_the_bits_that_agree(name: str) -> None:
    method = load("fingerprints", name)()
    bits = np.array([[0] * 8, [1] + [0] * 7, [255] * 8], np.uint8)
    values, evidence = method.similarity(bits, bits[:, :0], np.array([0, 0, 0]), np.array([0, 1, 2]), 0.0)
    assert values.tolist() == [1.0, 0.9844, 0.0]
    assert evidence["distance"].tolist() == [0, 1, 64]
    assert [method.radius(t) for t in (1.0, 0.95, 0.0)] == [0, 3, 64]
    with pytest.raises(OneOfEachError, match="orientations"):
        method.turned(bits, bits[:, :0], 6)
