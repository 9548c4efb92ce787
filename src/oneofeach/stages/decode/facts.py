"""Facts that decoding teaches: upright size, frames, encoder quality, sharpness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from oneofeach.kernels.sharpness import colorfulness, sharpness
from oneofeach.stages.decode.read import Loaded
from oneofeach.tables import FACTS

GRAY_NOISE = 16
"""Further from gray is no pixel of what lossy encoders leave of a gray image, in levels."""
_IJG_LUMA_SUM = 3685
"""Sum of the example luminance table of ITU-T T.81, K.1, which the IJG quality scale multiplies."""

_LOSSLESS = frozenset({"PNG", "GIF", "BMP", "PPM", "TGA", "QOI", "PSD", "ICO", "ICNS", "SGI", ""})
_LOSSLESS_TIFF = frozenset({"raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "tiff_deflate", "group3", "group4"})


class Opened(NamedTuple):
    """One decoded image on its way to a Picture and its facts.

    size: (width, height) of the whole image, not yet upright. extent: what `pixels` truly cover, in their own pixels.
    """

    pixels: Any  # as in tables.Picture
    size: tuple[int, int]
    extent: tuple[float, float]
    orientation: int = 1
    frames: int = 1
    quality: float = 100.0
    format: str = ""
    note: str = ""


def facts_of(loaded: Loaded, opened: Opened) -> np.void:
    """A FACTS record; mtime_ns is the caller's to fill."""
    width, height = opened.size if opened.orientation < 5 else opened.size[::-1]
    content = np.frombuffer(loaded.content, np.uint8)
    clear = sharpness(opened.pixels, opened.extent)
    color = colorfulness(opened.pixels) > GRAY_NOISE
    record = (content, loaded.size, 0, width, height, opened.frames, opened.quality, clear, color)
    facts: np.void = np.array([(*record, opened.format.encode()[:8])], FACTS)[0]
    return facts


def quality_of(image: Image.Image) -> float:
    """Encoder quality 0..100 of an opened PIL image: 100 for lossless formats, 0 for lossy ones that hide it."""
    tables: Mapping[int, Sequence[int]] | None = getattr(image, "quantization", None)
    if tables:
        return jpeg_quality(tables[min(tables)])
    if image.format in _LOSSLESS or image.info.get("compression") in _LOSSLESS_TIFF:
        return 100.0
    return 100.0 if image.info.get("lossless") else 0.0


def jpeg_quality(table: Sequence[int]) -> float:
    """IJG quality 1..100 whose scaled example table has the same sum as this luminance quantization table.

    The IJG scale s turns the example table into (example * s + 50) / 100, with s = 5000 / quality below 50 and
    200 - 2 * quality above, so the ratio of sums gives s, and s the quality. Exact for tables made that way (up to
    rounding and values cut at 255), a fair rank for others.
    """
    scale = 100 * sum(table) / _IJG_LUMA_SUM
    if scale <= 100 * len(table) / _IJG_LUMA_SUM:  # all ones: nothing finer exists
        return 100.0
    return (200 - scale) / 2 if scale <= 100 else 5000 / scale
