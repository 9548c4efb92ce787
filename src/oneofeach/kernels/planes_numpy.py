"""NumPy twin of planes.h: sums, smoothing and sampling of many small square planes at once, float64[m, n, n].

Sums go down the rows and then fold the columns in halves, as in the C source: both give the same bits.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oneofeach.tables import Floats

Mask = npt.NDArray[np.bool_]


class Sampled(NamedTuple):
    value: Floats
    slope_x: Floats  # per unit of [-1, 1]
    slope_y: Floats
    inside: Mask


class _Places(NamedTuple):
    inside: Mask
    row: npt.NDArray[np.int64]
    column: npt.NDArray[np.int64]
    down: Floats  # fractions
    across: Floats


def total(plane: Floats) -> Floats:
    """Sums over the last two axes."""
    columns = plane.sum(axis=-2)
    while columns.shape[-1] > 1:
        half = columns.shape[-1] // 2
        columns = columns[..., :half] + columns[..., half:]
    return np.asarray(columns[..., 0])


def smooth(plane: Floats) -> Floats:
    """Binomial 3×3 smoothing with clamped edges."""
    wide = np.pad(plane, [(0, 0), (1, 1), (1, 1)], mode="edge")
    across = 0.25 * wide[:, :, :-2] + 0.5 * wide[:, :, 1:-1] + 0.25 * wide[:, :, 2:]
    return np.asarray(0.25 * across[:, :-2] + 0.5 * across[:, 1:-1] + 0.25 * across[:, 2:])


def blocks(plane: Floats, factor: int) -> Floats:
    """Sums of factor×factor pixels."""
    side = plane.shape[-1] // factor
    return total(plane.reshape(-1, side, factor, side, factor).swapaxes(2, 3))


def shrink(plane: Floats, factor: int) -> Floats:
    """Means of factor×factor pixels."""
    return np.asarray(blocks(plane, factor) * (1.0 / (factor * factor)))


def windows(grid: Floats) -> Floats:
    """Sums over the 7×7 windows of 2×2 in a grid of 8×8."""
    return (grid[:, :-1, :-1] + grid[:, :-1, 1:]) + (grid[:, 1:, :-1] + grid[:, 1:, 1:])


def in_order(grid: Floats) -> Floats:
    """Sums over the windows, one after the other."""
    out = np.zeros(len(grid))
    for value in grid.reshape(len(grid), -1).T:
        out = out + value
    return out


def centers(side: int) -> tuple[Floats, Floats]:
    """x and y of the pixel centers in [-1, 1]."""
    at = (np.arange(side) + 0.5) / (side / 2.0) - 1
    return np.asarray(at[None, None, :]), np.asarray(at[None, :, None])


def _places(side: int, affine: Floats) -> _Places:
    """Where the centers of a side×side plane fall after an affine map."""
    half = side / 2.0
    x, y = centers(side)
    p = affine[:, :, None, None]
    u = p[:, 0] * x + p[:, 1] * y + p[:, 2]
    v = p[:, 3] * x + p[:, 4] * y + p[:, 5]
    column = np.clip((u + 1) * half - 0.5, 0.0, side - 1.0)
    row = np.clip((v + 1) * half - 0.5, 0.0, side - 1.0)
    q = np.minimum(column.astype(np.int64), side - 2)
    r = np.minimum(row.astype(np.int64), side - 2)
    return _Places((np.abs(u) <= 1.0) & (np.abs(v) <= 1.0), r, q, row - r, column - q)


def slopes(plane: Floats) -> tuple[Floats, Floats]:
    """Central differences along x and y, per unit of [-1, 1]."""
    side = plane.shape[-1]
    before, after = np.maximum(np.arange(side) - 1, 0), np.minimum(np.arange(side) + 1, side - 1)
    apart = (after - before).astype(np.float64)
    across = (plane[:, :, after] - plane[:, :, before]) * (side / 2.0) / apart
    down = (plane[:, after] - plane[:, before]) * (side / 2.0) / apart[:, None]
    return across, down


def sample(planes: tuple[Floats, Floats, Floats], affine: Floats) -> Sampled:
    """Bilinear samples of planes and their slopes at mapped pixel centers."""
    at = _places(planes[0].shape[-1], affine)
    m = np.arange(len(affine))[:, None, None]
    r, q = at.row, at.column
    found = []
    for plane in planes:
        a, b, c, d = plane[m, r, q], plane[m, r, q + 1], plane[m, r + 1, q], plane[m, r + 1, q + 1]
        top = a + (b - a) * at.across
        bottom = c + (d - c) * at.across
        found.append(top + (bottom - top) * at.down)
    return Sampled(found[0], found[1], found[2], at.inside)


def warp(plane: Floats, affine: Floats) -> tuple[Floats, Mask]:
    """Cubic (Catmull-Rom) samples at mapped pixel centers, and which lie inside the frame."""
    at = _places(plane.shape[-1], affine)
    across, down = _cubic(at.across), _cubic(at.down)
    m = np.arange(len(plane))[:, None, None]
    wide = np.pad(plane, [(0, 0), (1, 1), (1, 1)], mode="edge")
    out = np.zeros(at.row.shape)
    for k in range(4):
        line = np.zeros(at.row.shape)
        for n in range(4):
            line += across[n] * wide[m, at.row + k, at.column + n]
        out += down[k] * line
    return out, at.inside


def _cubic(f: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    return (
        ((-0.5 * f + 1.0) * f - 0.5) * f,
        (1.5 * f - 2.5) * f * f + 1.0,
        ((-1.5 * f + 2.0) * f + 0.5) * f,
        (0.5 * f - 0.5) * f * f,
    )


def curve(x: Floats, table: tuple[tuple[float, float], ...]) -> Floats:
    """Piecewise-linear interpolation of (x, y) points, constant outside."""
    out = np.full(np.shape(x), table[0][1])
    for (x0, y0), (x1, y1) in pairwise(table):
        out = np.where(x > x0, y0 + (y1 - y0) * (np.minimum(x, x1) - x0) / (x1 - x0), out)
    return out
