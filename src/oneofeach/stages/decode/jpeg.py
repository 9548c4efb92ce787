"""JPEG bytes → pixels through libjpeg-turbo directly (simplejpeg), at a scale of 1, 1/2, 1/4 or 1/8.

The same library and the same scales as Pillow's, so the pixels are the same; whatever it does not like, Pillow decides.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from oneofeach.stages.decode.facts import Opened, jpeg_quality
from oneofeach.stages.decode.headers import JpegHeader, first_version, jpeg_header


@lru_cache(maxsize=1)
def simplejpeg() -> ModuleType | None:
    """The library, when it is installed."""
    try:
        return import_module("simplejpeg")
    except ImportError:
        return None


def open_jpeg(data: bytes, min_side: int) -> Opened | None:
    """Scaled down to no less than min_side pixels on the short side; None without library, or with an unusual file."""
    header = jpeg_header(data) if simplejpeg() else None
    if header is None:
        return None
    scale = _scale(header, min_side)
    if header.progressive and scale == 8:
        data = first_version(data, header)
    pixels = _pixels(data, header, scale)
    if pixels is None:
        return None
    size = header.width, header.height
    extent = header.width / scale, header.height / scale
    return Opened(pixels, size, extent, header.orientation, 1, jpeg_quality(header.table), "JPEG")


def enough_of(data: bytes, min_side: int) -> bytes:
    """The beginning of a JPEG file that a decode with this min_side needs."""
    header = jpeg_header(data)
    if header is None or not header.progressive or _scale(header, min_side) < 8:
        return data
    return first_version(data, header)


def decoded_pixels(data: bytes, min_side: int) -> int:
    """How many pixels a decode with this min_side will have; 0 when the header is unusual."""
    header = jpeg_header(data)
    return 0 if header is None else header.width * header.height // _scale(header, min_side) ** 2


def _scale(header: JpegHeader, min_side: int) -> int:
    """The largest of 1, 2, 4, 8 that leaves min_side pixels on the short side. Other scales have no fast code."""
    if not min_side:
        return 1
    room = min(header.width, header.height) // min_side
    return next(scale for scale in (8, 4, 2, 1) if room >= scale or scale == 1)


def _pixels(data: bytes, header: JpegHeader, scale: int) -> npt.NDArray[np.uint8] | None:
    """uint8 [h, w] or [h, w, 3] at 1/scale; None when the library has any objection."""
    library: Any = simplejpeg()
    smallest = {"min_height": -(-header.height // scale), "min_width": -(-header.width // scale)}
    try:
        pixels = library.decode_jpeg(data, "GRAY" if header.channels == 1 else "RGB", strict=True, **smallest)
    except (ValueError, MemoryError):
        return None
    return np.asarray(pixels[..., 0] if header.channels == 1 else pixels)
