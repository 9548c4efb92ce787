"""PDQ equals the package made from its reference source, bit for bit."""

from __future__ import annotations

import numpy as np
import pdqhash
import pytest
from skimage import data

from oneofeach.kernels.levels import Levels
from oneofeach.plugins import load
from oneofeach.tables import Picture

PHOTOS = [data.astronaut(), data.chelsea(), data.coffee(), data.rocket(), data.immunohistochemistry()]


def described(pixels: np.ndarray | Levels, orientation: int = 1) -> str:
    size = pixels.shape[1], pixels.shape[0]
    return load("fingerprints", "pdq")().describe([Picture(pixels, size, orientation)])[0][0].tobytes().hex()


def theirs(pixels: np.ndarray) -> str:
    return np.packbits(pdqhash.compute(np.ascontiguousarray(pixels))[0].astype(bool)).tobytes().hex()


@pytest.mark.parametrize("number", range(len(PHOTOS)))
def test_the_bits_are_those_of_the_package(number: int) -> None:
    photo = PHOTOS[number]
    for copy in (photo, photo[:, ::-1], photo[3:132, 5:262], photo[:90, :70], photo[:40]):
        assert described(copy) == theirs(copy)


def test_a_picture_is_turned_before_it_is_sampled() -> None:
    assert described(PHOTOS[1], 6) == theirs(np.rot90(PHOTOS[1], -1))


def test_tensors_and_gray_pictures_have_the_bits_of_their_8_bit_copies() -> None:
    assert described(Levels(PHOTOS[0] / np.float32(255))) == described(PHOTOS[0])
    gray = data.camera()
    assert described(gray) == described(gray[..., None]) == theirs(np.repeat(gray[..., None], 3, axis=2))


def test_similarity_is_the_share_of_the_bits_that_agree() -> None:
    method = load("fingerprints", "pdq")()
    bits = np.zeros((2, 32), np.uint8)
    bits[1, :4] = 255
    values, evidence = method.similarity(bits, bits[:, :0], np.array([0]), np.array([1]), 0.0)
    assert values.tolist() == [0.875]
    assert evidence["distance"].tolist() == [32]
    assert [method.radius(t) for t in (1.0, 0.88, 0.0)] == [0, 30, 256]
