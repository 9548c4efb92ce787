"""Values → levels: the compiled kernel and its NumPy twin give equal levels and see the same values beyond 0..1."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from oneofeach import kernels
from oneofeach.kernels.levels import Levels, Spread, converted, strips

values = st.floats(-1, 2, width=32) | st.just(np.nan) | st.sampled_from([0.5 / 255, 1.5 / 255, 2.5 / 255])
shapes = st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3, 4]))


def definition(image):
    levels = np.rint(np.nan_to_num(image * np.float32(255), nan=0.0).clip(0, 255))
    return levels.astype(np.uint8)


@pytest.fixture(params=["compiled", "numpy"], autouse=True)
def kernel(request, monkeypatch):
    if request.param == "numpy":
        monkeypatch.setattr(kernels, "compiled", None)
    elif kernels.compiled is None:
        pytest.skip("no compiled kernels: a C compiler was missing at installation")


@settings(max_examples=60, deadline=None)
@given(shapes.filter(lambda shape: shape[2] != 4).flatmap(lambda shape: arrays(np.float32, shape, elements=values)))
def test_levels_are_rounded_half_to_even_and_clipped_and_nan_is_zero(image):
    levels, spread = converted(image)
    assert np.array_equal(levels, definition(image))
    assert spread.nan == np.isnan(image).any()
    numbers = image[~np.isnan(image)]
    assert (spread.low, spread.high) == (numbers.min(initial=0), numbers.max(initial=1))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.lists(st.tuples(st.integers(0, 6 * 1500 - 1), values | st.just(-0.0)), max_size=4))
def test_one_value_beyond_changes_no_other_of_a_long_picture(rows, odd):
    image = (np.arange(rows * 1500, dtype=np.float32) % 1021 / 1020).reshape(rows, 500, 3)
    for place, value in odd:
        image.flat[place % image.size] = value
    levels, spread = converted(image)
    assert np.array_equal(levels, definition(image))
    assert spread.nan == np.isnan(image).any()
    numbers = image[~np.isnan(image)]
    assert (spread.low, spread.high) == (numbers.min(initial=0), numbers.max(initial=1))


def test_a_picture_of_nan_alone_has_no_range_beyond():
    assert converted(np.full((3, 4, 3), np.nan, np.float32))[1] == Spread(nan=True)


def test_infinite_values_are_clipped_and_told():
    levels, spread = converted(np.array([[[np.inf], [-np.inf], [np.nan]]], np.float32))
    assert levels.ravel().tolist() == [255, 0, 0]
    assert spread == Spread(-np.inf, np.inf, True)


def test_no_stride_changes_a_level():
    planar = np.random.default_rng(0).random((3, 40, 50), np.float32)
    packed = converted(np.ascontiguousarray(np.moveaxis(planar, 0, 2)))
    wide = np.zeros((40, 100, 4), np.float32)
    wide[:, ::2, :3] = np.moveaxis(planar, 0, 2)
    for view in (np.moveaxis(planar, 0, 2), wide[:, ::2, :3]):
        levels, spread = converted(view)
        assert np.array_equal(levels, packed[0])
        assert spread == packed[1]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32, np.float64, bool])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_every_index_gives_the_levels_of_the_whole(dtype, channels):
    white = {np.uint8: 255, np.uint16: 65535}.get(dtype, 1)
    values = (np.random.default_rng(0).random((130, 700, channels)) * white).round(3).astype(dtype)
    pixels = Levels(values)
    whole = converted(values)[0]
    assert pixels.shape == whole.shape
    assert np.array_equal(np.asarray(pixels), whole)
    for index in (np.s_[0], np.s_[-1], np.s_[:, 7], np.s_[::3, ::5], np.s_[20:30]):
        assert np.array_equal(pixels[index], whole[index])
    assert np.array_equal(np.concatenate([strip for _, strip in strips(pixels, 4)]), whole)


def test_alpha_is_laid_over_white():
    pixels = Levels(np.array([[[0, 0, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0.5]]], np.float32))
    assert pixels[:].tolist() == [[[255, 255, 255], [0, 0, 0], [255, 127, 127]]]
