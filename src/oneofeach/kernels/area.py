"""Pixels and a box → exact sums over a grid of cells. Compiled in area.c; the twin here gives the same integers.

The edges of the cells are rounded to 1/256 pixel; then every overlap is a whole number, and so is every sum: no
machine, no order of addition and no stride can change a bit.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from oneofeach import kernels
from oneofeach.tables import Rows

UNIT = 256  # of a pixel


def area_sums(
    pixels: npt.NDArray[Any], box: tuple[float, float, float, float], side: int, scale: float = 1.0
) -> tuple[Rows, Rows]:
    """int64[side, side, channels] sums of level * area, and int64[side, side] areas, in 1/65536 square pixels.

    pixels: [h, w] or [h, w, channels], any strides; uint8, or floats of which `scale` times the value, rounded half to
    even and clipped to 0..255 (NaN: 0), is the level. box: left, top, right, bottom in pixels, inside the picture and
    at least 1/8 pixel in each direction.
    """
    pixels = pixels if pixels.dtype in (np.uint8, np.float32) else pixels.astype(np.float32)
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    height, width, channels = pixels.shape
    across, down = _edges(box[0], box[2], side, width), _edges(box[1], box[3], side, height)
    if kernels.compiled is None:
        sums = _area_sums(pixels, across, down, scale)
    else:
        sums = np.empty((side, side, channels), np.int64)
        y, x, c = pixels.strides
        kernels.compiled.area_sums(
            pixels.ctypes.data, pixels.dtype != np.uint8, width, channels, y, x, c,
            across.ctypes.data, down.ctypes.data, side, scale, sums.ctypes.data,
        )  # fmt: skip
    return sums, np.diff(down)[:, None] * np.diff(across)


def _edges(start: float, stop: float, side: int, length: int) -> Rows:
    edges = np.floor((start + np.arange(side + 1) * ((stop - start) / side)) * UNIT + 0.5)
    return np.asarray(np.minimum(edges, length * UNIT).astype(np.int64))


def _area_sums(pixels: npt.NDArray[Any], across: Rows, down: Rows, scale: float) -> Rows:
    """Rows first, on contiguous memory, then columns; only one row of cells is converted at a time."""
    bands = np.stack([_band(pixels, start, stop, scale) for start, stop in pairwise(down.tolist())])
    return np.stack([_sum(bands, 1, start, stop) for start, stop in pairwise(across.tolist())], axis=1)


def _band(pixels: npt.NDArray[Any], start: int, stop: int, scale: float) -> Rows:
    first, last = start // UNIT, -(-stop // UNIT)
    return _sum(levels(pixels[first:last], scale), 0, start - first * UNIT, stop - first * UNIT)


def levels(pixels: npt.NDArray[Any], scale: float) -> npt.NDArray[np.uint8]:
    """uint8 levels of float pixels, rounded half to even and clipped, NaN to 0; uint8 pixels as they are."""
    if pixels.dtype == np.uint8:
        return pixels
    scaled = np.rint(pixels * np.float32(scale))
    return np.asarray(np.nan_to_num(scaled, nan=0.0).clip(0, 255).astype(np.uint8))


def _sum(values: npt.NDArray[Any], axis: int, start: int, stop: int) -> Rows:
    """Sum of the lines start..stop (in 1/256 line) along an axis, in 1/256."""
    values = np.moveaxis(values, axis, 0)
    first, last = start // UNIT, (stop - 1) // UNIT
    if first == last:
        return np.asarray((stop - start) * values[first].astype(np.int64))
    total = UNIT * values[first + 1 : last].sum(axis=0, dtype=np.int64)
    total += (UNIT - start % UNIT) * values[first].astype(np.int64)
    total += (stop - last * UNIT) * values[last].astype(np.int64)
    return np.asarray(total)
