"""The package's own fingerprint: laws of similarity, orientation, and what its bits bound."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from oneofeach.stages.fingerprints.oneofeach import OneOfEach
from oneofeach.tables import Picture

METHOD = OneOfEach()


def picture(pixels: np.ndarray, orientation: int = 1) -> Picture:
    return Picture(pixels, (pixels.shape[1], pixels.shape[0]), orientation)


def pair(a: Picture, b: Picture) -> tuple[float, np.void]:
    bits, descriptors = METHOD.describe([a, b])
    values, evidence = METHOD.similarity(bits, descriptors, np.array([0]), np.array([1]), 0.0)
    return float(values[0]), evidence[0]


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return data.astronaut()


def test_the_same_pixels_are_one_with_no_distance(photo: np.ndarray) -> None:
    value, evidence = pair(picture(photo), picture(photo.astype(np.float32)))
    assert value == 1.0
    assert evidence["distance"] == 0


def test_a_darker_copy_is_similar_and_another_photo_is_not(photo: np.ndarray) -> None:
    assert pair(picture(photo), picture((photo * 0.8).astype(np.uint8)))[0] >= 0.95
    assert pair(picture(photo), picture(data.chelsea()))[0] < 0.8


@pytest.mark.parametrize("orientation", range(2, 9))
def test_turning_a_descriptor_equals_describing_the_turned_picture(photo: np.ndarray, orientation: int) -> None:
    upright = METHOD.describe([picture(photo)])
    turned = METHOD.describe([picture(photo, orientation)])
    for ours, expected in zip(METHOD.turned(*upright, orientation), turned, strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_the_similarity_bounds_the_distance_of_the_keys() -> None:
    assert [METHOD.radius(t) for t in (0.99, 0.95, 0.90, 0.85, 0.80, 0.0)] == [4, 8, 12, 14, 16, 64]
