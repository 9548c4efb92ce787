"""NumPy arrays and tensors → single-image views, and 8-bit or float pixels over white. Torch is never imported."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from oneofeach.errors import UnreadableImage

CHANNELS = (1, 3, 4)
STRIP = 1 << 15  # values converted at once: they stay in the cache
OVERSHOOT = 0.5
"""Float values this far outside 0..1 are clipped with a note (resampling rings); farther ones are another scale."""


def images_in(array: Any) -> list[npt.NDArray[Any]]:
    """The images of an array or tensor, as views [h, w] or [h, w, c] without a copy.

    Layouts: [h, w], [h, w, c], [c, h, w], [b, h, w, c], [b, c, h, w] with c one of 1, 3, 4; where both ends could be
    channels, the last axis is. Values: bool, uint8, uint16, or float 0..1. Raises UnreadableImage.
    """
    values = as_array(array)
    _check_dtype(values.dtype)
    if values.ndim == 4:
        return [_single(image) for image in values]
    return [_single(values)]


def is_array(source: Any) -> bool:
    """True for NumPy arrays, tensors and whatever else converts to an array by itself."""
    return hasattr(source, "detach") or hasattr(source, "__array__") or hasattr(source, "__array_interface__")


def as_array(source: Any) -> npt.NDArray[Any]:
    """`source` as a NumPy array, sharing its memory where it can. Raises UnreadableImage."""
    try:
        if hasattr(source, "detach"):
            tensor = source.detach().cpu()
            if "bfloat16" in str(tensor.dtype):  # NumPy has no such type
                tensor = tensor.float()
            return np.asarray(tensor.numpy())
        return np.asarray(source)
    except Exception as error:  # foreign code: whatever it raises costs one image
        raise UnreadableImage(f"cannot be converted to an array: {' '.join(str(error).split())}") from error


def pixels_of(array: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], str]:
    """Pixels uint8 [h, w] or [h, w, 3] of one image as `images_in` gives it, and a note."""
    note = ""
    if array.dtype.kind == "f":
        array, note = _levels(array)
    elif array.dtype == np.uint16:
        array = to_8_bit(array)
    elif array.dtype == bool:
        array = array * np.uint8(255)
    if array.ndim == 3 and array.shape[2] == 4:
        array = _over_white(array)
    elif array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    return array, note


def to_8_bit(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """uint16 → uint8, 65535 → 255, rounded to nearest."""
    return ((array.astype(np.uint32) * 255 + 32895) >> 16).astype(np.uint8)


def _check_dtype(dtype: np.dtype[Any]) -> None:
    if dtype.kind == "f" or dtype in (np.uint8, np.uint16, np.bool_):
        return
    raise UnreadableImage(f"array of {dtype}, expected uint8, uint16 or float 0..1")


def _single(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if image.ndim not in (2, 3):
        raise UnreadableImage(f"array has {image.ndim} dimensions, expected 2 to 4")
    if 0 in image.shape:
        raise UnreadableImage(f"array is empty: shape {image.shape}")
    if image.ndim == 2 or image.shape[2] in CHANNELS:
        return image
    if image.shape[0] in CHANNELS:
        return np.moveaxis(image, 0, 2)
    channels = min(image.shape[0], image.shape[2])
    raise UnreadableImage(f"Image has {channels} channels, expected 1, 3 or 4")


def _levels(array: npt.NDArray[Any]) -> tuple[npt.NDArray[np.uint8], str]:
    """Floats 0..1 as uint8, rounded half to even: strip by strip, so that a tensor is never copied whole as floats."""
    result = np.empty(array.shape, np.uint8)
    lowest, highest, nan = np.inf, -np.inf, False
    rows = max(1, STRIP // array[0].size)
    for top in range(0, len(array), rows):
        strip = array[top : top + rows].astype(np.float32)
        low, high = float(strip.min()), float(strip.max())
        if np.isnan(low):
            nan = True
            np.nan_to_num(strip, copy=False, nan=0.0, posinf=np.inf, neginf=-np.inf)
            low, high = float(strip.min()), float(strip.max())
        lowest, highest = min(lowest, low), max(highest, high)
        if lowest < -OVERSHOOT or highest > 1 + OVERSHOOT:
            raise UnreadableImage(f"float values from {lowest:g} to {highest:g}, expected 0..1")
        strip *= 255
        np.rint(strip, out=strip)
        if low < 0 or high > 1:
            np.clip(strip, 0, 255, out=strip)
        result[top : top + rows] = strip
    notes = ["NaN pixels compare as 0"] if nan else []
    if lowest < 0 or highest > 1:
        notes.append("values outside 0..1 clipped")
    return result, "; ".join(notes)


def _over_white(rgba: npt.NDArray[Any]) -> npt.NDArray[Any]:
    alpha = rgba[..., 3:].astype(np.float32) / 255
    flat = rgba[..., :3] * alpha + 255 * (1 - alpha)
    return np.asarray(np.rint(flat), np.uint8)
