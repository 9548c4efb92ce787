"""The compiled verification and its NumPy twin give the same values, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from oneofeach import kernels
from oneofeach.kernels import verify, verify_numpy
from oneofeach.stages.fingerprints import description
from oneofeach.tables import Bytes, Picture


def planes(image: Image.Image) -> Bytes:
    return description.descriptor(Picture(np.asarray(image), image.size))[description.WHOLE]


def copies() -> Bytes:
    """A photograph and edits that take every branch: crop, turn, coarse, gray, sepia, tint, flat, another picture;
    fine grain that is a little other everywhere, and light stripes that brightness makes white.
    """
    photo = Image.fromarray(data.astronaut())
    values = np.asarray(photo).astype(float)
    edits = [photo, photo.crop((20, 9, 512, 512)), photo.rotate(2), photo.resize((48, 48))]
    edits.append(photo.convert("L").convert("RGB"))
    gray = values.mean(axis=2, keepdims=True)
    for edited in (gray * [1.07, 0.92, 0.72], values * [1.2, 1, 0.8], values * 1.5, values * 0 + 90, values[..., ::-1]):
        edits.append(Image.fromarray(np.clip(edited, 0, 255).astype(np.uint8)))
    rng = np.random.default_rng(1)
    grain, other = rng.normal(0, 20, (2, 32, 32))
    fine, finer = (np.kron(one + 128, np.ones((8, 8))) for one in (grain, 0.9 * grain + 0.43 * other))
    rows, levels = np.arange(512)[:, None], np.kron(rng.integers(60, 410, (22, 32)), np.ones((24, 16)))[:512]
    striped = np.where((rows % 24 < 2) & (levels < 200), levels, np.where(rows // 48 % 2, 249.0, 236.0))
    for shades in (fine, finer, striped, striped * 1.1, 255 - striped, 255 - striped * 1.1):
        edits.append(Image.fromarray(np.clip(shades, 0, 255).astype(np.uint8)).convert("RGB"))
    return np.stack([planes(image) for image in [*edits, Image.fromarray(data.chelsea())]])


def assert_equal(first: Bytes, second: Bytes) -> None:
    cap, still = np.ones(len(first)), np.arange(len(first)) % 5 == 4
    compiled, twin = verify.verify(first, second, cap, still), verify_numpy.verify(first, second, cap, still)
    for name in verify.Verified._fields:
        np.testing.assert_array_equal(getattr(compiled, name), getattr(twin, name), err_msg=name)


@pytest.mark.skipif(kernels.compiled is None, reason="there are no compiled kernels")
def test_every_pair_of_edits_gets_the_same_values() -> None:
    rows = copies()
    i, j = np.triu_indices(len(rows))
    assert_equal(rows[i], rows[j])


@pytest.mark.skipif(kernels.compiled is None, reason="there are no compiled kernels")
@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_noise_gets_the_same_values(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 256, (4, verify_numpy.BYTES), np.uint8)
    second = np.where(rng.random(first.shape) < 0.2, rng.integers(0, 256, first.shape, np.uint8), first)
    assert_equal(first, second.astype(np.uint8))


def test_rows_of_another_length_are_refused() -> None:
    if kernels.compiled is not None:
        with pytest.raises(ValueError, match="1152"):
            verify.verify(np.zeros((2, 9), np.uint8), np.zeros((2, 9), np.uint8), np.ones(2))
