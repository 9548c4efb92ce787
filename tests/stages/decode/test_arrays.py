"""Arrays and tensors: layouts, value ranges, and clear errors for what is no image."""

from __future__ import annotations

import numpy as np
import pytest

import oneofeach
from oneofeach.errors import UnreadableImage
from oneofeach.stages.decode import arrays, decode, images_in, load, open_image


class Tensor:
    """What a torch tensor looks like from outside."""

    def __init__(self, array):
        self.array = array
        self.dtype = array.dtype

    def detach(self):
        return self

    def cpu(self):
        return self

    def numpy(self):
        return self.array


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((5, 7), [(5, 7)]),
        ((5, 7, 1), [(5, 7, 1)]),
        ((5, 7, 3), [(5, 7, 3)]),
        ((5, 7, 4), [(5, 7, 4)]),
        ((3, 5, 7), [(5, 7, 3)]),
        ((1, 5, 7), [(5, 7, 1)]),
        ((3, 5, 3), [(3, 5, 3)]),
        ((2, 5, 7, 3), [(5, 7, 3)] * 2),
        ((2, 4, 5, 7), [(5, 7, 4)] * 2),
        ((4, 4, 7), [(4, 7, 4)]),
        ((0, 5, 7, 3), []),
    ],
)
def test_every_layout_is_split_into_single_images_without_a_copy(shape, expected):
    array = np.zeros(shape, np.float32)
    views = images_in(Tensor(array))
    assert [view.shape for view in views] == expected
    assert all(np.shares_memory(view, array) for view in views)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((1, 2, 3, 4, 5), np.uint8), "5 dimensions"),
        (np.zeros(7, np.uint8), "array has 1 dimension, expected"),
        (np.float32(1), "0 dimensions"),
        (np.zeros((0, 5, 3), np.uint8), "empty"),
        (np.zeros((2, 0, 5, 3), np.uint8), "empty"),
        (np.zeros((64, 64, 2), np.uint8), "Image has 2 channels, expected 1, 3 or 4"),
        (np.zeros((5, 64, 64), np.uint8), "Image has 5 channels, expected 1, 3 or 4"),
        (np.array([[None]]), "array of object"),
        (np.zeros((4, 4), np.int64), "array of int64"),
        (np.zeros((4, 4), np.complex64), "array of complex64"),
        (np.full((4, 4), "a"), "array of <U1"),
        (np.zeros((4, 4), "M8[s]"), r"array of datetime64\[s\]"),
        (np.zeros((4, 4, 7), np.uint8), "Image has 7 channels, expected 1, 3 or 4"),
        (np.zeros((9, 9, 7), np.uint8), "Image has 7 channels, expected 1, 3 or 4"),
        (np.full((4, 4), np.nan), "all values are NaN"),
        (np.full((600, 400, 3), np.nan, np.float16), "all values are NaN"),
        (np.full((4, 4), 255.0), "float values up to 255, expected 0..1"),
        (np.full((4, 4), np.inf), "float values up to inf, expected"),
        (np.linspace(-0.99, -0.2, 16).reshape(4, 4), "float values down to -0.99, expected"),
        (np.linspace(-1, 1.2, 16).reshape(4, 4), "float values down to -1 and up to 1.2, expected"),
    ],
)
def test_what_is_no_image_is_refused_with_a_reason(array, message):
    with pytest.raises(UnreadableImage, match=message):
        decode(load(array))


@pytest.mark.parametrize("dtype", [">u2", ">f2", ">f4"])
def test_the_order_of_bytes_makes_no_difference(dtype):
    native = np.dtype(dtype).newbyteorder("=")
    values = np.linspace(0, 65535 if native.kind == "u" else 1, 48).reshape(4, 4, 3).astype(native)
    expected = decode(load(values)).picture.pixels
    np.testing.assert_array_equal(decode(load(values.astype(dtype))).picture.pixels, expected)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_from_0_to_1_are_scaled(dtype):
    decoded = decode(load(np.full((4, 4, 3), 0.5, dtype)))
    np.testing.assert_array_equal(decoded.picture.pixels, 128)
    assert decoded.note == ""


def test_nan_pixels_compare_as_0_with_a_note():
    array = np.full((4, 4), 0.5, np.float32)
    array[0, 0] = np.nan
    decoded = decode(load(array))
    assert decoded.picture.pixels[0, 0] == 0
    assert decoded.note == "NaN pixels compare as 0"
    assert np.isnan(array[0, 0])


def test_arrays_have_their_channels_last_or_clearly_first():
    assert [view.shape for view in images_in(np.zeros((3, 5, 7), np.uint8))] == [(5, 7, 3)]
    assert [view.shape for view in images_in(np.zeros((2, 3, 5, 7), np.uint8))] == [(5, 7, 3)] * 2


def test_small_overshoots_are_clipped_with_a_note():
    decoded = decode(load(np.array([[-0.1, 0.5, 1.1]], np.float32)))
    np.testing.assert_array_equal(decoded.picture.pixels, [[0, 128, 255]])
    assert decoded.note == "values outside 0..1 clipped"


def test_bool_and_uint16_arrays_are_scaled():
    np.testing.assert_array_equal(decode(load(np.array([[True, False]]))).picture.pixels, [[255, 0]])
    np.testing.assert_array_equal(decode(load(np.array([[65535, 257]], np.uint16))).picture.pixels, [[255, 1]])


def test_read_only_strided_and_reversed_arrays_are_fine():
    array = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)[::-2, ::-1, ::-1]
    array.setflags(write=False)
    np.testing.assert_array_equal(decode(load(array)).picture.pixels, array)
    np.testing.assert_array_equal(open_image(array), array)


def test_objects_that_are_no_images_are_named():
    for thing in (None, 3.5, {"a": 1}):
        with pytest.raises(UnreadableImage, match=f"{type(thing).__name__} is not an image"):
            decode(load(thing))


def test_a_tensor_that_cannot_be_converted_is_a_reason():
    class Broken(Tensor):
        def numpy(self):
            raise TypeError("can't convert a sparse tensor")

    with pytest.raises(UnreadableImage, match="sparse tensor"):
        decode(load(Broken(np.zeros((4, 4)))))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32, np.float64, bool])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_image_too_large_to_copy_gets_the_same_description(dtype, channels, monkeypatch):
    white = {np.uint8: 255, np.uint16: 65535}.get(dtype, 1)
    random = np.random.default_rng(0).random((9, 7, channels)).repeat(30, axis=0).repeat(40, axis=1)
    image = (random * white).round(2).astype(dtype)
    image[:40] = 0  # a border
    image[..., 3:] = white
    whole = oneofeach.scan([image, image])
    monkeypatch.setattr(arrays, "COPIED", 0)
    lazy = oneofeach.scan([image, image])
    assert np.array_equal(whole.descriptors, lazy.descriptors)
    assert np.array_equal(whole.facts, lazy.facts)
    assert whole.notes == lazy.notes
    assert lazy.readable.all()
