"""NumPy twin of verify.c: how alike two descriptors are, directly and after an affine registration.

Planes of many pairs come in, numbers per pair go out. All arithmetic is IEEE double without fused operations, and sums
run row by row, then fold the columns in halves, exactly as in the C source, so both give the same values.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oneofeach.tables import Floats

Mask = npt.NDArray[np.bool_]

WINDOW = 8
STEP = 4
POSITIONS = 7  # windows per side
_STEPS_COARSE, _STEPS_FINE = 6, 4
_IDENTITY = np.array([1.0, 0, 0, 0, 1, 0])


class Score(NamedTuple):
    """float64[m] each."""

    value: Floats
    structure: Floats  # gradient correlation over the whole picture
    share: Floats  # of windows that agree in structure and color
    worst: Floats  # structure in the worst window, less what all windows lose
    place: npt.NDArray[np.int64]  # number of that window, row by row
    color: Floats  # share of windows that agree in color


def total(plane: Floats) -> Floats:
    """Sum over the last two axes in a fixed order."""
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


def halve(plane: Floats) -> Floats:
    """Means of 2×2 pixels."""
    return 0.25 * (plane[:, ::2, ::2] + plane[:, ::2, 1::2] + plane[:, 1::2, ::2] + plane[:, 1::2, 1::2])


class _Sampled(NamedTuple):
    value: Floats
    slope_x: Floats
    slope_y: Floats
    inside: Mask


def _centers(side: int) -> tuple[Floats, Floats]:
    centers = (np.arange(side) + 0.5) / (side / 2.0) - 1
    return np.asarray(centers[None, None, :]), np.asarray(centers[None, :, None])


def sample(plane: Floats, affine: Floats) -> _Sampled:
    """Bilinear samples of planes at mapped pixel centers, with slopes per unit of [-1, 1]."""
    side = plane.shape[-1]
    half = side / 2.0
    x, y = _centers(side)
    p = affine[:, :, None, None]
    u = p[:, 0] * x + p[:, 1] * y + p[:, 2]
    v = p[:, 3] * x + p[:, 4] * y + p[:, 5]
    inside = (np.abs(u) <= 1.0) & (np.abs(v) <= 1.0)
    column = np.clip((u + 1) * half - 0.5, 0.0, side - 1.0)
    row = np.clip((v + 1) * half - 0.5, 0.0, side - 1.0)
    q = np.minimum(column.astype(np.int64), side - 2)
    r = np.minimum(row.astype(np.int64), side - 2)
    fx, fy = column - q, row - r
    at = np.arange(len(plane))[:, None, None]
    a, b, c, d = plane[at, r, q], plane[at, r, q + 1], plane[at, r + 1, q], plane[at, r + 1, q + 1]
    top = a + (b - a) * fx
    bottom = c + (d - c) * fx
    slope_x = ((b - a) * (1 - fy) + (d - c) * fy) * half
    return _Sampled(top + (bottom - top) * fy, slope_x, (bottom - top) * half, inside)


def _solved(matrix: Floats, right: Floats) -> tuple[Floats, Mask]:
    """x of matrix·x = right for many 8×8 systems, by elimination with pivoting; False where singular."""
    matrix, right = matrix.copy(), right.copy()
    count, size = right.shape
    every = np.arange(count)
    fine = np.ones(count, bool)
    for i in range(size):
        pivot = i + np.argmax(np.abs(matrix[:, i:, i]), axis=1)
        for values in (matrix, right):
            values[every, i], values[every, pivot] = values[every, pivot].copy(), values[every, i].copy()
        fine &= np.abs(matrix[:, i, i]) >= 1e-12
        head = np.where(fine, matrix[:, i, i], 1.0)
        for k in range(i + 1, size):
            factor = matrix[:, k, i] / head
            matrix[:, k, i:] -= factor[:, None] * matrix[:, i, i:]
            right[:, k] -= factor * right[:, i]
    for i in range(size - 1, -1, -1):
        for k in range(i + 1, size):
            right[:, i] -= matrix[:, i, k] * right[:, k]
        right[:, i] /= np.where(fine, matrix[:, i, i], 1.0)
    return right, fine


def _step(a: Floats, b: Floats, affine: Floats) -> tuple[Floats, Mask]:
    """One Gauss-Newton step of the registration; False where it is to be given up."""
    seen = sample(b, affine)
    x, y = _centers(a.shape[-1])
    m = seen.inside.astype(np.float64)
    count = total(m)
    fine = count >= 0.4 * a.shape[-1] ** 2
    n = np.maximum(count, 1.0)
    mean_a, mean_b = total(a * m) / n, total(seen.value * m) / n
    cross, square = total(a * seen.value * m) / n, total(seen.value * seen.value * m) / n
    gain = np.clip((cross - mean_a * mean_b) / (square - mean_b * mean_b + 1e-06), 0.2, 5.0)
    offset = mean_a - gain * mean_b
    g = gain[:, None, None]
    error = a - g * seen.value - offset[:, None, None]
    weight = m / (1.0 + np.abs(error) / 12.0)
    gx, gy = g * seen.slope_x, g * seen.slope_y
    slopes = (gx * x, gx * y, gx, gy * x, gy * y, gy, seen.value, np.ones_like(gx))
    matrix = np.empty((len(a), 8, 8))
    right = np.empty((len(a), 8))
    for k in range(8):
        weighted = weight * slopes[k]
        right[:, k] = total(weighted * error)
        for other in range(k, 8):
            matrix[:, k, other] = matrix[:, other, k] = total(weighted * slopes[other])
        matrix[:, k, k] *= 1.001
        if k < 6:
            matrix[:, k, k] += 0.025 * count
    delta, solvable = _solved(matrix, right)
    moved = affine + np.clip(delta[:, :6], -0.15, 0.15)
    limit = np.array([0.4, 0.25, 0.35, 0.25, 0.4, 0.35])
    return moved, fine & solvable & (np.abs(moved - _IDENTITY) <= limit).all(axis=1)


def register(a: Floats, b: Floats, affine: Floats, steps: int) -> tuple[Floats, Mask]:
    """Affine maps so that gain·b(map(x)) + offset is close to a(x); False where rejected."""
    fine = np.ones(len(a), bool)
    for _ in range(steps):
        moved, good = _step(a, b, affine)
        fine &= good
        affine = np.where(fine[:, None], moved, affine)
    return affine, fine


def _products(a: Floats, b: Floats, m: Mask) -> tuple[Floats, Floats, Floats, Floats]:
    """Per pixel |∇a|², |∇b|², ∇a·∇b and the number of differences, float64[m, 32, 32] each."""
    out = np.zeros((4, *a.shape))
    for axis in (2, 1):
        first = (slice(None),) * axis + (slice(None, -1),)
        p, q = np.diff(a, axis=axis), np.diff(b, axis=axis)
        both = (m[first] & np.take(m, np.arange(1, m.shape[axis]), axis)).astype(np.float64)
        for k, product in enumerate((p * p * both, q * q * both, p * q * both, both)):
            out[k][first] += product
    return out[0], out[1], out[2], out[3]


def _windows(plane: Floats, window: int, step: int) -> Floats:
    """Sums over POSITIONS × POSITIONS overlapping windows, float64[m, 7, 7]."""
    out = np.empty((len(plane), POSITIONS, POSITIONS))
    for y in range(POSITIONS):
        for x in range(POSITIONS):
            part = plane[:, y * step : y * step + window, x * step : x * step + window]
            out[:, y, x] = total(part)
    return out


def _curve(x: Floats, table: Floats) -> Floats:
    return np.asarray(np.interp(x, table[0], table[1]))


def _agreeing_colors(ca: Floats, cb: Floats, mask: Mask, ratio: Floats, tolerance: Floats, gray: Mask) -> Floats:
    """float64[m, 7, 7] in 0..1: do the mean colors of the windows agree, strength of color set equal?"""
    inside = mask.astype(np.float64)
    count = _windows(inside, 2, 1)
    n = np.maximum(count, 1.0)
    r = np.sqrt(ratio)[:, None, None]
    a = [_windows(ca[:, k] * inside, 2, 1) / n / r for k in range(2)]
    b = [_windows(cb[:, k] * inside, 2, 1) / n * r for k in range(2)]
    apart = np.sqrt((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2)
    strength = np.maximum(np.sqrt(a[0] ** 2 + a[1] ** 2), np.sqrt(b[0] ** 2 + b[1] ** 2))
    agree = np.clip(2.0 - apart / (tolerance[:, None, None] + 0.4 * strength), 0.0, 1.0)
    return np.where(gray[:, None, None] | (count == 0), 1.0, agree)


def score(
    a: Floats, b: Floats, mask: Mask, ca: Floats, cb: Floats, color_mask: Mask, aligned: bool, curve: Floats
) -> Score:
    """Compare planes that lie on each other: luma float64[m, 32, 32], chroma float64[m, 2, 8, 8]."""
    aa, bb, ab, cc = _products(a, b, mask)
    n = np.maximum(total(cc), 1.0)
    ea, eb, eab = total(aa) / n, total(bb) / n, total(ab) / n
    structure = (eab + 4.0) / np.sqrt((ea + 4.0) * (eb + 4.0))
    floor = 4.0
    if aligned:
        aa, bb, ab, cc = _products(smooth(a), smooth(b), mask)
        ea, eb = total(aa) / n, total(bb) / n
        floor = 1.0
    m = mask.astype(np.float64)
    count = total(m)
    mean_a, mean_b = total(a * m) / count, total(b * m) / count
    variance_a = np.maximum(total(a * a * m) / count - mean_a**2, 0.0)
    variance_b = np.maximum(total(b * b * m) / count - mean_b**2, 0.0)
    contrast = np.sqrt(np.minimum(variance_a, variance_b))
    inside = color_mask.astype(np.float64)
    cells = np.maximum(total(inside), 1.0)
    ra = np.sqrt(total((ca[:, 0] ** 2 + ca[:, 1] ** 2) * inside) / cells)
    rb = np.sqrt(total((cb[:, 0] ** 2 + cb[:, 1] ** 2) * inside) / cells)
    gray = (np.minimum(ra, rb) < 3.5) & (contrast > 6.0)
    both = (ra > 0) & (rb > 0)
    ratio = np.where(both, np.clip(ra / np.where(both, rb, 1.0), 0.25, 4.0), 1.0)
    pa, pb = (floor + 0.3 * ea)[:, None, None], (floor + 0.3 * eb)[:, None, None]
    sa, sb, sab, sc = (_windows(plane, WINDOW, STEP) for plane in (aa, bb, ab, cc))
    valid = sc >= 60
    c = np.maximum(sc, 1.0)
    local = (sab / c + np.sqrt(pa * pb)) / np.sqrt((sa / c + pa) * (sb / c + pb))
    color = _agreeing_colors(ca, cb, color_mask, ratio, 4.0 + np.minimum(8.0, contrast / 2), gray)
    some = valid.any(axis=(1, 2))
    number = np.where(some, valid.sum(axis=(1, 2)), 1)
    agree = np.minimum(np.clip((local - 0.5) / 0.4, 0.0, 1.0), color)
    share = np.where(some, np.where(valid, agree, 0.0).sum(axis=(1, 2)) / number, 1.0)
    flat = np.where(valid, local, np.nan).reshape(len(a), -1)
    flat[~some] = 1.0
    middle = np.nanmedian(flat, axis=1)
    lowest = np.nanmin(flat, axis=1)
    worst = 1 - np.maximum(0.0, 1 - lowest - 2 * np.maximum(0.0, 1 - middle))
    value = np.minimum(np.minimum(1 - (1 - structure) / 2, share), _curve(worst, curve))
    limit = 8 + 5 * contrast
    apart = np.abs(mean_a - mean_b)
    value = np.where(apart > limit, value * np.maximum(0.0, 2 - apart / limit), value)
    value = np.where(gray & (np.maximum(ra, rb) > 6.0), np.minimum(value, 0.97), value)
    return Score(
        np.maximum(value, 0.0),
        structure,
        share,
        worst,
        np.nanargmin(flat, axis=1),
        np.where(some, np.where(valid, color, 0.0).sum(axis=(1, 2)) / number, 1.0),
    )


def overlap(affine: Floats) -> Floats:
    """Intersection over union of the frame [-1, 1]² and its image."""
    side = 48
    x, y = _centers(side)
    p = affine[:, :, None, None]
    u = p[:, 0] * x + p[:, 1] * y + p[:, 2]
    v = p[:, 3] * x + p[:, 4] * y + p[:, 5]
    inside = ((np.abs(u) <= 1.0) & (np.abs(v) <= 1.0)).sum(axis=(1, 2)) / (side * side)
    area = np.abs(affine[:, 0] * affine[:, 4] - affine[:, 1] * affine[:, 3])
    return np.asarray(inside / (1.0 + 1.0 / area - inside))


def displacement(affine: Floats) -> Floats:
    """The longest way, in luma pixels, that a corner moves along one axis."""
    ways = []
    for y in (-1.0, 1.0):
        for x in (-1.0, 1.0):
            ways.append(np.abs(affine[:, 0] * x + affine[:, 1] * y + affine[:, 2] - x))
            ways.append(np.abs(affine[:, 3] * x + affine[:, 4] * y + affine[:, 5] - y))
    return np.asarray(16 * np.maximum.reduce(ways))


def _registered(a: Floats, b: Floats) -> tuple[Floats, Mask]:
    """Affine maps found coarse to fine, and which of them are worth a comparison."""
    affine = np.tile(_IDENTITY, (len(a), 1))
    coarse, fine = register(halve(a), halve(b), affine, _STEPS_COARSE)
    affine = np.where(fine[:, None], coarse, affine)
    affine, fine = register(smooth(a), smooth(b), affine, _STEPS_FINE)
    return affine, fine & (displacement(affine) >= 0.3)


Verified = tuple[Score, Floats, Floats]


def verify(a: Floats, b: Floats, ca: Floats, cb: Floats, curve: Floats) -> Verified:
    """Scores, overlaps and affine maps: the better of the direct and the registered comparison."""
    mask, color_mask = np.ones(a.shape, bool), np.ones((len(a), 8, 8), bool)
    best = score(a, b, mask, ca, cb, color_mask, False, curve)
    frames, maps = np.ones(len(a)), np.tile(_IDENTITY, (len(a), 1))
    again = np.flatnonzero(best.value < 0.98)
    affine, fine = _registered(a[again], b[again])
    warped = sample(b[again], affine)
    fine &= warped.inside.sum(axis=(1, 2)) > 400
    again, affine = again[fine], affine[fine]
    if not len(again):
        return best, frames, maps
    blue, red = (sample(cb[again, k], affine) for k in range(2))
    colors = np.stack([blue.value, red.value], axis=1)
    found = score(a[again], warped.value[fine], warped.inside[fine], ca[again], colors, blue.inside, True, curve)
    union = overlap(affine)
    better = found.value * union > best.value[again]
    for old, new in zip(best, found._replace(value=found.value * union), strict=True):
        old[again[better]] = new[better]
    frames[again[better]], maps[again[better]] = union[better], affine[better]
    return best, frames, maps
