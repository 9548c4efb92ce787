"""Whichever way the pixels come, the same picture gives the same description, and the same files are refused."""

from __future__ import annotations

import io
import zlib
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hostile import png, png_chunk
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pictures import encoded
from PIL import Image
from skimage import data

from oneofeach import kernels
from oneofeach.errors import UnreadableImage
from oneofeach.stages.decode import decode, headers, jpeg, load
from oneofeach.stages.decode import png as png_stage
from oneofeach.stages.fingerprints.oneofeach import OneOfEach
from oneofeach.tables import FACTS

PHOTOS = {name: Image.fromarray(getattr(data, name)()) for name in ("astronaut", "coffee", "chelsea", "rocket")}
METHOD = OneOfEach()

compiled_only = pytest.mark.skipif(kernels.compiled is None, reason="the kernels are not compiled")


@contextmanager
def only_pillow():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ONEOFEACH_DECODERS", "pillow")
        yield


DAMAGED = {
    "baseline": encoded(PHOTOS["coffee"].resize((300, 260)), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0"),
    "progressive": encoded(PHOTOS["coffee"].resize((300, 260)), "JPEG", progressive=True),
    "gray": encoded(PHOTOS["coffee"].resize((300, 260)).convert("L"), "JPEG"),
    "restarting": encoded(PHOTOS["coffee"].resize((300, 260)), "JPEG", restart_marker_blocks=7),
}


def outcome(source: Any, min_side: int = 128) -> Any:
    try:
        return decode(load(source), min_side=min_side)
    except UnreadableImage:
        return None


def assert_same_description(sources: list[Any]) -> None:
    bits, descriptors = METHOD.describe([decode(load(source), min_side=128).picture for source in sources])
    first = np.zeros(len(sources) - 1, np.int64)
    others = np.arange(1, len(sources))
    similarity, evidence = METHOD.similarity(bits, descriptors, first, others, 0.0)
    assert evidence["key_distance"].max() <= 2
    assert similarity.min() >= 0.98


def assert_alike(fast: Any, general: Any, apart: float) -> None:
    """Equal facts, and pixels that differ by less than `apart` levels in the mean; 0: not at all."""
    assert fast.picture.extent == general.picture.extent
    assert fast.picture.pixels.shape == general.picture.pixels.shape
    assert np.abs(fast.picture.pixels - general.picture.pixels.astype(int)).mean() <= apart
    for field in FACTS.names:
        if field == "sharpness" and apart:
            assert abs(fast.facts[field] - general.facts[field]) <= 0.1 * general.facts[field]
        else:
            assert np.array_equal(fast.facts[field], general.facts[field])


@pytest.mark.parametrize("size", [(600, 400), (517, 389), (97, 130), (7, 300), (1, 1), (1029, 1025), (1099, 2100)])
@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"subsampling": 1}, {"progressive": True, "quality": 30}])
@pytest.mark.parametrize("min_side", [0, 128])
def test_all_jpeg_paths_give_the_same_pixels(size, options, min_side):
    """Where a whole picture is wanted, to the bit; else but for rounding, and for how coarse colors are."""
    file = encoded(PHOTOS["coffee"].resize(size), "JPEG", **options)
    fast = decode(load(file), min_side=min_side)
    with only_pillow():
        general = decode(load(file), min_side=min_side)
    coarse = options.get("progressive") and size[0] > 1024  # cut after its first scan, which libjpeg smooths
    assert_alike(fast, general, 0 if not min_side else 6 if coarse else 2.5)


