"""PNG bytes → pixels with the compiled kernel, for what nearly all PNG files are: 8 bits, gray, RGB or RGBA, one frame.

The walk over chunks is strict and checks every checksum; whatever is unusual gives None, and Pillow decides.
"""

from __future__ import annotations

import threading
import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from struct import unpack_from
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from oneofeach import kernels
from oneofeach.stages.decode.facts import Opened
from oneofeach.stages.decode.flatten import flatten
from oneofeach.stages.decode.headers import exif_orientation, upright_if_unknown, within_limit

_FIRST = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_CHANNELS = {0: 1, 2: 3, 6: 4}
_DECISIVE = frozenset({b"tRNS", b"acTL", b"fcTL", b"fdAT", b"zTXt", b"iTXt", b"IHDR"})  # transparency, frames, XMP
_LONGEST_TEXT = 1 << 20
_HIDDEN_EXIF = b"Raw profile type"
_MOST_ROOM = 8 << 20  # bytes that a thread keeps: memory that is there already is twice as fast as new one
_OWN = threading.local()


@dataclass(slots=True)
class PngHeader:
    width: int
    height: int
    channels: int
    orientation: int = 1
    pixels: list[memoryview] = field(default_factory=list)  # compressed, in parts
    complete: bool = False  # something stands behind the pixels


def open_png(data: bytes) -> Opened | None:
    """None when there is no kernel, or the file is unusual or damaged."""
    header = png_header(data)
    pixels = None if header is None else _pixels(header)
    if header is None or pixels is None:
        return None
    if header.channels == 4:
        opaque = bool((pixels[..., 3] == 255).all())
        pixels = pixels[..., :3] if opaque else np.asarray(flatten(Image.fromarray(pixels))[0])
    size = header.width, header.height
    return Opened(pixels, size, (float(size[0]), float(size[1])), header.orientation, format="PNG")


def png_header(data: bytes) -> PngHeader | None:
    """The header of a plain 8-bit PNG whose chunks are whole and harmless; None for any other or odd file."""
    header = _first_chunk(data)
    view = memoryview(data)
    at = 33
    while header is not None and at + 12 <= len(data):
        (length,) = unpack_from(">I", data, at)
        kind, stop = data[at + 4 : at + 8], at + 12 + length
        if stop > len(data) or _checksum(view[at + 4 : stop - 4]) != unpack_from(">I", data, stop - 4)[0]:
            return None
        if kind == b"IEND":
            return header if header.pixels else None
        if not _take(header, kind, view[at + 8 : stop - 4]):
            return None
        at = stop
    return None


def _first_chunk(data: bytes) -> PngHeader | None:
    if len(data) < 33 or not data.startswith(_FIRST) or zlib.crc32(data[12:29]) != unpack_from(">I", data, 29)[0]:
        return None
    width, height, depth, color, *methods = unpack_from(">IIBBBBB", data, 16)
    if depth != 8 or color not in _CHANNELS or any(methods) or not within_limit(width, height):
        return None
    return PngHeader(width, height, _CHANNELS[color])


def _take(header: PngHeader, kind: bytes, body: memoryview) -> bool:
    """Note what the chunk says. False when it is for Pillow to judge."""
    if kind == b"IDAT":
        header.pixels.append(body)
        return not header.complete
    header.complete = bool(header.pixels)
    if kind == b"eXIf":
        header.orientation = upright_if_unknown(exif_orientation(bytes(body)))
    if kind == b"tEXt" and (len(body) > _LONGEST_TEXT or bytes(body[:16]) == _HIDDEN_EXIF):
        return False
    optional = bool(kind[0] & 0x20)
    return optional and kind not in _DECISIVE


def _pixels(header: PngHeader) -> npt.NDArray[np.uint8] | None:
    """uint8 [h, w] or [h, w, 3 or 4]; None when there is no kernel, or the data is not exactly as it should be."""
    c: Any = kernels.compiled
    height, width, channels = header.height, header.width, header.channels
    raw = None if c is None else _inflated(header.pixels, height * (1 + width * channels))
    if raw is None:
        return None
    lines = np.frombuffer(raw, np.uint8)
    if not c.png_unfilter(lines.ctypes.data, height, width, channels):
        return None
    pixels = lines[: height * width * channels]
    return pixels.reshape((height, width, channels) if channels > 1 else (height, width))


@lru_cache(maxsize=1)
def libdeflate() -> ModuleType | None:
    """The fastest inflate there is, when it is installed."""
    try:
        return import_module("deflate")
    except ImportError:
        return None


def _checksum(data: memoryview) -> int:
    library = libdeflate()
    return int(library.crc32(data)) if library is not None else zlib.crc32(data)


def _joined(parts: list[memoryview]) -> memoryview:
    """The parts in one; no longer than until this thread joins others."""
    size = sum(map(len, parts))
    room = _OWN.__dict__.get("room", b"")
    if len(room) < size:
        room = bytearray(size)
        if size <= _MOST_ROOM:
            _OWN.room = room
    at = 0
    for part in parts:
        room[at : at + len(part)] = part
        at += len(part)
    return memoryview(room)[:size]


def _inflated(parts: list[memoryview], size: int) -> bytearray | None:
    """Exactly `size` bytes with the right checksum, or None."""
    data = parts[0] if len(parts) == 1 else _joined(parts)
    library = libdeflate()
    if library is not None:
        try:
            raw: bytearray = library.zlib_decompress(data, size)
        except library.DeflateError:
            return None
        return raw if len(raw) == size else None
    inflater = zlib.decompressobj()
    try:
        raw = bytearray(inflater.decompress(data, size + 1))
    except zlib.error:
        return None
    return raw if len(raw) == size and inflater.eof else None
