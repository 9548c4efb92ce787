"""Small images in memory, described many at a time: equal to what each gets alone."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oneofeach
from oneofeach import kernels
from oneofeach.errors import UnreadableImage
from oneofeach.stages.decode import decode, decode_together, load, small_array, together

WHITE = {"uint8": 255, "uint16": 65535}


@st.composite
def images(draw):
    dtype = draw(st.sampled_from(["uint8", "uint16", "float16", "float32", "float64", "bool"]))
    shape = (draw(st.sampled_from([1, 20, 64, 130])), draw(st.integers(1, 90)), draw(st.sampled_from([1, 3, 4])))
    values = np.random.default_rng(draw(st.integers(0, 9))).random(shape) * WHITE.get(dtype, 1)
    if draw(st.booleans()) and dtype.startswith("float"):
        values[0, 0, 0] = draw(st.sampled_from([np.nan, 1.2, -0.1, 7.0]))
    return values.round(3).astype(dtype)


@pytest.fixture(params=["compiled", "numpy"])
def kernel(request, monkeypatch):
    if request.param == "numpy":
        monkeypatch.setattr(kernels, "compiled", None)
    elif kernels.compiled is None:
        pytest.skip("no compiled kernels: a C compiler was missing at installation")


@pytest.mark.usefixtures("kernel")
class TestTogether:
    @settings(max_examples=40, deadline=None)
    @given(st.lists(images(), min_size=1, max_size=6))
    def test_images_decoded_together_are_those_decoded_alone(self, several):
        for image, found in zip(several, decode_together([small_array(image) for image in several]), strict=True):
            if isinstance(found, UnreadableImage):
                with pytest.raises(UnreadableImage, match=re.escape(str(found))):
                    decode(load(image))
                continue
            alone = decode(load(image))
            assert np.array_equal(np.atleast_3d(found.picture.pixels), np.atleast_3d(alone.picture.pixels))
            assert found.picture.extent == alone.picture.extent
            assert found.facts == alone.facts
            assert found.note == alone.note

    def test_a_scan_of_small_images_is_the_same_when_each_is_described_alone(self, monkeypatch):
        random = np.random.default_rng(0)
        several = [random.random((40 + 8 * (row % 3), 64, 3), np.float32) for row in range(40)]
        several[7], several[30][3, 3, 1] = np.full((64, 64, 3), 9, np.float32), np.nan
        many = oneofeach.scan(several)
        monkeypatch.setattr(together, "SMALL", 0)
        alone = oneofeach.scan(several)
        assert np.array_equal(many.bits, alone.bits)
        assert np.array_equal(many.descriptors, alone.descriptors)
        assert np.array_equal(many.facts, alone.facts)
        assert many.notes == alone.notes
        assert many.errors == alone.errors
        assert list(many.errors) == [7]


def test_a_fingerprint_that_fails_on_one_image_costs_that_image_only(monkeypatch):
    from oneofeach.stages.fingerprints.oneofeach import OneOfEach

    real = OneOfEach.describe

    def describe(self, pictures):
        if any(picture.pixels.max() == 0 for picture in pictures):
            raise ValueError("no picture")
        return real(self, pictures)

    monkeypatch.setattr(OneOfEach, "describe", describe)
    black, white = np.zeros((40, 40, 3), np.uint8), np.full((40, 40, 3), 255, np.uint8)
    assert oneofeach.scan([white, black, white]).errors == {1: "cannot be decoded: no picture"}


@pytest.mark.parametrize("source", ["a.png", b"bytes", np.zeros((2, 9, 9, 3)), np.zeros((900, 900, 3)), np.zeros(3)])
def test_what_is_no_single_small_array_is_left_to_the_usual_way(source):
    assert small_array(source) is None
