"""The words of the evidence, on pictures that were really edited."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps
from skimage import data

from oneofeach.stages.fingerprints.oneofeach import OneOfEach
from oneofeach.stages.similarity import words
from oneofeach.tables import EVIDENCE, Picture


def compared(a: Image.Image, b: Image.Image) -> tuple[float, np.void]:
    method = OneOfEach()
    pictures = [Picture(np.asarray(image), image.size) for image in (a, b)]
    values, evidence = method.similarity(*method.describe(pictures), np.array([0]), np.array([1]), 0.0)
    return float(values[0]), evidence[0]


def said(a: Image.Image, b: Image.Image) -> str:
    return words(compared(a, b)[1])


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    return Image.fromarray(data.astronaut())


def test_a_smaller_copy_is_the_same_picture(photo: Image.Image) -> None:
    assert said(photo, photo.resize((300, 300))).startswith("same picture")


def test_a_crop_names_its_side_whichever_picture_is_first(photo: Image.Image) -> None:
    cropped = photo.crop((26, 0, 512, 512))
    for text in (said(photo, cropped), said(cropped, photo)):
        assert "cropped 5 % left" in text
        assert "right" not in text


def test_a_frame_is_a_border(photo: Image.Image) -> None:
    assert "border removed" in said(photo, ImageOps.expand(photo, 40, "black"))


@pytest.mark.parametrize("width", [20, 100])
def test_bars_around_a_page_with_edges_of_its_own_are_no_crop(width: int) -> None:
    page = Image.fromarray(data.page()).convert("RGB")
    text = said(page, ImageOps.expand(page, (0, width), (200, 0, 0)))
    assert "border" in text
    assert "crop" not in text


@pytest.mark.parametrize("frame", ["white", "yellow", "red"])
@pytest.mark.parametrize("width", [4, 8, 12, 20, 30])
def test_a_frame_around_a_rim_of_another_color_hides_nothing(width: int, frame: str) -> None:
    disc = Image.new("RGB", (600, 600))
    ImageDraw.Draw(disc).ellipse((20, 20, 579, 579), fill=(90, 140, 60))
    ImageDraw.Draw(disc).rectangle((150, 200, 300, 420), fill="orange")
    assert compared(disc, ImageOps.expand(disc, width, frame))[0] >= 0.95


def test_other_hues_are_recolored(photo: Image.Image) -> None:
    assert "recolored" in said(photo, Image.fromarray(np.asarray(photo)[..., ::-1].copy()))


def test_what_held_the_similarity_down_is_named_and_counted() -> None:
    evidence = np.zeros(1, EVIDENCE)[0]
    assert words(evidence) == "hardly alike"
    evidence["verified"] = 0.97
    assert words(evidence) == "same picture"
    evidence["term"], evidence["key_distance"], evidence["distance"] = 1, 1, 5
    assert words(evidence) == "same picture (limited by 1 differing bit of the search key)"
    evidence["term"] = 2
    assert words(evidence) == "same picture (limited by 5 differing bits of the fingerprint)"
