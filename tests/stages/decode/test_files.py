"""JPEG files described many at a time by one compiled call: equal to what each gets from the general way."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from oneofeach import kernels
from oneofeach.errors import UnreadableImage
from oneofeach.stages.decode import decode, describe_files, load
from oneofeach.stages.fingerprints.oneofeach import OneOfEach
from oneofeach.tables import Description

pytestmark = pytest.mark.skipif(kernels.compiled is None, reason="the kernels are not compiled")

PHOTO, METHOD = Image.fromarray(data.coffee()), OneOfEach()
XMP = b"http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation='9' tiff:Orientation=\"%d\"/>"


def file_of(image: Image.Image, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def jpeg(size: tuple[int, int], gray: bool = False, orientation: int = 0, **options: Any) -> bytes:
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    return file_of(PHOTO.resize(size).convert("L" if gray else "RGB"), exif=exif, **options)


def with_xmp(orientation: int) -> bytes:
    file, body = jpeg((140, 150)), XMP % orientation
    return file[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + file[2:]


PLAIN = {
    **{f"orientation {n}": jpeg((200, 150), orientation=n) for n in range(10)},
    **{f"XMP orientation {n}": with_xmp(n) for n in range(10)},
    **{f"quality {n}": jpeg((131, 67), quality=n) for n in (1, 10, 50, 75, 90, 95, 100)},
    **{f"sampling {n}": jpeg((129, 130), subsampling=n) for n in (0, 1, 2)},
    **{f"{w}x{h}": jpeg((w, h)) for w, h in ((1, 1), (7, 3), (8, 300), (257, 256), (700, 129), (1100, 1040))},
    "gray": jpeg((300, 260), gray=True),
    "own codes": jpeg((300, 260), optimize=True),
    "restarting": jpeg((300, 260), restart_marker_blocks=7),
    "progressive, at 1/8": jpeg((1100, 1030), progressive=True),
    "one color": file_of(Image.new("RGB", (50, 40), "gray")),
}
UNUSUAL = {
    "progressive": jpeg((300, 260), progressive=True),
    "truncated": jpeg((300, 260))[:-20],
    "empty behind its mark": b"\xff\xd8\xff",
    "no JPEG": b"\xff\xd8\xff" + bytes(100),
}


def alone(content: bytes) -> Description | None:
    try:
        decoded = decode(load(content), min_side=METHOD.min_side)
    except UnreadableImage:
        return None
    bits, descriptors = METHOD.describe([decoded.picture])
    return Description(decoded.facts, bits[0], descriptors[0], decoded.note)


def together(*contents: bytes) -> list[Description | None]:
    return describe_files([load(content) for content in contents], METHOD.min_side, METHOD.spectrum)


def assert_equal(found: Description, expected: Description | None) -> None:
    assert expected is not None
    assert found.facts == expected.facts
    assert found.note == expected.note == ""
    assert bytes(found.bits) == bytes(expected.bits)
    assert bytes(found.descriptor) == bytes(expected.descriptor)


def test_every_plain_file_is_described_as_it_would_be_alone():
    for content, found in zip(PLAIN.values(), together(*PLAIN.values()), strict=True):
        assert found is not None
        assert_equal(found, alone(content))


def test_a_picture_inside_a_border_is_described_as_it_would_be_alone():
    framed = Image.new("RGB", (400, 300), "white")
    framed.paste(PHOTO.resize((300, 200)), (40, 60))
    content = file_of(framed, quality=95)
    (found,) = together(content)
    assert found is not None
    assert found.descriptor[1152:1160].any()
    assert_equal(found, alone(content))


def test_what_is_unusual_is_left_to_the_general_way_and_costs_the_others_nothing():
    contents = [*UNUSUAL.values(), PLAIN["gray"]]
    *left, gray = together(*contents)
    assert left == [None] * len(UNUSUAL)
    assert gray is not None
    assert_equal(gray, alone(PLAIN["gray"]))


def test_a_picture_beyond_the_limit_of_pillow_is_left_to_it(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300 * 260 // 2 - 1)
    assert together(PLAIN["gray"]) == [None]
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300 * 260 // 2)
    assert together(PLAIN["gray"]) != [None]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(PLAIN)),
    st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), min_size=1, max_size=4),
    st.booleans(),
)
def test_a_damaged_file_is_left_to_the_general_way_or_described_as_it_would_be(kind, damages, early):
    damaged = bytearray(PLAIN[kind])
    for at, value in damages:
        damaged[3 + at % ((min(700, len(damaged)) if early else len(damaged)) - 3)] = value
    (found,) = together(bytes(damaged))
    if found is not None:
        assert_equal(found, alone(bytes(damaged)))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 900), st.integers(1, 300))
def test_the_sharpness_of_any_size_is_the_same(width, height):
    content = jpeg((width, height), gray=True)
    (found,) = together(content)
    assert found is not None
    assert_equal(found, alone(content))
