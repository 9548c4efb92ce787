"""JPEG bytes → pixels through libjpeg-turbo directly (simplejpeg), at a scale of 1, 1/2, 1/4 or 1/8.

The same library and the same scales as Pillow's, so the pixels are the same; whatever it does not like, Pillow decides.
"""

from __future__ import annotations

import os
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from oneofeach.stages.decode.headers import JpegHeader


@lru_cache(maxsize=1)
def simplejpeg() -> ModuleType | None:
    """The library, when it is installed and ONEOFEACH_DECODERS is not "pillow"."""
    if os.environ.get("ONEOFEACH_DECODERS") == "pillow":
        return None
    try:
        return import_module("simplejpeg")
    except ImportError:
        return None


def scale_of(header: JpegHeader, min_side: int) -> int:
    """The largest of 1, 2, 4, 8 that leaves min_side pixels on the short side. Other scales have no fast code."""
    if not min_side:
        return 1
    room = min(header.width, header.height) // min_side
    return next(scale for scale in (8, 4, 2, 1) if room >= scale or scale == 1)


def pixels_of(data: bytes, header: JpegHeader, scale: int) -> npt.NDArray[np.uint8] | None:
    """uint8 [h, w] or [h, w, 3] at 1/scale; None when the library is missing or has any objection."""
    library = simplejpeg()
    if library is None:
        return None
    smallest: dict[str, Any] = {"min_height": -(-header.height // scale), "min_width": -(-header.width // scale)}
    try:
        pixels = library.decode_jpeg(data, "GRAY" if header.channels == 1 else "RGB", strict=True, **smallest)
    except (ValueError, MemoryError):
        return None
    return np.asarray(pixels[..., 0] if header.channels == 1 else pixels)
