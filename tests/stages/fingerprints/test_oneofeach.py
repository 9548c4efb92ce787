"""The package's own fingerprint: laws of similarity, orientation, and what its bits bound."""

from __future__ import annotations

import io
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageOps
from skimage import data

from oneofeach.kernels import hamming
from oneofeach.kernels.levels import Levels
from oneofeach.stages.fingerprints.oneofeach import OneOfEach
from oneofeach.tables import Bytes, Picture

METHOD = OneOfEach()


def picture(pixels: np.ndarray | Levels, orientation: int = 1) -> Picture:
    return Picture(pixels, (pixels.shape[1], pixels.shape[0]), orientation)


def pair(a: Picture, b: Picture) -> tuple[float, np.void]:
    bits, descriptors = METHOD.describe([a, b])
    values, evidence = METHOD.similarity(bits, descriptors, np.array([0]), np.array([1]), 0.0)
    return float(values[0]), evidence[0]


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return data.astronaut()


def test_the_same_pixels_are_one_with_no_distance(photo: np.ndarray) -> None:
    value, evidence = pair(picture(photo), picture(Levels(photo / np.float32(255))))
    assert value == 1.0
    assert evidence["distance"] == 0


def test_a_darker_copy_is_similar_and_another_photo_is_not(photo: np.ndarray) -> None:
    assert pair(picture(photo), picture((photo * 0.8).astype(np.uint8)))[0] >= 0.95
    assert pair(picture(photo), picture(data.chelsea()))[0] < 0.8


