"""A picture decoded at a fraction of its size is the picture decoded whole: 100 pictures, 4 formats, 3 sizes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from skimage import data

from oneofeach.kernels import hamming
from oneofeach.stages.decode import decode, load
from oneofeach.stages.fingerprints.oneofeach import OneOfEach
from oneofeach.tables import Picture

METHOD = OneOfEach()
FORMATS = {
    "JPEG": {"quality": 85},
    "progressive JPEG": {"quality": 85, "progressive": True},
    "PNG": {"compress_level": 1},
    "WebP": {"quality": 85, "method": 0},
}


def pictures(size: tuple[int, int]) -> list[Image.Image]:
    """Twenty parts of each of five photographs, from a third of the picture to nearly all of it."""
    rng, found = np.random.default_rng(9), []
    for name in ("astronaut", "chelsea", "coffee", "rocket", "immunohistochemistry"):
        photo = Image.fromarray(getattr(data, name)())
        for _ in range(20):
            wide, high = (side * rng.uniform(0.35, 0.95) for side in photo.size)
            x, y = rng.uniform(0, photo.width - wide), rng.uniform(0, photo.height - high)
            found.append(photo.resize(size, Image.Resampling.BICUBIC, box=(x, y, x + wide, y + high)))
    return found


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("size", [(200, 150), (483, 361), (1022, 700)])
def test_a_scaled_decode_moves_at_most_two_bits_of_the_key(kind: str, size: tuple[int, int]) -> None:
    scaled: list[Picture] = []
    whole: list[Picture] = []
    for image in pictures(size):
        file = io.BytesIO()
        image.save(file, kind.split()[-1], **FORMATS[kind])
        scaled.append(decode(load(file.getvalue()), min_side=METHOD.min_side).picture)
        whole.append(decode(load(file.getvalue()), min_side=0).picture)
    bits, descriptors = (
        np.concatenate(both) for both in zip(METHOD.describe(scaled), METHOD.describe(whole), strict=True)
    )
    one, other = np.arange(len(scaled)), np.arange(len(scaled)) + len(scaled)
    assert hamming(bits[one, :8], bits[other, :8]).max() <= 2
    values, _ = METHOD.similarity(bits, descriptors, one, other, 0.0)
    assert values.min() >= 0.98
