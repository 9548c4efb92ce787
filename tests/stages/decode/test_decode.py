"""Every kind of pixel arrives as 8-bit gray or RGB over white, at its true extent, with its facts."""

from __future__ import annotations

import io
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from pictures import encoded
from PIL import Image
from skimage import data

from oneofeach.errors import UnreadableImage
from oneofeach.stages.decode import decode, load, open_image

ASTRONAUT = Image.fromarray(data.astronaut())


def pixels(source: Any) -> Any:
    return decode(load(source)).picture.pixels


def test_a_file_is_read_once_and_named_by_its_content(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encoded(ASTRONAUT, "PNG"))
    loaded = load(path)
    assert loaded.content == sha256(path.read_bytes()).digest()
    assert loaded.size == path.stat().st_size
    path.unlink()
    facts = decode(loaded).facts
    assert (facts["bytes"], facts["width"], facts["height"]) == (loaded.size, 512, 512)
    assert facts["content"].tobytes() == loaded.content
    assert facts["format"] == b"PNG"


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "GIF", "WEBP", "JPEG2000", "TGA", "PPM", "SGI", "ICO"])
def test_lossless_formats_bring_back_every_pixel(format):
    image = ASTRONAUT.resize((96, 64)).quantize(64).convert("RGB")
    options = {"lossless": True} if format == "WEBP" else {"sizes": [(96, 64)]} if format == "ICO" else {}
    decoded = decode(load(encoded(image, format, **options)))
    np.testing.assert_array_equal(decoded.picture.pixels, np.asarray(image))
    assert decoded.note == ""


