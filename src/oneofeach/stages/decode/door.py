"""Loaded → Decoded: picks the way to the pixels, and gathers the facts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from oneofeach.errors import UnreadableImage
from oneofeach.stages.decode.arrays import images_in, is_array, pixels_of
from oneofeach.stages.decode.facts import Opened, facts_of
from oneofeach.stages.decode.formats import format_of
from oneofeach.stages.decode.jpeg import open_jpeg
from oneofeach.stages.decode.pillow import from_file, from_memory, guarded
from oneofeach.stages.decode.png import open_png
from oneofeach.stages.decode.read import Loaded, load
from oneofeach.stages.decode.webp import open_webp
from oneofeach.tables import Picture


@dataclass(frozen=True, slots=True)
class Decoded:
    """facts: one FACTS record (mtime_ns is the caller's to fill). note: what a reader of the report should know."""

    picture: Picture
    facts: np.void
    note: str = ""


def decode(loaded: Loaded, *, min_side: int = 0) -> Decoded:
    """Pixels and facts of one image.

    min_side: shortest side in pixels that a scaled decode must keep (smaller pictures come as they are); 0: full size.
    Raises UnreadableImage with the reason in one line.
    """
    if loaded.data is not None:
        opened = _open_file(loaded.data, min_side)
    elif isinstance(loaded.image, Image.Image):
        with guarded():
            opened = from_memory(loaded.image)
    else:
        opened = _open_array(_single_array(loaded.image))
    picture = Picture(opened.pixels, opened.extent, opened.orientation)
    return Decoded(picture, facts_of(loaded, opened), opened.note)


def open_image(source: Any) -> Image.Image:
    """The whole image, upright, as RGB: for reports, nodes and review. Raises UnreadableImage."""
    decoded = decode(load(source)).picture
    image = Image.fromarray(np.asarray(decoded.pixels)).convert("RGB")
    turn = _TURNS.get(decoded.orientation)
    return image if turn is None else image.transpose(turn)


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _open_file(data: bytes, min_side: int) -> Opened:
    """JPEG, PNG and WebP have their own ways; Pillow opens everything else, and whatever they leave to it.

    They accept what Pillow accepts, with two differences on purpose: damage behind the scans that a scaled progressive
    JPEG needs is not seen, and a color profile too long for Pillow is ignored like all color profiles.
    ONEOFEACH_DECODERS=pillow in the environment leaves everything to Pillow.
    """
    name = format_of(data)
    opened = None
    if os.environ.get("ONEOFEACH_DECODERS") != "pillow":
        if name == "JPEG":
            opened = open_jpeg(data, min_side)
        elif name == "PNG":
            opened = open_png(data)
        elif name == "WEBP":
            opened = open_webp(data)
    if opened is None:
        with guarded():
            opened = from_file(data, name, min_side)
    return opened


def _open_array(array: npt.NDArray[Any]) -> Opened:
    pixels, note = pixels_of(array)
    height, width = pixels.shape[:2]
    return Opened(pixels, (width, height), (float(width), float(height)), note=note)


def _single_array(image: Any) -> npt.NDArray[Any]:
    if not is_array(image):
        raise UnreadableImage(f"{type(image).__name__} is not an image")
    views = images_in(image)
    if len(views) != 1:
        raise UnreadableImage(f"batch of {len(views)} images where one was expected")
    return views[0]
