"""NumPy arrays and tensors → single-image views, and 8-bit or float pixels over white. Torch is never imported."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from oneofeach import kernels
from oneofeach.errors import UnreadableImage
from oneofeach.kernels.levels import Levels, Spread, converted, spans
from oneofeach.wording import counted

CHANNELS = (1, 3, 4)
COPIED = (3 << 19) // min(os.cpu_count() or 1, 4)  # bytes: the copies of all threads together stay small
_WITHIN = Spread()
OVERSHOOT = 0.5
"""Float values this far outside 0..1 are clipped with a note (resampling rings); farther ones are another scale."""


def images_in(array: Any) -> list[npt.NDArray[Any]]:
    """The images of an array or tensor, as views [h, w] or [h, w, c] without a copy.

    Layouts: [h, w], [h, w, c], [c, h, w], [b, h, w, c], [b, c, h, w] with c one of 1, 3, 4; where both ends could be
    channels, the last axis is. What is no tensor has its channels in front only where no other axis is as short:
    else 4x4x7 is seven channels. Values: bool, uint8, uint16, or float 0..1. Raises UnreadableImage.
    """
    values, tensor = as_array(array), hasattr(array, "detach")
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    _check_dtype(values.dtype)
    if values.ndim == 4:
        return [_single(image, tensor) for image in values]
    return [_single(values, tensor)]


def is_array(source: Any) -> bool:
    """True for NumPy arrays, tensors and whatever else converts to an array by itself."""
    return hasattr(source, "detach") or hasattr(source, "__array__") or hasattr(source, "__array_interface__")


def as_array(source: Any) -> npt.NDArray[Any]:
    """`source` as a NumPy array, sharing its memory where it can. Raises UnreadableImage."""
    try:
        if hasattr(source, "detach"):
            tensor = source.detach().cpu()
            if not isinstance(tensor.dtype, np.dtype) and "bfloat16" in str(tensor.dtype):  # NumPy has no such type
                tensor = tensor.float()
            return np.asarray(tensor.numpy())
        return np.asarray(source)
    except Exception as error:  # foreign code: whatever it raises costs one image
        raise UnreadableImage(f"cannot be converted to an array: {' '.join(str(error).split())}") from error


def pixels_of(array: npt.NDArray[Any]) -> tuple[Any, str]:
    """Pixels uint8 [h, w] or [h, w, 3] of one image as `images_in` gives it, and a note.

    Where converting would copy more than COPIED bytes, they are Levels: converted where they are looked at.
    """
    if array.dtype == np.uint8 and (array.ndim == 2 or array.shape[2] != 4):
        return (array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array), ""
    pixels = Levels(array if array.ndim == 3 else array[..., None])
    if pixels.nbytes > COPIED:
        return pixels, pixels_into(None, pixels.values)
    whole = np.empty(pixels.shape, np.uint8)
    note = pixels_into(whole, pixels.values)
    return whole if whole.shape[2] == 3 else whole[..., 0], note


def pixels_into(out: npt.NDArray[np.uint8] | None, values: npt.NDArray[Any]) -> str:
    """Write the pixels uint8[h, w, 1 or 3] of [h, w, channels], if they are wanted; a note. Raises UnreadableImage."""
    spread, by_kernel = _WITHIN, kernels.compiled is not None and values.dtype == np.float32 and values.shape[2] != 4
    for top, bottom in [(0, len(values))] if by_kernel and out is not None else spans(values.shape):
        _, found = converted(values[top:bottom], None if out is None else out[top:bottom])
        spread = spread.joined(found)
    return note_of(spread, values)


def note_of(spread: Spread, values: npt.NDArray[Any]) -> str:
    """What a reader of the report should know of the values [h, w, channels]; spread: how they lie beyond 0..1.

    UnreadableImage where they are of another scale, or all NaN.
    """
    if spread == _WITHIN:
        return ""
    if spread.low < -OVERSHOOT or spread.high > 1 + OVERSHOOT:
        reach = [f"down to {spread.low:g}"] * (spread.low < 0) + [f"up to {spread.high:g}"] * (spread.high > 1)
        raise UnreadableImage(f"float values {' and '.join(reach)}, expected 0..1")
    if spread.nan and all(np.isnan(values[top:bottom]).all() for top, bottom in spans(values.shape)):
        raise UnreadableImage("all values are NaN")
    notes = ["NaN pixels compare as 0"] if spread.nan else []
    if spread.low < 0 or spread.high > 1:
        notes.append("values outside 0..1 clipped")
    return "; ".join(notes)


def _check_dtype(dtype: np.dtype[Any]) -> None:
    if dtype.kind == "f" or dtype in (np.uint8, np.uint16, np.bool_):
        return
    raise UnreadableImage(f"array of {dtype}, expected uint8, uint16 or float 0..1")


def _single(image: npt.NDArray[Any], tensor: bool) -> npt.NDArray[Any]:
    if image.ndim not in (2, 3):
        raise UnreadableImage(f"array has {counted(image.ndim, 'dimension')}, expected 2 to 4")
    if 0 in image.shape:
        raise UnreadableImage(f"array is empty: shape {image.shape}")
    if image.ndim == 2 or image.shape[2] in CHANNELS:
        return image
    if image.shape[0] in CHANNELS and (tensor or image.shape[0] < min(image.shape[1:])):
        return np.moveaxis(image, 0, 2)
    channels = image.shape[2] if image.shape[0] in CHANNELS else min(image.shape[0], image.shape[2])
    raise UnreadableImage(f"Image has {channels} channels, expected 1, 3 or 4")
