"""Encoded bytes or a PIL image → pixels, through Pillow: its own limit on pixels, every failure as one line."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from oneofeach.errors import UnreadableImage
from oneofeach.stages.decode.facts import Opened, quality_of
from oneofeach.stages.decode.flatten import flatten
from oneofeach.stages.decode.formats import activate
from oneofeach.stages.decode.jpeg import enough_of
from oneofeach.stages.decode.quiet import quiet
from oneofeach.stages.decode.webp import webp_header

ORIENTATION = 0x0112
_FAILURES: tuple[type[Exception], ...] = (
    *(OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError, EOFError, ArithmeticError, AttributeError),
    *(NotImplementedError, RuntimeError, AssertionError, MemoryError, struct.error),
)
"""All that Pillow's plugins were seen to raise on broken files."""


@contextmanager
def guarded() -> Iterator[None]:
    """Pillow at work: no warnings, and whatever a broken file makes it raise becomes UnreadableImage."""
    try:
        with quiet():
            yield
    except UnreadableImage:
        raise
    except Image.DecompressionBombError as error:
        raise UnreadableImage("more pixels than Pillow's limit (PIL.Image.MAX_IMAGE_PIXELS)") from error
    except UnidentifiedImageError as error:
        raise UnreadableImage("broken header") from error
    except _FAILURES as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UnreadableImage(reason.replace("image file is truncated", "file is truncated")) from error


def from_file(data: bytes, name: str, min_side: int) -> Opened:
    """Encoded bytes of the named format; JPEG scaled while decoding. Call inside `guarded`."""
    activate(name)
    data = enough_of(data, min_side) if name == "JPEG" else data
    image = Image.open(BytesIO(data), formats=(name,))
    size, frames = image.size, frames_of(image)
    extent = draft(image, min_side)
    pixels, orientation, note = _pixels(image)
    if frames > 1:
        note = "; ".join(filter(None, (f"animated: first of {frames} frames", note)))
    return Opened(pixels, size, extent, orientation, frames, quality_of(image), name, note)


def size_of(data: bytes, name: str) -> tuple[int, int]:
    """(width, height) of encoded bytes of the named format. UnreadableImage when the header is broken."""
    if name == "PNG" and len(data) > 24:
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if name == "WEBP" and (header := webp_header(data)):
        return header.width, header.height
    with guarded():
        activate(name)
        return Image.open(BytesIO(data), formats=(name,)).size


def from_memory(image: Image.Image) -> Opened:
    """The caller's own PIL image, which is left as it is. Call inside `guarded`."""
    pixels, orientation, note = _pixels(image)
    extent = float(image.width), float(image.height)
    format = (image.format or "").replace("MPO", "JPEG")
    return Opened(pixels, image.size, extent, orientation, 1, quality_of(image), format, note)


def _pixels(image: Image.Image) -> tuple[npt.NDArray[np.uint8], int, str]:
    if 0 in image.size:
        raise UnreadableImage(f"image is empty: {image.width}x{image.height}")
    image.load()
    orientation = orientation_of(image)
    flat, note = flatten(image)
    return np.asarray(flat), orientation, note


def draft(image: Image.Image, min_side: int) -> tuple[float, float]:
    """Prepare a scaled JPEG decode that keeps min_side pixels on the short side; the true extent it will have."""
    drafted = image.draft("RGB", (min_side, min_side)) if min_side else None
    if drafted is None:
        return float(image.width), float(image.height)
    _, (_, _, width, height) = drafted
    return width, height


def orientation_of(image: Image.Image) -> int:
    """EXIF orientation 1..8 of a loaded image; 1 when it is absent, broken or out of range.

    Not before `load`: PNG loads to find it, and a second load after a failed one succeeds with half a picture;
    TIFF turns itself upright while loading.
    """
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except _FAILURES:
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def frames_of(image: Image.Image) -> int:
    """Frames of an animation, pages of a TIFF; 1 for a JPEG that carries previews."""
    if image.format in ("JPEG", "MPO"):
        return 1
    try:
        return int(getattr(image, "n_frames", 1))
    except _FAILURES:
        return 1
    finally:
        if image.tell():
            image.seek(0)
