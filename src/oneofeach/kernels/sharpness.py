"""Pixels → sharpness, colorfulness. Compiled in C files of these names; the NumPy twins give the same numbers."""

from __future__ import annotations

from functools import lru_cache, reduce
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from oneofeach import kernels
from oneofeach.kernels.levels import Levels, spans
from oneofeach.tables import Bytes

Plane = npt.NDArray[np.int16]

GRID = 96
_ONE = 4096  # a weight of 1
_LUMA = (77, 150, 29)  # of 256; BT.601


class Filter(NamedTuple):
    """Resampling of one side: the picture is first averaged in steps of whole pixels, then filtered to GRID points.

    start: int32[GRID], weights: int16[GRID, taps] of 1/4096; each row sums to 4096. arguments: taps and the addresses
    of both arrays, as the compiled kernel takes them.
    """

    step: int
    length: int
    start: npt.NDArray[np.int32]
    weights: npt.NDArray[np.int16]

    arguments: tuple[int, int, int]


@lru_cache(maxsize=256)
def triangle(extent: float, length: int) -> Filter:
    """The triangle filter, widened when it shrinks, from `extent` of `length` pixels to GRID."""
    step = min(max(1, int(extent) // (2 * GRID)), 200)  # 200 x 200 pixels still sum up in 32 bits
    length //= step
    scale = extent / step / GRID
    width = max(scale, 1.0)
    taps = min(int(np.ceil(2 * width)), length)
    centers = (np.arange(GRID) + 0.5) * scale
    start = np.clip(np.floor(centers - width + 0.5), 0, length - taps).astype(np.int32)
    away = np.abs(start[:, None] + np.arange(taps) + 0.5 - centers[:, None]) / width
    weights = np.maximum(1 - away, 0)
    weights[np.arange(GRID), np.argmin(away, axis=1)] += 1e-9  # beyond the last pixel
    total = reduce(np.add, weights.T)  # in the order of the compiled twin
    whole = np.rint(weights / total[:, None] * _ONE).astype(np.int16)
    whole[np.arange(GRID), np.argmax(whole, axis=1)] += (_ONE - whole.sum(axis=1)).astype(np.int16)
    return Filter(step, length, start, whole, (taps, start.ctypes.data, whole.ctypes.data))


def sharpness(pixels: Bytes | Levels, extent: tuple[float, float]) -> float:
    """Variance of the Laplacian of the luma on a grid of GRID x GRID points (Pech-Pacheco et al., ICPR 2000).

    pixels: uint8 [h, w] or [h, w, 3], any strides, or Levels. extent: (width, height) in pixels that the picture truly
    covers.
    """
    across, down = triangle(extent[0], pixels.shape[1]), triangle(extent[1], pixels.shape[0])
    whole = kernels.compiled is not None and not isinstance(pixels, Levels)
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    small = np.empty((down.length, across.length), np.int16)
    for top, bottom in [(0, pixels.shape[0])] if whole else spans(pixels.shape, down.step):
        rows = small[top // down.step : bottom // down.step]
        if rows.size:
            _shrink(pixels[top:bottom], across, down.step, rows)
    points = (GRID - 2) ** 2
    return _variance(small, across, down) / (points * points * 256)  # the planes are in 1/16


def colorfulness(pixels: Bytes | Levels) -> int:
    """The largest difference of red or blue from green, 0..255, in a sample of some 64 x 64 pixels.

    pixels: [h, w] or [h, w, 3] as `sharpness` takes them.
    """
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        return 0
    rows, columns = (max(1, side // 64) for side in pixels.shape[:2])
    sample = pixels[::rows, ::columns]
    c: Any = kernels.compiled
    if c is not None:
        return int(c.colorfulness(sample.ctypes.data, *sample.shape[:2], *sample.strides))
    rgb = sample.astype(np.int16)
    return int(np.abs(rgb - rgb[..., 1:2]).max())


def _shrink(pixels: Bytes, across: Filter, step: int, small: Plane) -> None:
    """Mean luma of cells of whole pixels in 1/16: [h, w, channels] → int16[rows, columns]."""
    rows, columns = small.shape
    c: Any = kernels.compiled
    if c is not None:
        steps = across.step, step
        c.shrunk(pixels.ctypes.data, pixels.shape[2], *pixels.strides, *steps, columns, rows, small.ctypes.data)
        return
    weights = np.array(_LUMA if pixels.shape[2] == 3 else (256,), np.uint32)
    share = np.uint64((1 << 32) // (across.step * step))
    inside = pixels[: rows * step, : columns * across.step]
    lines = _summed(inside.reshape(rows, step, -1), np.uint16)
    cells = _summed(lines.reshape(rows * columns, across.step, -1), np.uint32)
    small[:] = ((cells @ weights).astype(np.uint64) * share >> np.uint64(36)).reshape(rows, columns)


def _summed(parts: npt.NDArray[Any], dtype: type[np.unsignedinteger[Any]]) -> npt.NDArray[Any]:
    """Sums over the middle axis; part by part, which NumPy does several times as fast as it reduces bytes."""
    total = parts[:, 0].astype(dtype)
    for k in range(1, parts.shape[1]):
        total += parts[:, k]
    return total


def _variance(small: Plane, across: Filter, down: Filter) -> float:
    c: Any = kernels.compiled
    if c is not None:
        return float(c.sharpness(small.ctypes.data, *small.shape, GRID, *across.arguments, *down.arguments))
    plane = _resampled(_resampled(small, down), across).astype(np.int64)
    laplacian = 4 * plane[1:-1, 1:-1] - plane[:-2, 1:-1] - plane[2:, 1:-1] - plane[1:-1, :-2] - plane[1:-1, 2:]
    return float(laplacian.size * int((laplacian * laplacian).sum()) - int(laplacian.sum()) ** 2)


def _resampled(plane: Plane, by: Filter) -> Plane:
    """Rows resampled to GRID rows, and transposed."""
    total = np.full((GRID, plane.shape[1]), _ONE // 2, np.int32)
    for tap in range(by.weights.shape[1]):
        total += plane[by.start + tap].astype(np.int32) * by.weights[:, tap : tap + 1].astype(np.int32)
    return np.ascontiguousarray((total >> 12).T.astype(np.int16))
