"""NumPy twin of verify.c: how alike two descriptors are, directly and after an affine registration.

Planes of many pairs come in, numbers per pair go out. All arithmetic is IEEE double without fused operations and in
the order of the C source, so both give the same values.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oneofeach.kernels import colors_numpy as colors
from oneofeach.kernels.planes_numpy import Mask, blocks, curve, in_order, shrink, smooth, total, warp, windows
from oneofeach.kernels.registration_numpy import IDENTITY, displacement, overlap, register
from oneofeach.tables import Bytes, Floats

_LUMA = 1024
BYTES = _LUMA + 128
POSITIONS = 7  # windows per side, of 8×8 pixels each
_FULL_WINDOW = 60.0  # of 128 differences: windows with fewer do not count
_WORST_CAP = ((-1.4, 0.65), (0.2, 0.85), (0.6, 0.90), (0.93, 0.95), (1.0, 1.0))  # over the structure of one window
_GRAY_CAP = 0.97  # a gray copy of a colorful picture
_TONED_CAP = 0.955  # a toned copy of a colorful picture
_ENOUGH = 0.98  # no registration when the direct comparison reaches this
_FLAT = 6.0  # contrast below which there is nothing to register
_LEAST_MOVE = 0.3  # pixels
_LEAST_INSIDE = 400
_OVERLAP_COST = 0.33  # what a frame without overlap would lose
# Marks sit in the corners: windows there weigh less, and what they lose counts less.
_CORNERS = np.zeros((POSITIONS, POSITIONS))
_CORNERS[::6, ::6] = 0.5
_CORNERS[::6, 1::4] = _CORNERS[1::4, ::6] = 0.3


class Verified(NamedTuple):
    """One entry per pair."""

    value: Floats  # float64[m] in 0..1
    color: Floats  # float64[m], share of windows that agree in color
    overlap: Floats  # float64[m], intersection over union of the frames; 1 where compared as they are
    affine: Floats  # float64[m, 6], from the frame of a to that of b
    place: Bytes  # uint8[m, 2], row and column of the window that agrees least


def planes(descriptors: Bytes) -> tuple[Floats, Floats]:
    """luma float64[m, 32, 32] and chroma float64[m, 2, 8, 8] of uint8[m, 1152]."""
    luma = descriptors[:, :_LUMA].reshape(-1, 32, 32).astype(np.float64)
    chroma = np.ascontiguousarray(descriptors[:, _LUMA:]).view(np.int8).reshape(-1, 2, 8, 8)
    return luma, chroma.astype(np.float64)


def verify(first: Bytes, second: Bytes, cap: Floats) -> Verified:
    """Compare rows of uint8[m, 1152]; no registration where the direct value already reaches float64[m] `cap`."""
    (a, ca), (b, cb) = planes(first), planes(second)
    every = len(a)
    best, contrast = _score(a, b, np.ones(a.shape, bool), ca, cb, np.ones((every, 8, 8), bool), False)
    again = np.flatnonzero((best.value < np.minimum(_ENOUGH, cap)) & (contrast > _FLAT))
    affine, fine = register(a[again], b[again])
    again, affine = again[fine], affine[fine]
    moved = displacement(affine) >= _LEAST_MOVE
    again, affine = again[moved], affine[moved]
    warped, inside = warp(b[again], affine)
    wide = inside.sum(axis=(1, 2)) > _LEAST_INSIDE
    again, affine, warped, inside = again[wide], affine[wide], warped[wide], inside[wide]
    if not len(again):
        return best
    chroma, cells = np.empty((len(again), 2, 8, 8)), np.empty((len(again), 8, 8), bool)
    for k in range(2):
        chroma[:, k], cells = warp(cb[again, k], affine)
    found, _ = _score(a[again], warped, inside, ca[again], chroma, cells, True)
    union = overlap(affine)
    value = found.value * (1.0 - _OVERLAP_COST * (1.0 - union))
    better = value > best.value[again]
    found = found._replace(value=value, overlap=union, affine=affine)
    for name in Verified._fields:
        getattr(best, name)[again[better]] = getattr(found, name)[better]
    return best


def _products(a: Floats, b: Floats, m: Mask) -> tuple[Floats, Floats, Floats, Floats]:
    """Per pixel |∇a|², |∇b|², ∇a·∇b and the number of differences, float64[m, 32, 32] each."""
    aa, bb, ab, count = (np.zeros(a.shape) for _ in range(4))
    for here, there in ((np.s_[:, :, :-1], np.s_[:, :, 1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        both = (m[here] & m[there]) * 0.5
        p, q = a[there] - a[here], b[there] - b[here]
        for pixel in (there, here):  # half to each, so that a mirrored pair gets the same
            aa[pixel] += p * p * both
            bb[pixel] += q * q * both
            ab[pixel] += p * q * both
            count[pixel] += both
    return aa, bb, ab, count


def _moments(plane: Floats, m: Floats, n: Floats) -> tuple[Floats, Floats]:
    """Mean and variance."""
    mean = total(plane * m) / n
    return mean, np.maximum(total(plane * plane * m) / n - mean * mean, 0.0)


def _local(aa: Floats, bb: Floats, ab: Floats, count: Floats, n: Floats, floor: float) -> tuple[Floats, Mask]:
    """Correlation of the gradients in each window, damped where there is little to see; and which windows are full."""
    pa = (floor + 0.3 * (total(aa) / n))[:, None, None]
    pb = (floor + 0.3 * (total(bb) / n))[:, None, None]
    sa, sb, sab, sc = (windows(blocks(plane, 4)) for plane in (aa, bb, ab, count))
    c = np.maximum(sc, 1.0)
    return (sab / c + np.sqrt(pa * pb)) / np.sqrt((sa / c + pa) * (sb / c + pb)), sc >= _FULL_WINDOW


def _worst(local: Floats, full: Mask) -> tuple[Floats, Bytes]:
    """The least agreeing window, less what all windows lose; and its place."""
    flat = np.where(full, local, np.inf).reshape(len(local), -1)
    count = full.reshape(len(local), -1).sum(axis=1)
    flat[count == 0, 0] = 1.0
    place = np.argmin(flat, axis=1)
    ranked, every = np.sort(flat, axis=1), np.arange(len(flat))
    count = np.maximum(count, 1)
    middle = (ranked[every, (count - 1) // 2] + ranked[every, count // 2]) / 2.0
    lost = 1.0 - ranked[:, 0] - 2.0 * np.maximum(0.0, 1.0 - middle)
    return 1.0 - np.maximum(0.0, lost), np.stack(np.divmod(place, POSITIONS), axis=1).astype(np.uint8)


def _score(
    a: Floats, b: Floats, mask: Mask, ca: Floats, cb: Floats, cells: Mask, aligned: bool
) -> tuple[Verified, Floats]:
    """Compare planes that lie on each other; also the contrast of the flatter one."""
    products = _products(a, b, mask)
    n = np.maximum(total(products[3]), 1.0)
    ea, eb, eab = (total(plane) / n for plane in products[:3])
    structure = (eab + 4.0) / np.sqrt((ea + 4.0) * (eb + 4.0))
    if aligned:  # resampling took detail from one of them
        products = _products(smooth(a), smooth(b), mask)
    local, full = _local(*products, n, 1.0 if aligned else 4.0)
    m = mask.astype(np.float64)
    (mean_a, variance_a), (mean_b, variance_b) = (_moments(plane, m, total(m)) for plane in (a, b))
    contrast = np.sqrt(np.minimum(variance_a, variance_b))
    color = colors.compare(shrink(a, 4), ca, shrink(b, 4), cb, cells, contrast)
    exempt = color.plain | color.toned
    agree = np.minimum(np.clip((local - 0.5) / 0.4, 0.0, 1.0), np.where(exempt[:, None, None], 1.0, color.agree))
    weight = np.where(full, 1.0 - _CORNERS, 0.0)
    weights = in_order(weight)
    some = weights > 0
    share = np.where(some, in_order(weight * agree) / np.where(some, weights, 1.0), 1.0)
    worst, place = _worst(local + _CORNERS * np.maximum(1.0 - local, 0.0), full)
    value = np.minimum(np.minimum(1.0 - (1.0 - structure) / 2.0, share), curve(worst, _WORST_CAP))
    limit = 8.0 + 5.0 * contrast
    value = np.where(
        np.abs(mean_a - mean_b) > limit, value * np.maximum(0.0, 2.0 - np.abs(mean_a - mean_b) / limit), value
    )
    value = np.where(color.plain & (color.strength > 6.0), np.minimum(value, _GRAY_CAP), value)
    value = np.maximum(np.where(color.toned, np.minimum(value, _TONED_CAP), value), 0.0)
    shared = np.where(some, in_order(weight * color.agree) / np.where(some, weights, 1.0), 1.0)
    return Verified(value, shared, np.ones(len(a)), np.tile(IDENTITY, (len(a), 1)), place), contrast
