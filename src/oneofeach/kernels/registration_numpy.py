"""NumPy twin of registration.c: the affine map that lays one luma plane over another, found coarse to fine."""

from __future__ import annotations

import numpy as np

from oneofeach.kernels.planes_numpy import Mask, centers, sample, shrink, slopes, smooth, total
from oneofeach.tables import Floats

IDENTITY = np.array([1.0, 0, 0, 0, 1, 0])
LIMITS = np.array([0.4, 0.25, 0.35, 0.25, 0.4, 0.35])  # how far a map may go from the identity
_COARSE_STEPS, _FINE_STEPS = 6, 4
_LONGEST_STEP = 0.15
_LEAST_INSIDE = 0.4  # share of the pixels
_DAMPING = 0.025  # pulls the map towards staying where it is
_NOISE = 12.0  # of 255: larger errors count less
_OVERLAP_SIDE = 48


def register(a: Floats, b: Floats) -> tuple[Floats, Mask]:
    """float64[m, 6] maps from the frame of a to that of b, both [-1, 1]², and which were found."""
    start = np.tile(IDENTITY, (len(a), 1))
    coarse, fine = _descend(shrink(a, 2), shrink(b, 2), start, _COARSE_STEPS)
    return _descend(smooth(a), smooth(b), np.where(fine[:, None], coarse, start), _FINE_STEPS)


def _descend(a: Floats, b: Floats, affine: Floats, steps: int) -> tuple[Floats, Mask]:
    """Gauss-Newton steps on gain·b(map(x)) + offset = a(x); False where given up."""
    fine = np.ones(len(a), bool)
    planes = (b, *slopes(b))
    for _ in range(steps):
        moved, good = _step(a, planes, affine)
        fine &= good
        affine = np.where(fine[:, None], moved, affine)
    return affine, fine


def _step(a: Floats, b: tuple[Floats, Floats, Floats], affine: Floats) -> tuple[Floats, Mask]:
    seen = sample(b, affine)
    x, y = centers(a.shape[-1])
    m = seen.inside.astype(np.float64)
    count = total(m)
    gain, offset = _tone(a, seen.value, m, np.maximum(count, 1.0))
    g = gain[:, None, None]
    error = a - g * seen.value - offset[:, None, None]
    weight = m / (1.0 + np.abs(error) / _NOISE)
    gx, gy = g * seen.slope_x, g * seen.slope_y
    factors = (gx * x, gx * y, gx, gy * x, gy * y, gy, seen.value, np.ones_like(gx))
    matrix = np.empty((len(a), 8, 8))
    right = np.empty((len(a), 8))
    for k in range(8):
        weighted = weight * factors[k]
        right[:, k] = total(weighted * error)
        for n in range(k, 8):
            matrix[:, k, n] = matrix[:, n, k] = total(weighted * factors[n])
        matrix[:, k, k] *= 1.001
        if k < 6:
            matrix[:, k, k] += _DAMPING * count
    delta, solvable = _solved(matrix, right)
    moved = affine + np.clip(delta[:, :6], -_LONGEST_STEP, _LONGEST_STEP)
    near = (np.abs(moved - IDENTITY) <= LIMITS).all(axis=1)
    return moved, (count >= _LEAST_INSIDE * a.shape[-1] ** 2) & solvable & near


def _tone(a: Floats, b: Floats, m: Floats, n: Floats) -> tuple[Floats, Floats]:
    """Gain and offset that bring b closest to a."""
    mean_a, mean_b = total(a * m) / n, total(b * m) / n
    cross, square = total(a * b * m) / n, total(b * b * m) / n
    gain = np.clip((cross - mean_a * mean_b) / (square - mean_b * mean_b + 1e-06), 0.2, 5.0)
    return gain, mean_a - gain * mean_b


def _solved(matrix: Floats, right: Floats) -> tuple[Floats, Mask]:
    """x of matrix·x = right for many 8×8 systems, by elimination with pivoting; False where singular."""
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


def overlap(affine: Floats) -> Floats:
    """Intersection over union of the frame [-1, 1]² and its image."""
    x, y = centers(_OVERLAP_SIDE)
    p = affine[:, :, None, None]
    u = p[:, 0] * x + p[:, 1] * y + p[:, 2]
    v = p[:, 3] * x + p[:, 4] * y + p[:, 5]
    inside = ((np.abs(u) <= 1.0) & (np.abs(v) <= 1.0)).sum(axis=(1, 2)) / float(_OVERLAP_SIDE**2)
    area = np.abs(affine[:, 0] * affine[:, 4] - affine[:, 1] * affine[:, 3])
    return np.asarray(inside / (1.0 + 1.0 / area - inside))


def displacement(affine: Floats) -> Floats:
    """The longest way along one axis, in pixels of a 32×32 plane, that a corner of the frame moves."""
    p = affine.T
    ways = []
    for y in (-1.0, 1.0):
        for x in (-1.0, 1.0):
            ways += [np.abs(p[0] * x + p[1] * y + p[2] - x), np.abs(p[3] * x + p[4] * y + p[5] - y)]
    return np.asarray(16.0 * np.maximum.reduce(ways))