@compiled_only
@pytest.mark.parametrize("scale", [1, 2, 4, 8])
@pytest.mark.parametrize("size", [(600, 400), (97, 130), (9, 300), (1, 1)])
def test_the_kernel_averages_the_pixels_that_the_whole_picture_has(scale, size):
    photo = PHOTOS["astronaut"].resize(size).convert("L").point(lambda level: 64 + level // 2)  # nothing is clipped
    file = encoded(photo, "JPEG", quality=85)
    whole = np.asarray(Image.open(io.BytesIO(file)), float)
    height, width = size[1] // scale, size[0] // scale
    cells = whole[: height * scale, : width * scale].reshape(height, scale, width, scale).mean(axis=(1, 3))
    reduced = jpeg._rebuilt(file, headers.jpeg_header(file), scale)
    assert np.abs(reduced[:height, :width] - cells).max(initial=0) <= 1.5


@compiled_only
@pytest.mark.parametrize("options", [{"subsampling": 0}, {"subsampling": 1}, {"subsampling": 2}])
@pytest.mark.parametrize("scale", [1, 2, 4, 8])
def test_the_kernel_gives_plain_colors_exactly_as_pillow(options, scale):
    for color in ("red", "lime", "blue", "black", "white", "#7f3020"):
        file = encoded(Image.new("RGB", (100, 75), color), "JPEG", **options)
        reduced = jpeg._rebuilt(file, headers.jpeg_header(file), scale)
        assert np.abs(reduced - np.asarray(Image.open(io.BytesIO(file)), int)[0, 0]).max() <= 1


@compiled_only
@pytest.mark.parametrize(
    "options", [{}, {"restart_marker_blocks": 3}, {"optimize": True}, {"quality": 100}, {"quality": 1}]
)
def test_the_kernel_reads_restart_markers_and_every_code(options):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (203, 301, 3), np.uint8))
    for photo in (PHOTOS["coffee"].resize((301, 203)), noise):
        file = encoded(photo, "JPEG", **options)
        reduced = jpeg._rebuilt(file, headers.jpeg_header(file), 1)
        expected = np.asarray(Image.open(io.BytesIO(file)).convert("L"), int)
        assert np.abs(np.asarray(Image.fromarray(np.ascontiguousarray(reduced)).convert("L")) - expected).mean() < 2


def test_gray_cmyk_and_unusual_jpegs_are_the_same_on_all_paths():
    photo = PHOTOS["chelsea"]
    files = [
        encoded(photo.convert("L"), "JPEG"),
        encoded(photo.convert("CMYK"), "JPEG"),
        encoded(photo, "JPEG", keep_rgb=True),
        encoded(photo, "JPEG", restart_marker_blocks=5, optimize=True),
        encoded(photo, "MPO", save_all=True, append_images=[photo]),
        encoded(photo, "JPEG", comment="x" * 1000, dpi=(72, 72), icc_profile=b"x" * 70000),
        encoded(photo, "JPEG") + b"rubbish behind the end",
    ]
    for file in files:
        fast = decode(load(file), min_side=128)
        with only_pillow():
            general = decode(load(file), min_side=128)
        assert_alike(fast, general, 1.5)


def broken(file: bytes, seed: int) -> bytes:
    """Bytes changed, cut out, doubled or swapped, most of them behind the header."""
    rng = np.random.default_rng(seed)
    changed = bytearray(file)
    for _ in range(rng.integers(1, 6)):
        at = int(rng.integers(2, len(changed))) if rng.random() < 0.7 else int(rng.integers(2, min(700, len(changed))))
        kind, length = rng.integers(4), int(rng.integers(1, 40))
        if kind == 0:
            changed[at : at + length] = rng.bytes(length)
        elif kind == 1:
            del changed[at : at + length]
        elif kind == 2:
            changed[at:at] = changed[at : at + length]
        else:
            changed[at : at + 2] = b"\xff" + rng.bytes(1)
    return bytes(changed)


@compiled_only
@pytest.mark.parametrize("kind", ["baseline", "progressive", "gray", "restarting"])
def test_the_kernel_survives_whatever_a_file_holds(kind):
    """Cut at every length, and broken at random: it refuses, or fills the pixels, and touches nothing else."""
    file = DAMAGED[kind]
    c = kernels.compiled
    height, width, channels = (33, 38, 1) if kind == "gray" else (33, 38, 3)
    guard = np.full(channels * height * width + 64, 77, np.uint8)
    cuts = (file[:length] for length in range(len(file)))
    damaged = (broken(file, seed) for seed in range(3000))
    for number, file_ in enumerate((*cuts, *damaged)):
        done = c.jpeg_decode(file_, 8, height, width, channels, guard.ctypes.data)
        assert (guard[-64:] == 77).all()
        assert not (done and number < len(file) - 2 and kind != "progressive")
    assert c.jpeg_decode(file, 8, height, width, channels, guard.ctypes.data)


