"""Between ComfyUI's tensors and NumPy arrays. The tensor library is the host's: it is imported here and only here."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from oneofeach.stages.decode.arrays import as_array

STRIP = 1 << 18  # values converted at once: what is added to memory stays far below one image
Bytes = npt.NDArray[np.uint8]


def tensor(array: npt.NDArray[np.float32]) -> Any:
    """A tensor over the same memory."""
    import torch

    return torch.from_numpy(array)


def image_tensor(image: Image.Image) -> Any:
    """An 8-bit "RGB" or "L" picture as float32 [1, height, width, channels], 0..1."""
    pixels = np.asarray(image)
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    return tensor(np.divide(pixels, 255, dtype=np.float32)[None])


def stored_tensors(pictures: Iterable[Iterable[Image.Image]], folder: str) -> list[Any]:
    """As `image_tensor`, of "RGB" pictures that come in strips from top to bottom; they lie in a nameless file.

    The file vanishes with the last of them. They take memory while they are read; what is written to them stays there.
    """
    os.makedirs(folder, exist_ok=True)
    shapes = []
    with tempfile.TemporaryFile(prefix="oneofeach-", dir=folder) as file:
        for strips in pictures:
            sizes = [_append(strip, file) for strip in strips]
            shapes.append((1, sum(height for _, height in sizes), sizes[0][0], 3))
        if not shapes:
            return []
        values = np.memmap(file, np.float32, "c")
    ends = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
    return [tensor(part.reshape(shape)) for part, shape in zip(np.split(values, ends), shapes, strict=True)]


def _append(strip: Image.Image, file: IO[bytes]) -> tuple[int, int]:
    pixels = np.asarray(strip)
    for top, bottom in _spans(pixels):
        file.write(np.divide(pixels[top:bottom], 255, dtype=np.float32).data)
    return strip.size


def mask_tensor(image: Image.Image) -> Any:
    """An "L" picture as float32 [1, height, width], 0..1."""
    return tensor(np.divide(np.asarray(image), 255, dtype=np.float32)[None])


def pixels_of(frame: Any) -> npt.NDArray[Any]:
    """[height, width, channels] of an image tensor [1, height, width, channels], a view where it is in main memory."""
    pixels: npt.NDArray[Any] = as_array(frame)[0]
    return pixels


def strips(frame: Any) -> Iterator[Bytes]:
    """An image tensor as 8-bit values, in strips of whole rows: uint8[rows, width, channels]. NaN becomes 0."""
    pixels = pixels_of(frame)
    for top, bottom in _spans(pixels):
        yield to_bytes(pixels[top:bottom])


def _spans(pixels: npt.NDArray[Any]) -> Iterator[tuple[int, int]]:
    rows = max(1, STRIP // max(1, pixels[0].size))
    return ((top, top + rows) for top in range(0, len(pixels), rows))


def to_bytes(values: npt.NDArray[Any]) -> Bytes:
    """Values 0..1 of any float type as 0..255, rounded and clipped, NaN as 0; 8-bit values as they are."""
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind != "f":
        return np.where(values, 255, 0).astype(np.uint8)
    scaled = np.nan_to_num(values.astype(np.float32) * np.float32(255), nan=0.0, posinf=255.0, neginf=0.0)
    return np.asarray(np.rint(scaled.clip(0, 255)), np.uint8)


def picture(frame: Any) -> Image.Image:
    """An image tensor as an 8-bit "L", "RGB" or "RGBA" picture."""
    pixels = np.concatenate(list(strips(frame)))
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def thumbnail(frame: Any, side: int) -> Image.Image:
    """An "RGB" picture no larger than side x side, alpha over white; large images are thinned out before scaling."""
    pixels = pixels_of(frame)
    step = max(1, max(pixels.shape[:2]) // (2 * side))
    small = picture(pixels[None, ::step, ::step])
    if small.mode == "RGBA":
        white = Image.new("RGB", small.size, "white")
        white.paste(small, mask=small.getchannel("A"))
        small = white
    small.thumbnail((side, side), Image.Resampling.BOX)
    return small.convert("RGB")
