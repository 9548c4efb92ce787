"""NumPy twin of score.c: how alike pairs of planes are that lie on each other.

All arithmetic is IEEE double without fused operations and in the order of the C source, so both give the same values.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oneofeach.kernels import colors_numpy as colors
from oneofeach.kernels.planes_numpy import Mask, blocks, curve, in_order, shrink, smooth, total, windows
from oneofeach.kernels.registration_numpy import IDENTITY
from oneofeach.tables import Bytes, Floats, Rows

SAME, RESAMPLED, LOST = range(3)  # what one of two planes has of the other's detail
FLAT = 6.0  # contrast below which there is nothing to register
_POSITIONS = 7  # windows per side, of 8×8 pixels each
_FULL_WINDOW = 60.0  # of 128 differences: windows with fewer do not count
_WORST_CAP = ((-1.4, 0.65), (0.2, 0.85), (0.6, 0.90), (0.92, 0.95), (1.0, 1.0))  # over the structure of one window
_GRAY_CAP = 0.97  # a gray copy of a colorful picture
_TONED_CAP = 0.955  # a toned copy of a colorful picture
_DETAIL_LOST = 0.9  # a plane with less than this share of the other's detail is a coarser copy
_TEXTURED = 0.1  # squares of gradients beside contrast: below are gradients, skies, paper
_ROUNDING = 1.0 / 6.0  # square of a gradient that rounding to whole levels makes
_CHANCE = 0.1  # correlation of the grain of flat pictures that are not copies; smoothed, any two grains would be one
_KNOWN = 0.5  # correlation at which a faint texture tells as much as a strong one
_SAMPLED = 0.85  # correlation that a copy keeps when its size was changed without smoothing, or a little moved
_EVERYWHERE = 0.5  # as if half of the windows disagreed alike: an edit is in one place
_EDITED, _EXACT = 0.4, 1e-4  # where half of the windows lose next to nothing, no coding explains what one loses
# Marks sit in the corners: windows there weigh less, and what they lose counts less.
_CORNERS = np.zeros((_POSITIONS, _POSITIONS))
_CORNERS[::6, ::6] = 0.5
_CORNERS[::6, 1::4] = _CORNERS[1::4, ::6] = 0.3


Lost = tuple[Mask, Mask]  # of either plane, the pixels that the other one shows as white or black


class Verified(NamedTuple):
    """One entry per pair."""

    value: Floats  # float64[m] in 0..1
    color: Floats  # float64[m], share of windows that agree in color
    overlap: Floats  # float64[m], intersection over union of the frames; 1 where compared as they are
    affine: Floats  # float64[m, 6], from the frame of a to that of b
    place: Bytes  # uint8[m, 2], row and column of the window that agrees least


class Pictures(NamedTuple):
    luma: Floats  # float64[m, 32, 32]
    chroma: Floats  # float64[m, 2, 8, 8]

    def take(self, rows: Rows) -> Pictures:
        return Pictures(self.luma[rows], self.chroma[rows])


class _Plane(NamedTuple):
    mean: Floats
    variance: Floats
    detail: Floats


class Seen(NamedTuple):
    contrast: Floats  # of the flatter one
    detail: Bytes  # how to compare them again


def score(
    a: Pictures, b: Pictures, mask: Mask, cells: Mask, detail: int, lost: Lost | None = None
) -> tuple[Verified, Seen]:
    """Compare planes that lie on each other, smoothed where one of them has less detail."""
    products = _products(a.luma, b.luma, mask, lost)
    n, m = np.maximum(total(products[3]), 1.0), mask.astype(np.float64)
    of_a, of_b = (_plane(one.luma, m, total(plane) / n) for one, plane in zip((a, b), products, strict=False))
    common = _beyond_rounding(products, n)
    structure = _correlation(products, n, 4.0)
    if detail != SAME:
        products = _products(smooth(a.luma), smooth(b.luma), mask, lost)
        softened = _correlation(products, n, 1.0)
        structure = softened if detail == LOST else 0.7 * structure + 0.3 * softened
    local, full = _local(*products, n, 4.0 if detail == SAME else 1.0)
    contrast = np.sqrt(np.minimum(of_a.variance, of_b.variance))
    again = _detail_of(of_a, of_b, contrast, common, _spread(local, full))
    structured = (contrast > FLAT) | ((np.minimum(of_a.detail, of_b.detail) >= _TEXTURED) & (common >= _KNOWN))
    color = colors.compare(shrink(a.luma, 4), a.chroma, shrink(b.luma, 4), b.chroma, cells, contrast, structured)
    share, shared = _shares(local, full, color)
    worst, place = _worst(local + _CORNERS * np.maximum(1.0 - local, 0.0), full)
    value = np.minimum(np.minimum(1.0 - (1.0 - structure) / 2.0, share), curve(worst, _WORST_CAP))
    apart = _brightness_apart(of_a, of_b, common)
    value = np.where(apart > 1.0, value * np.maximum(0.0, 2.0 - apart), value)
    value = np.where(color.plain & (color.strength > 6.0), np.minimum(value, _GRAY_CAP), value)
    value = np.maximum(np.where(color.toned, np.minimum(value, _TONED_CAP), value), 0.0)
    return Verified(value, shared, np.ones(len(m)), np.tile(IDENTITY, (len(m), 1)), place), Seen(contrast, again)


def _detail_of(a: _Plane, b: _Plane, contrast: Floats, common: Floats, everywhere: Floats) -> Bytes:
    """What one of two planes has of the other's detail, where what they have in common is no chance.

    An edit is in one place; a copy that was sampled otherwise differs a little wherever there is detail.
    """
    coarse, fine = np.minimum(a.detail, b.detail), np.maximum(a.detail, b.detail)
    known = (coarse > _TEXTURED) & ((contrast > FLAT) | (common > _CHANCE))
    resampled = np.where((common > _SAMPLED) & (everywhere > _EVERYWHERE), RESAMPLED, SAME)
    return np.where(known, np.where(coarse < _DETAIL_LOST * fine, LOST, resampled), SAME).astype(np.uint8)


def _products(a: Floats, b: Floats, m: Mask, lost: Lost | None) -> tuple[Floats, Floats, Floats, Floats]:
    """Per pixel |∇a|², |∇b|², ∇a·∇b and the number of differences, float64[m, 32, 32] each.

    What was between two neighbors that are both lost, nobody knows.
    """
    aa, bb, ab, count = (np.zeros(a.shape) for _ in range(4))
    for here, there in ((np.s_[:, :, :-1], np.s_[:, :, 1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        both = (m[here] & m[there]) * 0.5
        p, q = a[there] - a[here], b[there] - b[here]
        if lost is not None:
            known = ~((lost[0][here] & lost[0][there]) | (lost[1][here] & lost[1][there]))
            p, q = p * known, q * known
        for pixel in (there, here):  # half to each, so that a mirrored pair gets the same
            aa[pixel] += p * p * both
            bb[pixel] += q * q * both
            ab[pixel] += p * q * both
            count[pixel] += both
    return aa, bb, ab, count


def _plane(luma: Floats, m: Floats, gradients: Floats) -> _Plane:
    """gradients: mean of their squares. Detail is what they are beside the contrast, which no change of tone moves."""
    count = total(m)
    mean = total(luma * m) / count
    variance = np.maximum(total(luma * luma * m) / count - mean * mean, 0.0)
    return _Plane(mean, variance, (gradients + 0.04) / (variance + 4.0))


def _brightness_apart(a: _Plane, b: _Plane, common: Floats) -> Floats:
    """How far the means of two planes are apart, beside what their contrast allows.

    A darker copy of a picture with detail lost contrast in the same measure; flat pictures and gradients are told apart
    by nothing but their brightness. `common`: correlation of their gradients beyond rounding. A faint texture that is
    the same in both tells as much as a strong one.
    """
    least, most = np.minimum(a.variance, b.variance), np.maximum(a.variance, b.variance)
    textured = np.minimum(a.detail, b.detail) >= _TEXTURED
    known = np.where(textured, FLAT * np.clip(common / _KNOWN, 0.0, 1.0), 0.0)
    contrast = np.maximum(np.sqrt(least), known)
    limit = 8.0 + 5.0 * contrast
    apart = np.abs(a.mean - b.mean) / limit
    strong = a.variance > b.variance
    high, low = np.where(strong, a.mean, b.mean), np.where(strong, b.mean, a.mean)
    gained = np.abs(high * np.sqrt(least / np.where(most > 0, most, 1.0)) - low) / limit
    return np.where(textured & (contrast >= FLAT), np.minimum(apart, gained), apart)


def _beyond_rounding(products: tuple[Floats, ...], n: Floats) -> Floats:
    """Correlation of all gradients; those that rounding makes count as different."""
    aa, bb, ab = (total(plane) / n for plane in products[:3])
    return np.asarray(ab / np.sqrt((aa + _ROUNDING) * (bb + _ROUNDING)))


def _correlation(products: tuple[Floats, ...], n: Floats, floor: float) -> Floats:
    """Correlation of all gradients, damped where there is little to see."""
    aa, bb, ab = (total(plane) / n for plane in products[:3])
    return np.asarray((ab + floor) / np.sqrt((aa + floor) * (bb + floor)))


def _local(aa: Floats, bb: Floats, ab: Floats, count: Floats, n: Floats, floor: float) -> tuple[Floats, Mask]:
    """Correlation of the gradients in each window, damped where there is little to see; and which windows are full."""
    pa = (floor + 0.3 * (total(aa) / n))[:, None, None]
    pb = (floor + 0.3 * (total(bb) / n))[:, None, None]
    sa, sb, sab, sc = (windows(blocks(plane, 4)) for plane in (aa, bb, ab, count))
    c = np.maximum(sc, 1.0)
    return (sab / c + np.sqrt(pa * pb)) / np.sqrt((sa / c + pa) * (sb / c + pb)), sc >= _FULL_WINDOW


def _worst(local: Floats, full: Mask) -> tuple[Floats, Bytes]:
    """The least agreeing window, less what all windows lose, and more where they lose nothing; and its place."""
    flat = np.where(full, local, np.inf).reshape(len(local), -1)
    count = full.reshape(len(local), -1).sum(axis=1)
    flat[count == 0, 0] = 1.0
    place = np.argmin(flat, axis=1)
    ranked, every = np.sort(flat, axis=1), np.arange(len(flat))
    count = np.maximum(count, 1)
    middle = (ranked[every, (count - 1) // 2] + ranked[every, count // 2]) / 2.0
    usual = np.maximum(0.0, 1.0 - middle)
    lost = np.maximum(0.0, 1.0 - ranked[:, 0] - 2.0 * usual) * (1.0 + _EDITED * np.maximum(0.0, 1.0 - usual / _EXACT))
    return 1.0 - lost, np.stack(np.divmod(place, _POSITIONS), axis=1).astype(np.uint8)


def _spread(local: Floats, full: Mask) -> Floats:
    """How evenly the windows disagree: one over their number where one alone does, 1 where all do."""
    lost = np.where(full, np.maximum(1.0 - local, 0.0), 0.0)
    every, squares = in_order(lost), in_order(lost * lost)
    evenly = every * every / np.where(squares > 0, in_order(full.astype(np.float64)) * squares, 1.0)
    return np.where(squares > 0, evenly, 0.0)


def _shares(local: Floats, full: Mask, color: colors.Colors) -> tuple[Floats, Floats]:
    """Weighted means over the full windows of agreement in structure and color, and in color alone."""
    exempt = (color.plain | color.toned)[:, None, None]
    agree = np.minimum(np.clip((local - 0.5) / 0.4, 0.0, 1.0), np.where(exempt, 1.0, color.agree))
    weight = np.where(full, 1.0 - _CORNERS, 0.0)
    weights = in_order(weight)
    some = weights > 0
    both, hues = (in_order(weight * values) / np.where(some, weights, 1.0) for values in (agree, color.agree))
    return np.where(some, both, 1.0), np.where(some, hues, 1.0)
