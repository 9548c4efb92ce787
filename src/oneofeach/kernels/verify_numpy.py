"""NumPy twin of verify.c: how alike two descriptors are, directly and after an affine registration.

Planes of many pairs come in, numbers per pair go out; in the order of the C source, so both give the same values.
"""

from __future__ import annotations

import numpy as np

from oneofeach.kernels.clipped_numpy import limited
from oneofeach.kernels.planes_numpy import Mask, warp
from oneofeach.kernels.registration_numpy import displacement, overlap, register
from oneofeach.kernels.score_numpy import FLAT, LOST, RESAMPLED, SAME, Lost, Pictures, Verified, score
from oneofeach.tables import Bytes, Floats, Rows

_LUMA = 1024
BYTES = _LUMA + 128
_ENOUGH = 0.98  # no registration when the direct comparison reaches this
_LEAST_MOVE = 0.3  # pixels
_LEAST_INSIDE = 400
OVERLAP_COST = 0.33  # what a frame without overlap would lose
_COARSE_CAP = 0.97  # what lost detail, or levels at white or black, is at most so similar


def planes(descriptors: Bytes) -> tuple[Floats, Floats]:
    """luma float64[m, 32, 32] and chroma float64[m, 2, 8, 8] of uint8[m, 1152]."""
    luma = descriptors[:, :_LUMA].reshape(-1, 32, 32).astype(np.float64)
    chroma = np.ascontiguousarray(descriptors[:, _LUMA:]).view(np.int8).reshape(-1, 2, 8, 8)
    return luma, chroma.astype(np.float64)


def verify(first: Bytes, second: Bytes, cap: Floats, still: Mask) -> Verified:
    """Compare rows of uint8[m, 1152]; no registration where the direct value reaches `cap`, nor where `still`."""
    a, b = (Pictures(*planes(rows)) for rows in (first, second))
    best, seen = score(a, b, *_everywhere(len(a.luma)), SAME)
    enough = np.minimum(_COARSE_CAP, cap)
    for detail in (LOST, RESAMPLED):
        _altered(best, np.flatnonzero((best.value < enough) & (seen.detail == detail)), a, b, detail)
    _unclipped(best, np.flatnonzero(best.value < enough), a, b, seen.detail)
    _registered(best, np.flatnonzero((best.value < np.minimum(_ENOUGH, cap)) & (seen.contrast > FLAT) & ~still), a, b)
    return best


def _everywhere(count: int) -> tuple[Mask, Mask]:
    return np.ones((count, 32, 32), bool), np.ones((count, 8, 8), bool)


def _altered(best: Verified, rows: Rows, a: Pictures, b: Pictures, detail: int, lost: Lost | None = None) -> None:
    """Planes that lie on each other, one of which lost something: alike to _COARSE_CAP at most."""
    if len(rows):
        lost = None if lost is None else (lost[0][rows], lost[1][rows])
        found, _ = score(a.take(rows), b.take(rows), *_everywhere(len(rows)), detail, lost)
        _improve(best, rows, found._replace(value=np.minimum(found.value, _COARSE_CAP)))


def _unclipped(best: Verified, rows: Rows, a: Pictures, b: Pictures, details: Bytes) -> None:
    """Compare what neither lost at white or black, where one did."""
    of_a, of_b = a.luma.copy(), b.luma.copy()
    lost = np.zeros(a.luma.shape, bool), np.zeros(a.luma.shape, bool)
    of_a[rows], lost[0][rows] = limited(a.luma[rows], b.luma[rows])
    of_b[rows], lost[1][rows] = limited(b.luma[rows], a.luma[rows])
    changed = (of_a != a.luma) | (of_b != b.luma) | lost[0] | lost[1]
    rows = np.flatnonzero(changed.any(axis=(1, 2)))
    a, b = Pictures(of_a, a.chroma), Pictures(of_b, b.chroma)
    _altered(best, rows, a, b, SAME, lost)
    for detail in (LOST, RESAMPLED):
        _altered(best, rows[details[rows] == detail], a, b, detail, lost)


def _registered(best: Verified, rows: Rows, a: Pictures, b: Pictures) -> None:
    """Lay b over a and compare, where a map is found that moves it."""
    affine, fine = register(a.luma[rows], b.luma[rows])
    fine &= displacement(affine) >= _LEAST_MOVE
    rows, affine = rows[fine], affine[fine]
    warped, inside = warp(b.luma[rows], affine)
    wide = inside.sum(axis=(1, 2)) > _LEAST_INSIDE
    rows, affine, warped, inside = rows[wide], affine[wide], warped[wide], inside[wide]
    if len(rows):
        chroma, cells = np.empty((len(rows), 2, 8, 8)), np.empty((len(rows), 8, 8), bool)
        for k in range(2):
            chroma[:, k], cells = warp(b.chroma[rows, k], affine)
        found, _ = score(a.take(rows), Pictures(warped, chroma), inside, cells, RESAMPLED)
        union = overlap(affine)
        value = found.value * (1.0 - OVERLAP_COST * (1.0 - union))
        _improve(best, rows, found._replace(value=value, overlap=union, affine=affine))


def _improve(best: Verified, rows: Rows, found: Verified) -> None:
    """Take what was found for `rows` where it is better."""
    better = found.value > best.value[rows]
    for name in Verified._fields:
        getattr(best, name)[rows[better]] = getattr(found, name)[better]
