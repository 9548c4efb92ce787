"""WebP bytes → pixels through imagecodecs, which decodes as libwebp does; Pillow copies the same pixels three times.

Animations, transparency and whatever is unusual are left to Pillow.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from struct import unpack_from
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from oneofeach.stages.decode.facts import Opened
from oneofeach.stages.decode.headers import exif_orientation, upright_if_unknown, within_limit

_KNOWN = 0x28  # flags of a picture in several chunks: a color profile, EXIF; with any other one it is left to Pillow
_ORDER = (b"VP8X", b"ICCP", b"VP8 ", b"VP8L", b"EXIF")


class WebpHeader(NamedTuple):
    width: int
    height: int
    orientation: int


@lru_cache(maxsize=1)
def imagecodecs() -> ModuleType | None:
    """The library, when it is installed with WebP."""
    try:
        library = import_module("imagecodecs")
    except ImportError:
        return None
    return library if library.WEBP.available else None


def open_webp(data: bytes) -> Opened | None:
    """None with an unusual or damaged file, or nothing to read it."""
    library: Any = imagecodecs()
    header = webp_header(data) if library else None
    if header is None:
        return None
    try:
        pixels: npt.NDArray[np.uint8] = library.webp_decode(data)
    except (RuntimeError, ValueError, MemoryError):
        return None
    width, height, orientation = header
    if pixels.shape != (height, width, 3):
        return None
    return Opened(pixels, (width, height), (float(width), float(height)), orientation, quality=0.0, format="WEBP")


def webp_header(data: bytes) -> WebpHeader | None:
    """The header of an opaque still picture whose chunks are whole and in order; None for any other or odd file."""
    chunks = _chunks(data) or {}
    names = list(chunks)
    size = _size(chunks.get(b"VP8 "), chunks.get(b"VP8L"))
    canvas = chunks.get(b"VP8X")
    if not size or names != [name for name in _ORDER if name in chunks] or not within_limit(*size):
        return None
    if canvas is None:
        return WebpHeader(*size, 1) if len(names) == 1 else None
    if len(canvas) != 10 or canvas[0] & ~_KNOWN or size != (_three(canvas, 4) + 1, _three(canvas, 7) + 1):
        return None
    exif = bytes(chunks.get(b"EXIF", b"")).removeprefix(b"Exif\0\0")
    return WebpHeader(*size, upright_if_unknown(exif_orientation(exif)))


def _chunks(data: bytes) -> dict[bytes, memoryview] | None:
    """Each chunk by its name; None when one is cut off or comes twice, or something stands behind the last one."""
    if len(data) < 20 or not data.startswith(b"RIFF") or unpack_from("<I", data, 4)[0] + 8 != len(data):
        return None
    chunks: dict[bytes, memoryview] = {}
    view, at = memoryview(data), 12
    while at + 8 <= len(data):
        name, (length,) = data[at : at + 4], unpack_from("<I", data, at + 4)
        if name in chunks or at + 8 + length > len(data):
            return None
        chunks[name] = view[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    return chunks if at == len(data) else None


def _size(lossy: memoryview | None, lossless: memoryview | None) -> tuple[int, int] | None:
    """Width and height of the one bitstream there is; None when it is transparent, or there are none or two."""
    if lossy is not None and lossless is None and len(lossy) > 10 and bytes(lossy[3:6]) == b"\x9d\x01\x2a":
        width, height = unpack_from("<HH", lossy, 6)
        return width & 0x3FFF, height & 0x3FFF
    if lossless is not None and lossy is None and len(lossless) > 5 and lossless[0] == 0x2F:
        (bits,) = unpack_from("<I", lossless, 1)
        return None if bits >> 28 else ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    return None


def _three(data: memoryview, at: int) -> int:
    return int.from_bytes(data[at : at + 3], "little")
