"""Values of arrays and tensors → levels 0..255 in 8 bits, where and when they are asked for.

float32 is converted by levels.c; the NumPy twin here gives the same levels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from oneofeach import kernels
from oneofeach.tables import Bytes

STRIP = 1 << 16  # values converted at once: they stay in the cache


class Spread(NamedTuple):
    """What floats there are beyond 0..1: the lowest (0 at most), the highest (1 at least), and whether some are NaN."""

    low: float = 0.0
    high: float = 1.0
    nan: bool = False

    def joined(self, other: Spread) -> Spread:
        return Spread(min(self.low, other.low), max(self.high, other.high), self.nan or other.nan)


class Levels:
    """Pixels uint8 [h, w, 1 or 3] over values of another type, converted anew by every index: never a whole copy.

    values: [h, w, 1, 3 or 4] of bool, uint8, uint16 or floats 0..1; a fourth channel is alpha, laid over white.
    """

    ndim = 3
    dtype = np.dtype(np.uint8)

    def __init__(self, values: npt.NDArray[Any]) -> None:
        self.values = values
        self.shape: tuple[int, int, int] = (*values.shape[:2], 3 if values.shape[2] == 4 else values.shape[2])

    @property
    def nbytes(self) -> int:
        return self.shape[0] * self.shape[1] * self.shape[2]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Bytes:
        """uint8 of an index that leaves the channels alone."""
        return converted(self.values[index])[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.asarray(self[:], dtype)


def strips(pixels: npt.NDArray[np.uint8] | Levels, step: int = 1) -> Iterator[tuple[int, Bytes]]:
    """(number of the first row, rows) from top to bottom, a multiple of `step` rows each, the last ones aside."""
    for top, bottom in spans(pixels.shape, step):
        yield top, pixels[top:bottom]


def spans(shape: tuple[int, ...], step: int = 1) -> Iterator[tuple[int, int]]:
    """Rows of [h, w, channels], cut into ranges of about STRIP values."""
    rows = max(1, STRIP // (shape[1] * shape[2] * step)) * step
    return ((top, min(top + rows, shape[0])) for top in range(0, shape[0], rows))


def converted(values: npt.NDArray[Any], out: Bytes | None = None) -> tuple[Bytes, Spread]:
    """uint8[..., 1 or 3] of values[..., 1, 3 or 4] as `Levels` takes them, and what floats lie beyond 0..1.

    out: a contiguous array to write to.
    """
    spread, alpha = Spread(), values.shape[-1] == 4
    if values.dtype.kind == "f":
        floats = values if values.dtype == np.float32 else values.astype(np.float32)
        levels, spread = _of_floats(floats, None if alpha else out)
    elif values.dtype == np.uint16:
        levels = to_8_bit(values)
    else:
        levels = values * np.uint8(255) if values.dtype == bool else values
    levels = over_white(levels) if alpha else levels
    if out is not None and levels is not out:
        out[:] = levels
    return levels, spread


def to_8_bit(values: npt.NDArray[Any]) -> Bytes:
    """uint16 → uint8, 65535 → 255, rounded to nearest."""
    return ((values.astype(np.uint32) * 255 + 32895) >> 16).astype(np.uint8)


def over_white(rgba: Bytes) -> Bytes:
    alpha = rgba[..., 3:].astype(np.float32) / 255
    flat = rgba[..., :3] * alpha + 255 * (1 - alpha)
    return np.asarray(np.rint(flat), np.uint8)


def _of_floats(values: npt.NDArray[np.float32], out: Bytes | None) -> tuple[Bytes, Spread]:
    """Rounded half to even and clipped, NaN as 0."""
    if kernels.compiled is None:
        return _twin(values)
    levels = np.empty(values.shape, np.uint8) if out is None else out
    lines = values if values.ndim == 3 else values[None]
    low, high, nan = kernels.compiled.levels(lines.ctypes.data, *lines.shape, *lines.strides, levels.ctypes.data)
    return levels, Spread(low, high, bool(nan))


def _twin(values: npt.NDArray[np.float32]) -> tuple[Bytes, Spread]:
    low, high = float(values.min()), float(values.max())
    nan = bool(np.isnan(low))
    if nan:
        low, high = float(np.fmin.reduce(values, axis=None)), float(np.fmax.reduce(values, axis=None))
        values = np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=-np.inf)
    scaled = values * np.float32(255)
    np.rint(scaled, out=scaled)
    return np.clip(scaled, 0, 255, out=scaled).astype(np.uint8), Spread(min(0.0, low), max(1.0, high), nan)
