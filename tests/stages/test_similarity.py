"""The words of the evidence, on pictures that were really edited."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps
from skimage import data

from oneofeach.stages.fingerprints.oneofeach import OneOfEach
from oneofeach.stages.similarity import words
from oneofeach.tables import EVIDENCE, Picture


def said(a: Image.Image, b: Image.Image) -> str:
    method = OneOfEach()
    pictures = [Picture(np.asarray(image), image.size) for image in (a, b)]
    _, evidence = method.similarity(*method.describe(pictures), np.array([0]), np.array([1]), 0.0)
    return words(evidence[0])


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
