"""Between ComfyUI's tensors and NumPy arrays. The tensor library is the host's: it is imported here and only here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
    rows = max(1, STRIP // max(1, pixels[0].size))
    for top in range(0, len(pixels), rows):
        yield to_bytes(pixels[top : top + rows])


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
    small = picture(np.ascontiguousarray(pixels[::step, ::step])[None])
    if small.mode == "RGBA":
        white = Image.new("RGB", small.size, "white")
        white.paste(small, mask=small.getchannel("A"))
        small = white
    small.thumbnail((side, side), Image.Resampling.BOX)
    return small.convert("RGB")
