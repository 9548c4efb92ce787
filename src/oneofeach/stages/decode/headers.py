"""A walk over JPEG markers: size, tables, orientation, and where the first coarse version of a progressive file ends.

The walk is strict: whatever is unusual gives None, and the general path decides about the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from struct import unpack_from
from typing import NamedTuple

from PIL import Image

_FRAMES = {0xC0: False, 0xC1: False, 0xC2: True}  # baseline, extended, progressive; Huffman coded
_TABLES_AND_FRAMES = frozenset({0xDB, *range(0xC0, 0xD0)} - {0xC4})
_SKIPPED = frozenset({0xC4, 0xDD, 0xFE, *range(0xE0, 0xF0)})  # libjpeg refuses what it does not know
_SHORTEST = {(0xE0, b"JFIF"): 7, (0xE2, b"ICC_"): 14, (0xEE, b"Adob"): 12}  # Pillow refuses shorter ones
_NEXT_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # behind entropy-coded data; FF 00 and restarts belong to it
_XMP_ORIENTATION = re.compile(rb"tiff:Orientation(?:=\"|>)([0-9])")
_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_END = b"\xff\xd9"


class Segment(NamedTuple):
    marker: int
    start: int  # of the body
    stop: int


@dataclass(slots=True)
class JpegHeader:
    """What stands before the pixels. channels: 1 or 3. table: luminance quantization. pixels: where scans begin."""

    width: int = 0
    height: int = 0
    channels: int = 0
    progressive: bool = False
    orientation: int = 1
    pixels: int = 0
    tables: dict[int, tuple[int, ...]] = field(default_factory=dict)

    @property
    def table(self) -> tuple[int, ...]:
        return self.tables[min(self.tables)]


def jpeg_header(data: bytes) -> JpegHeader | None:
    """The header of an 8-bit gray or three-channel JPEG with Huffman coding; None for any other or odd file."""
    header = JpegHeader()
    exif = xmp = b""
    position = 2
    while (segment := _segment(data, position)) and segment.marker != 0xDA:
        marker, start, position = segment
        if marker in _TABLES_AND_FRAMES:
            if not (_read_tables if marker == 0xDB else _read_frame)(data, segment, header):
                return None
        elif marker not in _SKIPPED or position - start < _SHORTEST.get((marker, data[start : start + 4]), 0):
            return None
        elif marker == 0xE1 and data.startswith(_EXIF, start):
            exif = exif or data[start + len(_EXIF) : position]
        elif marker == 0xE1 and data.startswith(_XMP, start):
            xmp = data[start:position]
    if not segment or not header.width or not header.tables:
        return None
    header.pixels = position
    header.orientation = _orientation(exif, xmp)
    return header


def first_version(data: bytes, header: JpegHeader) -> bytes:
    """The shortest beginning of a progressive JPEG that holds all DC coefficients, ended properly: enough for 1/8.

    The whole file when it is not made that way, or truncated, which must be found out.
    """
    if not header.progressive or truncated(data, header):
        return data
    missing = header.channels
    position = header.pixels
    while (segment := _segment(data, position)) and segment.marker in (0xC4, 0xDA):
        position = segment.stop
        if segment.marker == 0xDA:
            scan = data[segment.start : position]
            found = _NEXT_MARKER.search(data, position)
            if found is None or len(scan) != 4 + 2 * scan[0] or scan[-3] != 0:  # the spectrum begins at DC
                break
            missing -= scan[0]
            position = found.start()
            if missing <= 0:
                return data[:position] + _END
    return data


def truncated(data: bytes, header: JpegHeader) -> bool:
    """Whether the mark of the end is missing."""
    return data.rfind(_END, header.pixels) < 0


def _segment(data: bytes, position: int) -> Segment | None:
    """The marker segment that begins exactly here."""
    if position + 4 > len(data) or data[position] != 0xFF:
        return None
    marker, length = unpack_from(">BH", data, position + 1)
    stop = position + 2 + length
    if marker < 0xC0 or 0xD0 <= marker <= 0xD9 or length < 2 or stop > len(data):
        return None
    return Segment(marker, position + 4, stop)


def _read_frame(data: bytes, segment: Segment, header: JpegHeader) -> bool:
    marker, start, stop = segment
    if marker not in _FRAMES or header.width or stop - start < 6:
        return False
    precision, header.height, header.width, header.channels = unpack_from(">BHHB", data, start)
    header.progressive = _FRAMES[marker]
    if precision != 8 or header.channels not in (1, 3) or stop - start != 6 + 3 * header.channels:
        return False
    return within_limit(header.width, header.height)


def _read_tables(data: bytes, segment: Segment, header: JpegHeader) -> bool:
    position = segment.start
    while position < segment.stop:
        wide, number = divmod(data[position], 16)
        size = 128 if wide else 64
        if wide > 1 or number > 3 or position + 1 + size > segment.stop:
            return False
        header.tables[number] = unpack_from(">64H" if wide else ">64B", data, position + 1)
        position += 1 + size
    return True


def within_limit(width: int, height: int) -> bool:
    """Whether Pillow would open a picture of this size: it refuses from twice its limit on, and warns before."""
    limit = Image.MAX_IMAGE_PIXELS
    return width * height > 0 and (limit is None or width * height <= 2 * limit)


def upright_if_unknown(orientation: int | None) -> int:
    """1 when the orientation is absent or out of range."""
    return orientation if orientation is not None and 1 <= orientation <= 8 else 1


def _orientation(exif: bytes, xmp: bytes) -> int:
    """As Pillow looks it up: the first directory of the EXIF block, else XMP."""
    value = exif_orientation(exif)
    if value is None and (found := _XMP_ORIENTATION.search(xmp)):
        value = int(found[1])
    return upright_if_unknown(value)


def exif_orientation(tiff: bytes) -> int | None:
    """The Orientation tag in the first directory of an EXIF block (behind its "Exif" mark); None: there is none."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return None
    magic, offset = unpack_from(order + "HI", tiff, 2)
    if magic != 42 or offset + 2 > len(tiff):
        return None
    (count,) = unpack_from(order + "H", tiff, offset)
    for entry in range(offset + 2, min(offset + 2 + 12 * count, len(tiff) - 11), 12):
        tag, kind, values = unpack_from(order + "HHI", tiff, entry)
        if tag == 0x0112 and kind == 3 and values == 1:
            return int(unpack_from(order + "H", tiff, entry + 8)[0])
    return None
