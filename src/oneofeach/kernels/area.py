"""Pixels and a box → exact sums over a grid of cells. Compiled in area.c; the twin here gives the same integers.

The edges of the cells are rounded to 1/256 pixel; then every overlap is a whole number, and so is every sum: no
machine, no order of addition and no stride can change a bit.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from oneofeach import kernels
from oneofeach.kernels.levels import Levels, spans
from oneofeach.tables import Bytes, Rows

UNIT = 256  # of a pixel


def area_sums(pixels: Bytes | Levels, box: tuple[float, float, float, float], side: int) -> tuple[Rows, Rows]:
    """int64[side, side, channels] sums of level * area, and int64[side, side] areas, in 1/65536 square pixels.

    pixels: uint8 [h, w] or [h, w, channels], any strides, or Levels. box: left, top, right, bottom in pixels, inside
    the picture and at least 1/8 pixel in each direction.
    """
    height, width = pixels.shape[:2]
    across, down = _edges(box[0], box[2], side, width), _edges(box[1], box[3], side, height)
    areas = np.diff(down)[:, None] * np.diff(across)
    if not isinstance(pixels, Levels):
        return _sums(pixels if pixels.ndim == 3 else pixels[..., None], across, down), areas
    sums = np.zeros((side, side, pixels.shape[2]), np.int64)
    for top, bottom in spans(pixels.shape):
        edges = np.clip(down, top * UNIT, bottom * UNIT) - top * UNIT
        if edges[0] < edges[-1]:
            sums += _sums(pixels[top:bottom], across, edges)
    return sums, areas


def _sums(pixels: Bytes, across: Rows, down: Rows) -> Rows:
    if kernels.compiled is None:
        return _twin(pixels, across, down)
    _, width, channels = pixels.shape
    side = len(down) - 1
    sums = np.empty((side, side, channels), np.int64)
    kernels.compiled.area_sums(
        pixels.ctypes.data, width, channels, *pixels.strides, across.ctypes.data, down.ctypes.data, side,
        sums.ctypes.data,
    )  # fmt: skip
    return sums


def _edges(start: float, stop: float, side: int, length: int) -> Rows:
    edges = np.floor((start + np.arange(side + 1) * ((stop - start) / side)) * UNIT + 0.5)
    return np.asarray(np.minimum(edges, length * UNIT).astype(np.int64))


def _twin(pixels: Bytes, across: Rows, down: Rows) -> Rows:
    """Row of cells by row of cells; what is added to memory is a few rows of pixels."""
    sums = np.zeros((len(down) - 1, len(across) - 1, pixels.shape[2]), np.int64)
    for row, (start, stop) in enumerate(pairwise(down.tolist())):
        if start < stop:
            sums[row] = _cells(_band(pixels, start, stop), across)
    return sums


def _band(pixels: Bytes, start: int, stop: int) -> Rows:
    """int64[w, channels]: sum of the rows start..stop (in 1/256 row), in 1/256."""
    first, last = start // UNIT, (stop - 1) // UNIT
    if first == last:
        return np.asarray((stop - start) * pixels[first].astype(np.int64))
    total = UNIT * pixels[first + 1 : last].sum(axis=0, dtype=np.uint32).astype(np.int64)
    total += (UNIT - start % UNIT) * pixels[first].astype(np.int64)
    total += (stop - last * UNIT) * pixels[last].astype(np.int64)
    return np.asarray(total)


def _cells(band: Rows, across: Rows) -> Rows:
    """int64[side, channels]: differences of the running sum at the edges of the cells."""
    running = np.zeros((len(band) + 1, band.shape[1]), np.int64)
    np.cumsum(band, axis=0, out=running[1:])
    whole, part = across // UNIT, across % UNIT
    at_edges: Rows = UNIT * running[whole] + part[:, None] * band[np.minimum(whole, len(band) - 1)]
    return np.diff(at_edges, axis=0)
