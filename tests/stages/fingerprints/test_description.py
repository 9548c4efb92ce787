"""The compiled description and its NumPy twin: the same descriptor and the same bits, whatever the picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from oneofeach import kernels
from oneofeach.stages.fingerprints import description
from oneofeach.tables import Picture

PHOTO = data.astronaut()[100:300, 60:320]

pytestmark = pytest.mark.skipif(kernels.compiled is None, reason="the kernels are not compiled")


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    """A part of a photo in any layout, some with bars of a plain color and the noise of coding."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    height, width = draw(st.integers(1, 200)), draw(st.integers(1, 260))
    pixels = PHOTO[:height, :width].copy()
    color = rng.integers(0, 256, 3)
    for side, most in enumerate((height, height, width, width)):
        bar = draw(st.sampled_from([0, 0, 1, 3, most // 5, most // 2, most]))
        lines = pixels.swapaxes(0, side // 2)[:: -1 if side % 2 else 1][:bar]
        lines[:] = (color + rng.integers(-4, 5, lines.shape)).clip(0, 255)
    layout = draw(st.sampled_from(["tight", "gray", "planar", "every other"]))
    if layout == "gray":
        pixels = pixels[..., 1]
    elif layout == "planar":
        pixels = np.ascontiguousarray(pixels.transpose(2, 0, 1)).transpose(1, 2, 0)
    elif layout == "every other":
        pixels = pixels[::2, ::-2]
    short = draw(st.sampled_from([0.0, 0.375, 0.5])) if min(pixels.shape[:2]) > 1 else 0.0
    return Picture(pixels, (pixels.shape[1] - short, pixels.shape[0] - short / 2), draw(st.integers(1, 8)))


@settings(max_examples=300, deadline=None)
@given(pictures())
def test_the_kernel_describes_as_numpy_does(picture):
    bits, descriptors = description.described([picture])
    expected = description.descriptor(picture)[None]
    np.testing.assert_array_equal(descriptors, expected)
    np.testing.assert_array_equal(bits, description.fingerprints(expected))


def test_the_bordered_pictures_of_the_test_above_have_borders():
    framed = np.pad(PHOTO, ((30, 20), (0, 45), (0, 0)), constant_values=9)
    _, (descriptor,) = description.described([Picture(framed, framed.shape[1::-1])])
    height, width = framed.shape[:2]
    expected = np.array([0, 30 / height, 260 / width, 230 / height]) * 2**15
    assert np.abs(description.boxes(descriptor[None])[0] - expected).max() < 2**15 / 128
