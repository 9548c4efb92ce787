"""Pixels → sharpness, colorfulness. Compiled in sharpness.c; the NumPy twins give the same numbers."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from oneofeach import kernels
from oneofeach.kernels.area import levels
from oneofeach.tables import Bytes

GRID = 96
_ONE = 4096  # a weight of 1
_LUMA = (77, 150, 29)  # of 256; BT.601


class Filter(NamedTuple):
    """Resampling of one side: the picture is first averaged in steps of whole pixels, then filtered to GRID points.

    start: int32[GRID], weights: int16[GRID, taps] of 1/4096; each row sums to 4096.
    """

    step: int
    length: int
    start: npt.NDArray[np.int32]
    weights: npt.NDArray[np.int16]

    @property
    def arguments(self) -> tuple[int, int, int, int, int]:
        """As the compiled kernel takes it; the arrays must outlive the call."""
        return self.step, self.length, self.weights.shape[1], self.start.ctypes.data, self.weights.ctypes.data


@lru_cache(maxsize=256)
def triangle(extent: float, length: int) -> Filter:
    """The triangle filter, widened when it shrinks, from `extent` of `length` pixels to GRID."""
    step = min(max(1, int(extent) // (2 * GRID)), 200)  # 200 x 200 pixels still sum up in 32 bits
    length //= step
    scale = extent / step / GRID
    width = max(scale, 1.0)
    taps = min(int(np.ceil(2 * width)) + 1, length)
    centers = (np.arange(GRID) + 0.5) * scale
    start = np.clip(np.floor(centers - width), 0, length - taps).astype(np.int32)
    away = np.abs(start[:, None] + np.arange(taps) + 0.5 - centers[:, None]) / width
    weights = np.maximum(1 - away, 0)
    weights[np.arange(GRID), np.argmin(away, axis=1)] += 1e-9  # beyond the last pixel
    whole = np.rint(weights / weights.sum(axis=1, keepdims=True) * _ONE).astype(np.int16)
    whole[np.arange(GRID), np.argmax(whole, axis=1)] += (_ONE - whole.sum(axis=1)).astype(np.int16)
    return Filter(step, length, start, whole)


def sharpness(pixels: npt.NDArray[Any], extent: tuple[float, float], scale: float = 1.0) -> float:
    """Variance of the Laplacian of the luma on a grid of GRID x GRID points (Pech-Pacheco et al., ICPR 2000).

    pixels: [h, w] or [h, w, 3], any strides; uint8, or floats of which `scale` times the value is the level 0..255.
    extent: (width, height) in pixels that the picture truly covers.
    """
    pixels = pixels if pixels.dtype in (np.uint8, np.float32) else pixels.astype(np.float32)
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    across, down = triangle(extent[0], pixels.shape[1]), triangle(extent[1], pixels.shape[0])
    c: Any = kernels.compiled
    if c is None:
        value = _sharpness(levels(pixels, scale), across, down)
    else:
        address, is_float = pixels.ctypes.data, pixels.dtype != np.uint8
        value = c.sharpness(
            address, is_float, scale, pixels.shape[2], *pixels.strides, GRID, *across.arguments, *down.arguments
        )
    points = (GRID - 2) ** 2
    return float(value / (points * points * 256))  # the plane is in 1/16


def colorfulness(pixels: npt.NDArray[Any], scale: float = 1.0) -> int:
    """The largest difference of red or blue from green, 0..255, in a sample of some 64 x 64 pixels.

    pixels: [h, w] or [h, w, 3] as `sharpness` takes them.
    """
    if pixels.ndim == 2:
        return 0
    rows, columns = (max(1, side // 64) for side in pixels.shape[:2])
    sample = pixels[::rows, ::columns]
    sample = sample if sample.dtype in (np.uint8, np.float32) else sample.astype(np.float32)
    c: Any = kernels.compiled
    if c is not None:
        is_float = sample.dtype != np.uint8
        return int(c.colorfulness(sample.ctypes.data, is_float, scale, *sample.strides, *sample.shape[:2]))
    rgb = levels(sample, scale).astype(np.int16)
    return int(np.abs(rgb - rgb[..., 1:2]).max())


def _sharpness(pixels: Bytes, across: Filter, down: Filter) -> float:
    luma = _shrunk_luma(pixels, across, down)
    plane = _resampled(_resampled(luma, down), across).astype(np.int64)
    laplacian = 4 * plane[1:-1, 1:-1] - plane[:-2, 1:-1] - plane[2:, 1:-1] - plane[1:-1, :-2] - plane[1:-1, 2:]
    return float(laplacian.size * int((laplacian * laplacian).sum()) - int(laplacian.sum()) ** 2)


def _shrunk_luma(pixels: Bytes, across: Filter, down: Filter) -> npt.NDArray[np.int32]:
    """int32[rows, columns] in 1/16."""
    rows, columns = down.length * down.step, across.length * across.step
    weights = np.array(_LUMA if pixels.shape[2] == 3 else (256,), np.uint32)
    cells = (down.length, down.step, across.length, across.step)
    sums = (pixels[:rows, :columns] @ weights).reshape(cells).sum(axis=(1, 3), dtype=np.uint32)
    share = np.uint64((1 << 32) // (across.step * down.step))
    return np.asarray((sums.astype(np.uint64) * share >> np.uint64(36)).astype(np.int32))


def _resampled(plane: npt.NDArray[np.int32], by: Filter) -> npt.NDArray[np.int32]:
    """Rows resampled to GRID rows, and transposed."""
    total = np.full((GRID, plane.shape[1]), _ONE // 2, np.int32)
    for tap in range(by.weights.shape[1]):
        total += plane[by.start + tap] * by.weights[:, tap : tap + 1].astype(np.int32)
    return np.asarray((total >> 12).T)