@pytest.mark.parametrize(("size", "side"), [((1000, 700), 141), ((517, 389), 133)])
def test_a_scaled_decode_tells_its_true_extent(size, side):
    full = ASTRONAUT.resize(size)
    picture = decode(load(encoded(full, "JPEG")), min_side=128).picture
    height, width = picture.pixels.shape[:2]
    assert min(width, height) >= 128
    assert min(width, height) < side * 2
    scale = size[0] / picture.extent[0]
    assert picture.extent == (size[0] / scale, size[1] / scale)
    assert width - 1 < picture.extent[0] <= width
    assert height - 1 < picture.extent[1] <= height


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_noted_and_the_facts_are_upright(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(ASTRONAUT.resize((96, 64)), "JPEG", exif=exif)
    decoded = decode(load(data))
    assert decoded.picture.orientation == orientation
    assert decoded.picture.pixels.shape == (64, 96, 3)
    expected = (96, 64) if orientation < 5 else (64, 96)
    assert (decoded.facts["width"], decoded.facts["height"]) == expected
    assert open_image(data).size == expected


def test_open_image_is_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways = ASTRONAUT.transpose(Image.Transpose.ROTATE_90)
    np.testing.assert_array_equal(open_image(encoded(sideways, "PNG", exif=exif)), np.asarray(ASTRONAUT))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_every_format_is_turned_upright_once(format):
    exif = Image.Exif()
    exif[0x0112] = 6
    decoded = decode(load(encoded(ASTRONAUT.resize((96, 64)), format, exif=exif)))
    assert (decoded.facts["width"], decoded.facts["height"]) == (64, 96)
    turned = decoded.picture.orientation == 6
    assert decoded.picture.pixels.shape == ((64, 96, 3) if turned else (96, 64, 3))


def test_broken_exif_counts_as_upright():
    assert decode(load(encoded(ASTRONAUT, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"))).picture.orientation == 1


def test_alpha_is_laid_over_white():
    rgba = np.zeros((8, 8, 4), np.uint8)
    rgba[:, :4] = (10, 20, 30, 255)
    expected = np.full((8, 8, 3), 255)
    expected[:, :4] = (10, 20, 30)
    for source in (Image.fromarray(rgba), encoded(Image.fromarray(rgba), "PNG"), rgba, rgba / np.float32(255)):
        np.testing.assert_array_equal(pixels(source), expected)


def test_gray_with_alpha_and_transparent_palettes_are_laid_over_white():
    la = Image.merge("LA", (Image.new("L", (4, 4), 7), Image.new("L", (4, 4), 0)))
    palette = Image.new("P", (4, 4), 3)
    palette.putpalette([9] * 768)
    for file in (encoded(la, "PNG"), encoded(palette, "PNG", transparency=3), encoded(palette, "GIF", transparency=3)):
        np.testing.assert_array_equal(pixels(file), np.full((4, 4, 3), 255))


def test_16_bits_are_scaled_not_clipped():
    ramp = (np.arange(256, dtype=np.uint16) * 257).reshape(16, 16)
    expected = np.arange(256).reshape(16, 16)
    for source in (ramp, encoded(Image.fromarray(ramp), "PNG"), encoded(Image.fromarray(ramp), "TIFF")):
        np.testing.assert_array_equal(pixels(source), expected)


@pytest.mark.parametrize("white", [1, 255, 65535])
def test_float_tiffs_are_scaled_by_their_range(white):
    ramp = np.linspace(0, white, 256, dtype=np.float32).reshape(16, 16)
    np.testing.assert_array_equal(pixels(encoded(Image.fromarray(ramp), "TIFF")), np.arange(256).reshape(16, 16))


@pytest.mark.parametrize("white", [255, 65535])
def test_integers_of_32_bits_are_scaled_by_their_range(white):
    ramp = (np.arange(256, dtype=np.int32) * (white // 255)).reshape(16, 16)
    for source in (Image.fromarray(ramp), encoded(Image.fromarray(ramp), "TIFF")):
        np.testing.assert_array_equal(pixels(source), np.arange(256).reshape(16, 16))


def test_a_float_tiff_with_any_other_range_is_stretched_with_a_note():
    ramp = np.linspace(-5, 3, 256, dtype=np.float32).reshape(16, 16)
    decoded = decode(load(encoded(Image.fromarray(ramp), "TIFF")))
    np.testing.assert_array_equal(decoded.picture.pixels, np.arange(256).reshape(16, 16))
    assert decoded.note == "values stretched from -5..3"


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "YCbCr", "LAB"])
def test_color_modes_keep_their_look(mode):
    image = ASTRONAUT.resize((64, 64))
    if mode == "LAB":
        from PIL import ImageCms

        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        other = ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB")
    else:
        other = image.convert(mode)
    # Pillow 12 cannot read the YCbCr TIFF that it writes
    source = encoded(other, {"P": "PNG", "YCbCr": "JPEG"}.get(mode, "TIFF"))
    got = np.asarray(Image.fromarray(pixels(source)).convert("RGB"), float)
    reference = np.asarray(image.convert("L").convert("RGB") if mode in ("L", "1") else image, float)
    blocks = (got - reference).reshape(8, 8, 8, 8, 3).mean(axis=(1, 3))
    assert np.abs(blocks).mean() < (12 if mode in ("1", "P") else 4)


def test_cmyk_jpegs_are_not_inverted():
    got = pixels(encoded(ASTRONAUT.convert("CMYK"), "JPEG")).astype(float)
    assert np.abs(got - np.asarray(ASTRONAUT)).mean() < 6


def test_animations_give_their_first_frame_and_a_note():
    frames = [Image.new("RGB", (32, 32), color) for color in ("red", "green", "blue")]
    for format in ("GIF", "PNG", "WEBP", "TIFF"):
        lossless = {"lossless": True} if format == "WEBP" else {}
        decoded = decode(load(encoded(frames[0], format, save_all=True, append_images=frames[1:], **lossless)))
        assert decoded.facts["frames"] == 3
        assert decoded.note == "animated: first of 3 frames"
        assert tuple(decoded.picture.pixels[5, 5]) == (255, 0, 0)


def test_a_wrong_extension_is_no_error(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(ASTRONAUT, "PNG"))
    assert decode(load(str(path))).facts["format"] == b"PNG"


def test_pictures_above_pillows_pixel_limit_are_refused(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    for format in ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP"):
        with pytest.raises(UnreadableImage, match="more pixels than Pillow's limit"):
            decode(load(encoded(ASTRONAUT, format)), min_side=128)
    warned_only = encoded(ASTRONAUT.resize((40, 40)), "PNG")  # Pillow warns from one limit on, and refuses from two
    assert decode(load(warned_only)).facts["width"] == 40


def test_the_caller_keeps_their_pil_image_as_it_was():
    image = Image.open(io.BytesIO(encoded(ASTRONAUT, "JPEG")))
    decoded = decode(load(image), min_side=128)
    assert image.size == (512, 512)
    assert decoded.picture.pixels.shape == (512, 512, 3)
    assert decoded.facts["bytes"] == 0
    assert not decoded.facts["content"].any()


@pytest.mark.parametrize("quality", [20, 30, 50, 75, 90, 100])
def test_jpeg_quality_is_read_from_the_quantization_table(quality):
    facts = decode(load(encoded(ASTRONAUT, "JPEG", quality=quality)), min_side=128).facts
    assert abs(facts["quality"] - quality) < 1.5


def test_lossless_formats_have_full_quality_and_hidden_ones_none():
    quality = {format: decode(load(encoded(ASTRONAUT, format))).facts["quality"] for format in ("PNG", "TIFF", "WEBP")}
    assert quality == {"PNG": 100, "TIFF": 100, "WEBP": 0}


def test_sharpness_agrees_between_sizes_and_falls_with_blur():
    def sharpness(image: Image.Image, format: str = "PNG") -> float:
        return float(decode(load(encoded(image, format)), min_side=128).facts["sharpness"])

    origin = sharpness(ASTRONAUT)
    enlarged = ASTRONAUT.resize((100, 100), Image.Resampling.LANCZOS).resize((512, 512), Image.Resampling.BICUBIC)
    assert abs(sharpness(ASTRONAUT, "JPEG") / origin - 1) < 0.25
    assert abs(sharpness(ASTRONAUT.resize((300, 300), Image.Resampling.LANCZOS)) / origin - 1) < 0.25
    assert sharpness(enlarged) < 0.8 * origin
