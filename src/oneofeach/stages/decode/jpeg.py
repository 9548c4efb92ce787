"""JPEG bytes → pixels at a scale of 1, 1/2, 1/4 or 1/8: reduced ones with the compiled kernel, else with libjpeg-turbo.

The kernel rounds otherwise than the library, and leaves colors as coarse as the file has them. What it finds unusual
goes to libjpeg-turbo (simplejpeg), whose pixels are Pillow's; whatever that does not like, Pillow decides.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from oneofeach import kernels
from oneofeach.stages.decode.facts import Opened, jpeg_quality
from oneofeach.stages.decode.headers import JpegHeader, first_version, jpeg_header, truncated


@lru_cache(maxsize=1)
def simplejpeg() -> ModuleType | None:
    """The library, when it is installed."""
    try:
        return import_module("simplejpeg")
    except ImportError:
        return None


def open_jpeg(data: bytes, min_side: int) -> Opened | None:
    """Scaled down to no less than min_side pixels on the short side; None with an unusual file, or nothing to read it.

    min_side 0: as it is, exactly as Pillow gives it.
    """
    header = jpeg_header(data)
    if header is None:
        return None
    scale = _scale(header, min_side)
    pixels = _rebuilt(data, header, scale) if min_side and not truncated(data, header) else None
    if pixels is None:
        pixels = _pixels(first_version(data, header) if scale == 8 else data, header, scale)
    if pixels is None:
        return None
    size = header.width, header.height
    extent = header.width / scale, header.height / scale
    return Opened(pixels, size, extent, header.orientation, 1, jpeg_quality(header.table), "JPEG")


def enough_of(data: bytes, min_side: int) -> bytes:
    """The beginning of a JPEG file that a decode with this min_side needs."""
    header = jpeg_header(data)
    return data if header is None or _scale(header, min_side) < 8 else first_version(data, header)


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


def _rebuilt(data: bytes, header: JpegHeader, scale: int) -> npt.NDArray[np.uint8] | None:
    """uint8 [h, w] or [h, w, 3] at 1/scale, channel by channel in memory; None when the kernel has any objection."""
    c: Any = kernels.compiled
    if c is None:
        return None
    height, width, channels = -(-header.height // scale), -(-header.width // scale), header.channels
    planes = np.empty((channels, height, width), np.uint8)
    if not c.jpeg_decode(data, scale, height, width, channels, planes.ctypes.data):
        return None
    return np.asarray(planes[0] if channels == 1 else planes.transpose(1, 2, 0))


def _pixels(data: bytes, header: JpegHeader, scale: int) -> npt.NDArray[np.uint8] | None:
    """uint8 [h, w] or [h, w, 3] at 1/scale; None when there is no library, or it has any objection."""
    library: Any = simplejpeg()
    if library is None:
        return None
    smallest = {"min_height": -(-header.height // scale), "min_width": -(-header.width // scale)}
    try:
        pixels = library.decode_jpeg(data, "GRAY" if header.channels == 1 else "RGB", strict=True, **smallest)
    except (ValueError, MemoryError):
        return None
    return np.asarray(pixels[..., 0] if header.channels == 1 else pixels)
