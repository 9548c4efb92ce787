"""PDQ equals the package pdqhash, made from its reference source, bit for bit: `uv sync --all-extras --group peers`.

Where the package is not installed, what it gave is compared.
"""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from oneofeach.kernels.levels import Levels
from oneofeach.plugins import load
from oneofeach.tables import Picture

GIVEN = {
    "astronaut": "2d6b1af3a956c529e79ca3d2526fa834d4196c81cedd04de0a26b855fc99b724",
    "chelsea": "5feb5321f01da156898e2bf629a5d3438412cdbd23f48942464526315db33ffd",
    "coffee": "8c629e779a663698b9a33866c026726c21a679f61eb6e1f8c79ba7e23c8299e0",
    "rocket": "8792786c87937064bf1bc0e43f1fc0e03f1cc2e33da4c2537cec821b2ce4f376",
    "immunohistochemistry": "d359e15bfc0e7e848183e670de26db0b8309e9b06cb6ac4becc9b073ba52f026",
}
GIVEN_TURNED = "6c85b41f6372b457db06d59e90788a26df36c06c933261b2fd146b3cc8c7b61a"  # the cat, by 90 degrees


def described(pixels: np.ndarray | Levels, orientation: int = 1) -> str:
    size = pixels.shape[1], pixels.shape[0]
    return load("fingerprints", "pdq")().describe([Picture(pixels, size, orientation)])[0][0].tobytes().hex()


def photo(name: str) -> np.ndarray:
    return np.asarray(getattr(data, name)())


@pytest.mark.parametrize("name", GIVEN)
def test_the_bits_are_those_the_package_gave(name: str) -> None:
    assert described(photo(name)) == GIVEN[name]


@pytest.mark.parametrize("name", GIVEN)
def test_the_bits_are_those_of_the_package(name: str) -> None:
    theirs = pytest.importorskip("pdqhash")
    whole = photo(name)
    for copy in (whole, whole[:, ::-1], whole[3:132, 5:262], whole[:90, :70], whole[:40]):
        bits = theirs.compute(np.ascontiguousarray(copy))[0]
        assert described(copy) == np.packbits(bits.astype(bool)).tobytes().hex()


def test_a_picture_is_turned_before_it_is_sampled() -> None:
    assert described(photo("chelsea"), 6) == described(np.rot90(photo("chelsea"), -1)) == GIVEN_TURNED


def test_tensors_and_gray_pictures_have_the_bits_of_their_8_bit_copies() -> None:
    assert described(Levels(photo("astronaut") / np.float32(255))) == GIVEN["astronaut"]
    gray = photo("camera")
    assert described(gray) == described(gray[..., None]) == described(np.repeat(gray[..., None], 3, axis=2))


def test_similarity_is_the_share_of_the_bits_that_agree() -> None:
    method = load("fingerprints", "pdq")()
    bits = np.zeros((2, 32), np.uint8)
    bits[1, :4] = 255
    values, evidence = method.similarity(bits, bits[:, :0], np.array([0]), np.array([1]), 0.0)
    assert values.tolist() == [0.875]
    assert evidence["distance"].tolist() == [32]
    assert [method.radius(t) for t in (1.0, 0.88, 0.0)] == [0, 30, 256]
