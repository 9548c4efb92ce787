"""WebP files through imagecodecs: the same pixels and facts as Pillow gives, and the same files refused."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, features
from skimage import data

from oneofeach.errors import UnreadableImage
from oneofeach.stages.decode import decode, load
from oneofeach.stages.decode.webp import open_webp, webp_header

pytest.importorskip("imagecodecs")
pytestmark = pytest.mark.skipif(not features.check("webp"), reason="Pillow is built without WebP")
PHOTO = Image.fromarray(data.coffee())


def webp(image: Image.Image, orientation: int = 0, **options: Any) -> bytes:
    buffer, exif = BytesIO(), Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    image.save(buffer, "WEBP", exif=exif, **options)
    return buffer.getvalue()


PLAIN = {
    "lossy": webp(PHOTO.resize((301, 203))),
    "lossless": webp(PHOTO.resize((301, 203)), lossless=True),
    "sharp": webp(PHOTO.resize((64, 64)), quality=100),
    "turned": webp(PHOTO.resize((301, 203)), orientation=6),
    "no such turn": webp(PHOTO.resize((301, 203)), orientation=9),
    "with a profile": webp(PHOTO.resize((301, 203)), icc_profile=b"profile"),
    "one pixel": webp(Image.new("RGB", (1, 1), "red")),
}
UNUSUAL = {
    "transparent": webp(PHOTO.resize((60, 40)).convert("RGBA").rotate(10)),
    "transparent, lossless": webp(PHOTO.resize((60, 40)).convert("RGBA").rotate(10), lossless=True),
    "animated": webp(PHOTO.resize((60, 40)), save_all=True, append_images=[PHOTO.rotate(9).resize((60, 40))]),
    "with XMP": webp(PHOTO.resize((60, 40)), xmp=b"<x/>"),
    "truncated": PLAIN["lossy"][:-30],
    "followed by more": PLAIN["lossy"] + b"more",
    "beyond the limit": PLAIN["lossy"][:26] + b"\xff\x3f\xff\x3f" + PLAIN["lossy"][30:],
    "only a mark": b"RIFF\x04\0\0\0WEBP",
}


def outcome(content: bytes) -> Any:
    try:
        return decode(load(content))
    except UnreadableImage as error:
        return str(error)


def by_pillow(content: bytes) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ONEOFEACH_DECODERS", "pillow")
        return outcome(content)


def assert_equal(found: Any, expected: Any) -> None:
    assert not isinstance(expected, str)
    assert found.facts == expected.facts
    assert (found.note, found.picture.orientation) == (expected.note, expected.picture.orientation)
    assert np.array_equal(found.picture.pixels, expected.picture.pixels)


@pytest.mark.parametrize("kind", PLAIN)
def test_pixels_and_facts_are_those_of_pillow(kind):
    assert open_webp(PLAIN[kind])
    assert_equal(outcome(PLAIN[kind]), by_pillow(PLAIN[kind]))


@pytest.mark.parametrize("kind", UNUSUAL)
def test_pillow_decides_about_what_is_unusual(kind, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1 << 20)
    assert open_webp(UNUSUAL[kind]) is None


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(sorted(PLAIN)),
    st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), min_size=1, max_size=3),
    st.booleans(),
)
def test_no_damaged_file_is_accepted_that_pillow_refuses(kind, damages, early):
    damaged = bytearray(PLAIN[kind])
    for at, value in damages:
        damaged[12 + at % ((min(80, len(damaged)) if early else len(damaged)) - 12)] = value
    if open_webp(bytes(damaged)):
        assert_equal(outcome(bytes(damaged)), by_pillow(bytes(damaged)))


def test_without_the_library_pillow_decodes(monkeypatch):
    monkeypatch.setattr("oneofeach.stages.decode.webp.imagecodecs", lambda: None)
    assert open_webp(PLAIN["lossy"]) is None
    assert webp_header(PLAIN["lossy"]) == (301, 203, 1)
    assert_equal(outcome(PLAIN["lossy"]), by_pillow(PLAIN["lossy"]))