@pytest.mark.parametrize("orientation", [0, 1, 3, 6, 8, 9, 65535])
@pytest.mark.parametrize("where", ["exif", "big-endian exif", "xmp"])
def test_orientation_is_found_as_pillow_finds_it(orientation, where):
    if where == "xmp":
        options = {"xmp": b'<x:xmpmeta tiff:Orientation="%d"/>' % (orientation % 10)}
    else:
        exif = Image.Exif()
        exif.endian = ">" if where.startswith("big") else "<"
        exif[0x010F] = "some maker"
        exif[0x0112] = orientation
        options = {"exif": exif}
    file = encoded(PHOTOS["coffee"], "JPEG", **options)
    expected = Image.open(io.BytesIO(file)).getexif().get(0x0112, 1)
    assert decode(load(file), min_side=128).picture.orientation == (expected if 1 <= expected <= 8 else 1)


@pytest.mark.parametrize("name", ["astronaut", "coffee"])
def test_every_way_to_the_pixels_gives_the_same_description(name):
    photo = PHOTOS[name].resize((1100, 1060), Image.Resampling.LANCZOS)
    array = np.asarray(photo)
    file = encoded(photo, "JPEG", quality=90)
    with only_pillow():
        assert_same_description([photo, file, encoded(photo, "JPEG", quality=90, progressive=True)])
    assert_same_description(
        [
            photo,
            array,
            array.astype(np.float32) / 255,
            np.moveaxis(array, 2, 0),
            array.astype(np.uint16) * 257,
            encoded(photo, "PNG"),
            file,
            encoded(photo, "JPEG", quality=90, progressive=True),
            encoded(photo, "JPEG", quality=90, subsampling=0),
            encoded(photo, "WEBP", quality=90),
            encoded(photo.crop((0, 0, 1097, 1057)).resize(photo.size), "JPEG"),
        ]
    )


def test_a_large_progressive_file_is_decoded_only_as_far_as_needed():
    file = encoded(PHOTOS["astronaut"].resize((2000, 1500)), "JPEG", quality=95, progressive=True)
    header = headers.jpeg_header(file)
    short = headers.first_version(file, header)
    assert len(short) < 0.3 * len(file)
    assert decode(load(file), min_side=128).picture.pixels.shape == (188, 250, 3)
    assert decode(load(file)).picture.pixels.shape == (1500, 2000, 3)


@compiled_only
@pytest.mark.parametrize("quality", [30, 90])
def test_the_first_scan_of_a_progressive_file_gives_nearly_what_the_whole_file_gives(quality):
    photo = PHOTOS["coffee"].resize((1032, 1024))
    file = encoded(photo, "JPEG", progressive=True, quality=quality)
    reduced = jpeg._rebuilt(file, headers.jpeg_header(file), 8) @ np.array([0.299, 0.587, 0.114])
    whole = np.asarray(Image.open(io.BytesIO(file)).convert("L"), float).reshape(128, 8, 129, 8).mean(axis=(1, 3))
    assert np.abs(reduced - whole).mean() < (1.8 if quality == 30 else 0.5)


def test_a_truncated_progressive_file_is_refused_though_its_first_scan_is_whole():
    file = encoded(PHOTOS["astronaut"].resize((2000, 1500)), "JPEG", quality=95, progressive=True)
    for length in (len(file) // 2, len(file) - 1000, len(file) - 2):
        for tail in (b"", bytes(100)):
            assert outcome(file[:length] + tail) is None


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(DAMAGED)),
    st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), min_size=1, max_size=3),
    st.booleans(),
)
@example("baseline", [(1, 240)], False)  # a marker that libjpeg does not know
@example("progressive", [(1, 240)], False)
def test_the_fast_path_accepts_no_damaged_file_that_pillow_refuses(kind, damages, early):
    damaged = bytearray(DAMAGED[kind])
    for at, value in damages:
        damaged[2 + at % ((700 if early else len(damaged)) - 2)] = value
    fast = outcome(bytes(damaged))
    with only_pillow():
        general = outcome(bytes(damaged))
    assert (fast is None) == (general is None)
    if fast is not None:
        assert fast.facts["width"] == general.facts["width"]
        assert fast.picture.orientation == general.picture.orientation


PNGS = {
    "RGB": encoded(PHOTOS["coffee"].resize((211, 97)), "PNG"),
    "gray": encoded(PHOTOS["coffee"].resize((211, 97)).convert("L"), "PNG"),
    "opaque RGBA": encoded(PHOTOS["coffee"].resize((211, 97)).convert("RGBA"), "PNG"),
    "RGBA": encoded(Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 70, 4), np.uint8)), "PNG"),
    "noise": encoded(Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 70, 3), np.uint8)), "PNG"),
    "one pixel": encoded(Image.new("RGB", (1, 1), "red"), "PNG"),
}


