import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneofeach import kernels
from oneofeach.kernels import levels
from oneofeach.kernels.area import area_sums

SIDES = st.integers(1, 70)


def definition(pixels, box, side):
    """The sums of the definition: every pixel times its overlap with the cell, in whole 1/256 pixels."""
    edges = []
    for start, stop, length in ((box[0], box[2], pixels.shape[1]), (box[1], box[3], pixels.shape[0])):
        at = np.floor((start + np.arange(side + 1) * ((stop - start) / side)) * 256 + 0.5).clip(0, length * 256)
        ends = np.arange(length + 1) * 256
        overlap = np.minimum(at[1:, None], ends[None, 1:]) - np.maximum(at[:-1, None], ends[None, :-1])
        edges.append(overlap.clip(0).astype(np.int64))
    across, down = edges
    return np.einsum("jy,yxc,ix->jic", down, pixels.astype(np.int64), across), np.outer(down.sum(1), across.sum(1))


@pytest.fixture(params=["compiled", "numpy"])
def kernel(request, monkeypatch):
    if request.param == "numpy":
        monkeypatch.setattr(kernels, "compiled", None)
    elif kernels.compiled is None:
        pytest.skip("no compiled kernels: a C compiler was missing at installation")


@st.composite
def cases(draw):
    height, width, channels = draw(SIDES), draw(SIDES), draw(st.sampled_from([1, 3]))
    pixels = np.random.default_rng(draw(st.integers(0, 99))).integers(0, 256, (height, width, channels), np.uint8)
    left, top = draw(st.floats(0, width - 1)), draw(st.floats(0, height - 1))
    box = (left, top, draw(st.floats(left + 0.5, width)), draw(st.floats(top + 0.5, height)))
    return pixels, box, draw(st.sampled_from([1, 8, 32]))


@pytest.mark.usefixtures("kernel")
class TestAreaSums:
    @settings(max_examples=60, deadline=None)
    @given(cases())
    def test_sums_are_the_definition(self, case):
        pixels, box, side = case
        sums, areas = area_sums(pixels, box, side)
        expected, expected_areas = definition(pixels, box, side)
        assert np.array_equal(sums, expected)
        assert np.array_equal(areas, expected_areas)

    def test_no_stride_changes_a_sum(self):
        planar = np.random.default_rng(0).integers(0, 256, (3, 40, 50), np.uint8)
        box = (0.0, 0.0, 50.0, 40.0)
        packed = area_sums(np.ascontiguousarray(np.moveaxis(planar, 0, 2)), box, 32)[0]
        assert np.array_equal(area_sums(np.moveaxis(planar, 0, 2), box, 32)[0], packed)
        wide = np.zeros((40, 100, 4), np.uint8)
        wide[:, ::2, :3] = np.moveaxis(planar, 0, 2)
        assert np.array_equal(area_sums(wide[:, ::2, :3], box, 32)[0], packed)
        assert np.array_equal(area_sums(planar[1], box, 32)[0][..., 0], packed[..., 1])

    @settings(max_examples=30, deadline=None)
    @given(cases(), st.integers(1, 500))
    def test_pixels_that_are_converted_strip_by_strip_give_the_same_sums(self, case, strip):
        pixels, box, side = case
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(levels, "STRIP", strip)
            for dtype in (np.float16, np.float32, np.float64):
                floats = levels.Levels((pixels / 255).astype(dtype))
                assert np.array_equal(area_sums(floats, box, side)[0], area_sums(pixels, box, side)[0])

    def test_a_large_white_image_does_not_overflow(self):
        white = np.broadcast_to(np.uint8(255), (1, 70_000))
        tall = np.broadcast_to(np.uint8(255), (70_000, 1))
        for image, box in ((white, (0, 0, 70_000, 1)), (tall, (0, 0, 1, 70_000))):
            sums, areas = area_sums(image, box, 32)
            assert np.array_equal(sums[..., 0], 255 * areas)
