"""Sharpness: the compiled kernel and its NumPy twin give equal numbers, for every shape, type and stride."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneofeach import kernels
from oneofeach.kernels.levels import Levels
from oneofeach.kernels.sharpness import colorfulness, sharpness

compiled_only = pytest.mark.skipif(kernels.compiled is None, reason="the kernels are not compiled")
sides = st.integers(1, 70) | st.integers(125, 135) | st.integers(250, 270) | st.sampled_from([400, 600, 800, 1100])


def random_pixels(height, width, channels):
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)


def twin(*arguments, of=sharpness):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "compiled", None)
        return of(*arguments)


@compiled_only
@settings(max_examples=60, deadline=None)
@given(sides, sides, st.sampled_from([1, 3]), st.integers(0, 7), st.integers(0, 7))
def test_sharpness_is_equal_on_both_kernels(height, width, channels, dx, dy):
    image = random_pixels(height, width, channels)
    extent = (width - dx / 8, height - dy / 8)
    assert sharpness(image, extent) == twin(image, extent)


@pytest.mark.parametrize("measure", [sharpness, twin])
def test_floats_views_and_gray_planes_are_measured_like_their_uint8_copies(measure):
    image = random_pixels(300, 200, 3)
    expected = sharpness(image, (200.0, 300.0))
    for dtype in (np.float16, np.float32, np.float64):
        assert measure(Levels((image / 255).astype(dtype)), (200.0, 300.0)) == expected
    assert measure(np.moveaxis(np.moveaxis(image, 2, 0).copy(), 0, 2), (200.0, 300.0)) == expected
    assert measure(image[::-1, ::-1][::-1, ::-1], (200.0, 300.0)) == expected
    gray = image[..., 0]
    assert measure(gray, (200.0, 300.0)) == sharpness(np.repeat(gray[..., None], 3, axis=2), (200.0, 300.0))


def test_a_flat_picture_has_no_sharpness():
    assert sharpness(np.full((77, 130, 3), (9, 200, 30), np.uint8), (129.5, 77.0)) == 0


def test_very_long_pictures_are_measured_too():
    assert sharpness(random_pixels(1, 60_000, 1), (60_000.0, 1.0)) == twin(random_pixels(1, 60_000, 1), (60_000.0, 1.0))


@compiled_only
@settings(max_examples=40, deadline=None)
@given(sides, sides, st.integers(0, 80))
def test_colorfulness_is_the_same_on_both_kernels(height, width, spread):
    image = random_pixels(height, width, 3) % (spread + 1) + 100
    assert colorfulness(image) == twin(image, of=colorfulness) <= spread
    assert colorfulness(Levels(image / np.float32(255))) == colorfulness(image)


def test_gray_pixels_have_no_color_and_red_ones_have_all_of_it():
    assert colorfulness(np.zeros((50, 50), np.uint8)) == 0
    assert colorfulness(np.full((50, 50, 3), 200, np.uint8)) == 0
    assert colorfulness(Levels(np.full((500, 50, 3), (1.0, 0, 0), np.float32))) == 255