def filtered(image: Any, kind: int) -> bytes:
    """A PNG with one filter on every line, written by the definition."""
    height, width, channels = image.shape
    values = np.zeros((height + 1, width + 1, channels), int)
    values[1:, 1:] = image
    left, above, corner = values[1:, :-1], values[:-1, 1:], values[:-1, :-1]
    estimate = left + above - corner
    distances = np.abs(np.stack([estimate - near for near in (left, above, corner)]))
    nearest = np.take_along_axis(np.stack([left, above, corner]), distances.argmin(0)[None], 0)[0]
    predicted = (0, left, above, (left + above) // 2, nearest)[kind]
    lines = (values[1:, 1:] - predicted).astype(np.uint8).reshape(height, -1)
    data = np.hstack([np.full((height, 1), kind, np.uint8), lines]).tobytes()
    color = {1: 0, 3: 2, 4: 6}[channels]
    return png(width, height, png_chunk(b"IDAT", zlib.compress(data)), color=color)


@compiled_only
@pytest.mark.parametrize("kind", range(5))
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("library", ["deflate", "zlib"])
def test_every_png_filter_is_undone(kind, channels, library, monkeypatch):
    if library == "zlib":
        monkeypatch.setattr(png_stage, "libdeflate", lambda: None)
    image = np.random.default_rng(kind).integers(0, 256, (23, 31, channels), np.uint8)
    image[:8] //= 60  # ties between neighbors
    if channels == 4:
        image[..., 3] = 255
    opened = png_stage.open_png(filtered(image, kind))
    np.testing.assert_array_equal(opened.pixels, image[..., 0] if channels == 1 else image[..., :3])


@compiled_only
@pytest.mark.parametrize("name", PNGS)
def test_both_png_paths_give_the_same_pixels(name):
    fast = decode(load(PNGS[name]))
    assert png_stage.open_png(PNGS[name]) is not None
    with only_pillow():
        general = decode(load(PNGS[name]))
    np.testing.assert_array_equal(fast.picture.pixels, general.picture.pixels)
    assert fast.facts == general.facts


def test_unusual_pngs_are_left_to_pillow():
    photo = PHOTOS["chelsea"].resize((60, 40))
    unusual = [
        encoded(photo.quantize(16), "PNG"),
        encoded(photo.convert("1"), "PNG"),
        encoded(photo, "PNG", transparency=(1, 2, 3)),
        encoded(photo, "PNG", save_all=True, append_images=[photo.rotate(9)]),
        encoded(Image.fromarray(np.zeros((9, 9), np.uint16)), "PNG"),
        PNGS["RGB"][:-20],
        PNGS["RGB"].replace(b"IEND", b"IENE"),
    ]
    assert [png_stage.open_png(file) for file in unusual] == [None] * len(unusual)


@pytest.mark.parametrize("orientation", [0, 1, 6, 9])
def test_orientation_of_a_png_is_found_on_both_paths(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = encoded(PHOTOS["coffee"], "PNG", exif=exif)
    assert decode(load(file)).picture.orientation == (orientation if 1 <= orientation <= 8 else 1)
    with only_pillow():
        assert decode(load(file)).picture.orientation == (orientation if 1 <= orientation <= 8 else 1)


@compiled_only
@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(PNGS)),
    st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), min_size=1, max_size=3),
    st.booleans(),
    st.booleans(),
)
def test_the_fast_path_accepts_no_damaged_png_that_pillow_refuses(name, damages, early, mend):
    damaged = bytearray(PNGS[name])
    for at, value in damages:
        damaged[8 + at % ((60 if early else len(damaged)) - 8)] = value
    file = mended(bytes(damaged)) if mend else bytes(damaged)
    fast = outcome(file)
    with only_pillow():
        general = outcome(file)
    assert (fast is None) == (general is None)
    if fast is not None:
        np.testing.assert_array_equal(fast.picture.pixels, general.picture.pixels)


def mended(file: bytes) -> bytes:
    """The same with right checksums of its chunks, as far as they can be told apart."""
    out, at = file[:8], 8
    while at + 12 <= len(file):
        length = int.from_bytes(file[at : at + 4], "big")
        if at + 12 + length > len(file):
            break
        out += png_chunk(file[at + 4 : at + 8], file[at + 8 : at + 8 + length])
        at += 12 + length
    return out + file[at:]
