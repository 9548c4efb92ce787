"""Small images in memory, described many at a time: equal to what each gets alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oneofeach
from oneofeach import kernels
from oneofeach.errors import UnreadableImage
from oneofeach.stages.decode import decode, describe_arrays, load, small_array, together
from oneofeach.stages.fingerprints.oneofeach import OneOfEach

compiled_only = pytest.mark.skipif(kernels.compiled is None, reason="the kernels are not compiled")
METHOD = OneOfEach()
WHITE = {"uint8": 255, "uint16": 65535}


@st.composite
def images(draw):
    dtype = draw(st.sampled_from(["uint8", "uint16", "float16", "float32", "float64", "bool"]))
    shape = (draw(st.sampled_from([1, 20, 64, 130, 400])), draw(st.integers(1, 90)), draw(st.sampled_from([1, 3, 4])))
    values = np.random.default_rng(draw(st.integers(0, 9))).random(shape) * WHITE.get(dtype, 1)
    if draw(st.booleans()) and dtype.startswith("float"):
        values[0, 0, 0] = draw(st.sampled_from([np.nan, 1.2, -0.1, 7.0]))
    values = values.round(3).astype(dtype)
    return draw(st.sampled_from([values, values[::-1], values[:, ::2], np.asfortranarray(values)]))


@compiled_only
@settings(max_examples=60, deadline=None)
@given(st.lists(images(), min_size=1, max_size=6))
def test_images_described_together_are_those_described_alone(several):
    found = [small_array(image) for image in several]
    small = [image for image in found if image is not None]
    rows = [row for row, image in enumerate(found) if image is not None]
    for row, together_with_others in zip(rows, describe_arrays(small, METHOD.spectrum), strict=True):
        if together_with_others is None:
            with pytest.raises(UnreadableImage):
                decode(load(several[row]))
            continue
        alone = decode(load(several[row]))
        bits, descriptors = METHOD.describe([alone.picture])
        assert np.array_equal(together_with_others.bits, bits[0])
        assert np.array_equal(together_with_others.descriptor, descriptors[0])
        assert together_with_others.facts == alone.facts
        assert together_with_others.note == alone.note


@pytest.mark.parametrize("compiled", [True, False])
def test_a_scan_of_small_images_is_the_same_when_each_is_described_alone(monkeypatch, compiled):
    random = np.random.default_rng(0)
    several = [random.random((40 + 8 * (row % 3), 64, 3), np.float32) for row in range(40)]
    several[7], several[30][3, 3, 1] = np.full((64, 64, 3), 9, np.float32), np.nan
    many = oneofeach.scan(several)
    if compiled:
        monkeypatch.setattr(together, "SMALL", 0)
    else:
        monkeypatch.setattr(kernels, "compiled", None)
    alone = oneofeach.scan(several)
    assert np.array_equal(many.bits, alone.bits)
    assert np.array_equal(many.descriptors, alone.descriptors)
    assert np.array_equal(many.facts, alone.facts)
    assert many.notes == alone.notes
    assert many.errors == alone.errors
    assert list(many.errors) == [7]


def test_a_fingerprint_that_fails_on_one_image_costs_that_image_only(monkeypatch):
    monkeypatch.setattr(together, "SMALL", 0)
    real = OneOfEach.describe

    def describe(self, pictures):
        if any(picture.pixels.max() == 0 for picture in pictures):
            raise ValueError("no picture")
        return real(self, pictures)

    monkeypatch.setattr(OneOfEach, "describe", describe)
    black, white = np.zeros((40, 40, 3), np.uint8), np.full((40, 40, 3), 255, np.uint8)
    assert oneofeach.scan([white, black, white]).errors == {1: "cannot be decoded: no picture"}


@pytest.mark.parametrize(
    "source",
    [
        "a.png",
        b"bytes",
        np.zeros((2, 9, 9, 3)),
        np.zeros((900, 900, 3), np.float32),
        np.zeros(3),
        np.zeros((9, 9, 4), np.float32),
        np.zeros((40_000, 1), np.uint8),
    ],
)
def test_what_is_no_single_small_array_is_left_to_the_usual_way(source):
    assert small_array(source) is None