@pytest.mark.parametrize("orientation", range(2, 9))
def test_turning_a_descriptor_equals_describing_the_turned_picture(photo: np.ndarray, orientation: int) -> None:
    upright = METHOD.describe([picture(photo)])
    turned = METHOD.describe([picture(photo, orientation)])
    for ours, expected in zip(METHOD.turned(*upright, orientation), turned, strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_the_similarity_bounds_the_distance_of_the_keys() -> None:
    assert [METHOD.radius(t) for t in (0.99, 0.95, 0.90, 0.85, 0.80, 0.55, 0.50, 0.0)] == [4, 8, 12, 14, 16, 32, 64, 64]


def drawing(seed: int, size: tuple[int, int] = (160, 130)) -> Image.Image:
    """Boxes and discs of many colors on a plain ground."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", size, tuple(rng.integers(0, 256, 3).tolist()))
    pen = ImageDraw.Draw(image)
    for _ in range(12):
        x, y = rng.integers(0, size[0]), rng.integers(0, size[1])
        box = [int(x), int(y), int(x + rng.integers(8, 80)), int(y + rng.integers(8, 80))]
        shape = pen.rectangle if rng.random() < 0.5 else pen.ellipse
        shape(box, fill=tuple(rng.integers(0, 256, 3).tolist()))
    return image


def described(*images: Image.Image) -> tuple[Bytes, Bytes]:
    return METHOD.describe([picture(np.asarray(image)) for image in images])


def compared(bits: Bytes, descriptors: Bytes) -> float:
    return float(METHOD.similarity(bits, descriptors, np.array([0]), np.array([1]), 0.0)[0][0])


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


seeds = st.integers(0, 10**6)


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(10, 95), st.integers(0, 12))
def test_similarity_is_symmetric_and_bounded_by_the_keys(seed: int, quality: int, cut: int) -> None:
    image = drawing(seed)
    other = jpeg(image.crop((cut, 0, image.width, image.height)), quality)
    bits, descriptors = described(image, other)
    value = compared(bits, descriptors)
    assert value == compared(bits[::-1], descriptors[::-1])
    rows, keys = METHOD.keys(bits)
    distances = [hamming(a[None], b[None])[0] for a in keys[rows == 0] for b in keys[rows == 1]]
    assert min(distances) <= METHOD.radius(value)
    assert compared(bits[[0, 0]], descriptors[[0, 0]]) == 1.0


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(2, 8), st.sampled_from([0, 0, 5]), st.sampled_from([0, 9]))
def test_turning_both_pictures_changes_nothing(seed: int, orientation: int, cut: int, frame: int) -> None:
    """Neither what is measured, with a registration or without, nor what the bits allow."""
    image = ImageOps.expand(drawing(seed), frame, "white")
    straight = described(image, jpeg(image.crop((0, cut, image.width, image.height)), 80))
    turned = METHOD.turned(*straight, orientation)
    assert compared(*straight) == pytest.approx(compared(*turned), abs=1e-4)


def test_similarity_falls_with_the_quality_of_the_copy() -> None:
    means = []
    for quality in (90, 50, 20, 5):
        pairs = [described(drawing(seed), jpeg(drawing(seed), quality)) for seed in range(12)]
        means.append(np.mean([compared(*pair) for pair in pairs]))
    assert means == sorted(means, reverse=True)


def test_loose_thresholds_know_a_picture_by_its_slopes_in_whatever_tone(photo: np.ndarray) -> None:
    gradation = ((np.arange(256) / 255) ** 12 * 255).astype(np.uint8)
    changed, foreign = pair(picture(photo), picture(gradation[photo])), pair(picture(photo), picture(data.chelsea()))
    assert foreign[0] + 0.2 < changed[0] < 0.6


def test_a_frame_around_a_picture_is_seen_through(photo: np.ndarray) -> None:
    image = Image.fromarray(photo)
    for color in ("white", "black"):
        assert compared(*described(image, ImageOps.expand(image, 50, color))) >= 0.95


def test_flat_pictures_are_compared_by_their_color() -> None:
    def plain(*color: int) -> Image.Image:
        return Image.new("RGB", (200, 150), color)

    assert compared(*described(plain(90, 120, 200), jpeg(plain(90, 120, 200), 40))) >= 0.95
    assert compared(*described(plain(90, 120, 200), plain(200, 120, 90))) < 0.8
    assert compared(*described(plain(40, 40, 40), plain(80, 80, 80))) < 0.8


def test_the_grain_of_one_paper_is_not_that_of_another() -> None:
    def paper(seed: int, strength: float) -> Image.Image:
        grain = np.random.default_rng(seed).normal(242, strength, (400, 600, 1))
        return Image.fromarray(np.clip(grain, 0, 255).astype(np.uint8).repeat(3, 2))

    assert compared(*described(paper(0, 16), paper(1, 18))) < 0.8
    assert compared(*described(paper(0, 16), jpeg(paper(0, 16), 40))) >= 0.95
    thumbnail = paper(0, 16).resize((150, 100), Image.Resampling.LANCZOS)
    assert compared(*described(paper(0, 16), thumbnail)) >= 0.9


def test_a_faint_texture_is_known_in_another_brightness() -> None:
    rng = np.random.default_rng(4)
    grain, other = rng.normal(0, 30, (2, 160, 208, 1))
    first, darker, foreign = (
        np.clip(level + noise, 0, 255) for level, noise in ((140, grain), (112, 0.8 * grain), (112, other))
    )
    first, darker, foreign = (Image.fromarray(one.astype(np.uint8).repeat(3, 2)) for one in (first, darker, foreign))
    assert compared(*described(first, darker)) >= 0.95
    assert compared(*described(darker, foreign)) < 0.8


def test_a_copy_that_lost_its_highlights_is_found(photo: np.ndarray) -> None:
    bright = np.clip(photo * 1.6, 0, 255).astype(np.uint8)
    assert compared(*described(Image.fromarray(photo), Image.fromarray(bright))) >= 0.95


def page(bar: int, ground: int) -> Image.Image:
    """Dark bars of text on light ground, below a bar of another level."""
    rng = np.random.default_rng(2)
    image = Image.new("L", (480, 360), ground)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 479, 22), fill=bar)
    for y in range(30, 350, 18):
        x = int(rng.integers(6, 90))
        for _ in range(int(rng.integers(1, 6))):
            w = int(rng.integers(6, 50))
            draw.rectangle((x, y, x + w, y + int(rng.integers(2, 5))), fill=int(rng.integers(90, 190)))
            x += w + 6
    return image


def test_a_light_page_is_found_when_its_grounds_went_white_and_told_from_one_without_the_bar() -> None:
    brighter = page(236, 249).point(lambda level: min(255, level * 11 // 10))
    assert compared(*described(page(236, 249), brighter)) >= 0.95
    assert compared(*described(page(236, 255), page(255, 255))) < 0.95


def test_a_little_that_differs_everywhere_is_another_sampling_and_in_one_place_an_edit() -> None:
    rng = np.random.default_rng(0)
    shades = np.asarray(Image.fromarray(rng.integers(0, 256, (5, 5), np.uint8)).resize((32, 32))) * 0.6 + 50
    grain, other = rng.normal(0, 14, (2, 32, 32))
    edited = grain.copy()
    edited[4:12, 20:28] = other[4:12, 20:28]
    first, sampled, edited = (
        Image.fromarray(np.clip(shades + one, 0, 255).astype(np.uint8)).resize((256, 256), Image.Resampling.NEAREST)
        for one in (grain, 0.88 * grain + 0.475 * other, edited)
    )
    assert compared(*described(first, sampled)) >= 0.95
    assert compared(*described(first, edited)) < 0.9


def test_a_gray_copy_of_a_faint_colored_texture_is_found() -> None:
    grain, other = np.random.default_rng(4).normal(0, 30, (2, 160, 208, 1))
    blue = np.array([60, 120, 180])
    first, foreign = (Image.fromarray(np.clip(blue + one, 0, 255).astype(np.uint8)) for one in (grain, other))
    assert compared(*described(first, first.convert("L").convert("RGB"))) >= 0.95
    assert compared(*described(first, foreign.convert("L").convert("RGB"))) < 0.8


def test_stretching_each_channel_alone_recolors_nothing(photo: np.ndarray) -> None:
    stretched = photo * [0.6, 1.0, 0.8] + [90, 0, 10]
    assert compared(*described(Image.fromarray(photo), Image.fromarray(stretched.astype(np.uint8)))) >= 0.95
    turned = photo[..., [1, 2, 0]]
    assert compared(*described(Image.fromarray(photo), Image.fromarray(turned))) < 0.8


def test_loose_thresholds_go_on_telling_pairs_apart() -> None:
    """Below what caps decide: strong crops above other pictures, other pictures above plain ones of other colors."""
    crops, others = [], []
    for seed in range(12):
        image = drawing(seed)
        crops.append(compared(*described(image, image.crop((24, 20, 160, 130)))))
        others.append(compared(*described(image, drawing(seed + 100))))
    plain = compared(*described(Image.new("RGB", (90, 90), "red"), Image.new("RGB", (90, 90), "blue")))
    assert plain < np.mean(others) < np.mean(crops) < 0.8
    assert len({*crops, *others}) > 20


def test_the_bits_are_pinned() -> None:
    """They are stored in indexes: a change of these values is a new version of the fingerprint."""
    bits, descriptors = described(drawing(1), ImageOps.expand(drawing(2), 20, "white"))
    found = [sha256(rows.tobytes()).hexdigest()[:16] for rows in (bits, descriptors)]
    assert found == ["930172141df4cf48", "0bf0a7e71864d313"]
