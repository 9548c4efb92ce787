"""NumPy twin of colors.c: do the colors of two 8×8 planes agree, window by window?

Strength of color may differ as a whole; so may the gains of the three channels (white balance, faded or filtered
copies), as long as the hues keep their order. Gray and evenly toned copies are exempt.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oneofeach.kernels.planes_numpy import Mask, curve, in_order, total, windows
from oneofeach.tables import Floats

_GRAY = 3.5  # root mean square of chroma below which a picture has no color
_TONED = 2.5  # the same for what is left when chroma is taken as a multiple of luma
_STRONGEST_TONE = 40.0
_GAMUT = 4.0  # below this a picture has two colors at most, and any recoloring would pass for a white balance
_HUE = 0.7  # cosine of a turn of all hues
_EVEN = 0.998  # correlation of every channel: colors of one picture on other scales, as after an automatic contrast
_EVEN_CAP = 0.96  # what an even cast may lose at most
_ROUNDED = 0.25  # variance that rounding gives a channel at most: what is less is no agreement
_CAST_CAP = ((6.0, 1.0), (12.0, 0.97), (24.0, 0.95), (48.0, 0.8))
_TO_RGB = ((0.0, 1.402), (-0.344136, -0.714136), (1.772, 0.0))


class Colors(NamedTuple):
    agree: Floats  # float64[m, 7, 7] in 0..1
    plain: Mask  # one is gray, and so says nothing about color
    toned: Mask  # one is evenly toned, the other is not
    strength: Floats  # float64[m], of the more colorful one


def compare(la: Floats, ca: Floats, lb: Floats, cb: Floats, inside: Mask, contrast: Floats, structured: Mask) -> Colors:
    """luma float64[m, 8, 8] and chroma float64[m, 2, 8, 8] of both; contrast: float64[m] of the flatter one.

    structured: whether there is more than color to tell that one picture is a gray or toned copy of the other.
    """
    m = inside.astype(np.float64)
    n = np.maximum(total(m), 1.0)
    ra, rb = _strength(ca, m, n), _strength(cb, m, n)
    ta, tb = _beside_tone(la, ca, m, n), _beside_tone(lb, cb, m, n)
    plain = (np.minimum(ra, rb) < _GRAY) & structured
    toned = (np.minimum(ta, tb) < _TONED) & (np.maximum(ta, tb) > 2.0 * _TONED) & structured & ~plain
    toned &= np.where(ta < tb, ra, rb) < _STRONGEST_TONE
    tolerance = 4.0 + np.minimum(6.0, contrast / 2.0)
    agree = _agreeing(ca, cb, m, _ratio(ra, rb), tolerance)
    balanced, cast, even = _balanced(la, ca, lb, cb, m, n)
    again = _agreeing(balanced, cb, m, _ratio(_strength(balanced, m, n), rb), tolerance)
    limit = np.maximum(curve(cast, _CAST_CAP), np.where(even, _EVEN_CAP, 0.0))
    again = np.minimum(again, limit[:, None, None])
    better = (in_order(again) > in_order(agree)) & (np.minimum(ta, tb) > _GAMUT) & (even | (_hue(ca, cb, m, n) > _HUE))
    return Colors(np.where(better[:, None, None], again, agree), plain, toned, np.maximum(ra, rb))


def _agreeing(ca: Floats, cb: Floats, m: Floats, ratio: Floats, tolerance: Floats) -> Floats:
    """float64[m, 7, 7] in 0..1, strengths of color set equal."""
    count = windows(m)
    n = np.maximum(count, 1.0)
    r = np.sqrt(ratio)[:, None, None]
    a = [windows(ca[:, k] * m) / n / r for k in range(2)]
    b = [windows(cb[:, k] * m) / n * r for k in range(2)]
    apart = np.sqrt((a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1]))
    strength = np.sqrt(np.maximum(a[0] * a[0] + a[1] * a[1], b[0] * b[0] + b[1] * b[1]))
    agree = np.clip(2.0 - apart / (tolerance[:, None, None] + 0.4 * strength), 0.0, 1.0)
    return np.where(count == 0, 1.0, agree)


def _strength(chroma: Floats, m: Floats, n: Floats) -> Floats:
    """Root mean square of the chroma."""
    return np.sqrt(total((chroma[:, 0] * chroma[:, 0] + chroma[:, 1] * chroma[:, 1]) * m) / n)


def _ratio(ra: Floats, rb: Floats) -> Floats:
    both = (ra > 0) & (rb > 0)
    return np.where(both, np.clip(ra / np.where(both, rb, 1.0), 0.25, 4.0), 1.0)


def _beside_tone(luma: Floats, chroma: Floats, m: Floats, n: Floats) -> Floats:
    """Root mean square of the chroma that is no multiple of the luma: near 0 in gray and sepia pictures."""
    square = total(luma * luma * m) / n + 1.0
    rest = np.zeros(len(luma))
    for k in range(2):
        cross = total(luma * chroma[:, k] * m) / n
        rest = rest + np.maximum(total(chroma[:, k] * chroma[:, k] * m) / n - cross * cross / square, 0.0)
    return np.sqrt(rest)


def _moments(x: Floats, y: Floats, m: Floats, n: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Means of both, variance of x, covariance."""
    mx, my = total(x * m) / n, total(y * m) / n
    return mx, my, total(x * x * m) / n - mx * mx, total(x * y * m) / n - mx * my


def _hue(ca: Floats, cb: Floats, m: Floats, n: Floats) -> Floats:
    """Correlation of the colors about their means: the cosine of a turn of all hues."""
    aa = np.full(len(ca), 1e-6)
    bb, ab = aa.copy(), np.zeros(len(ca))
    for k in range(2):
        _, mean, va, cov = _moments(ca[:, k], cb[:, k], m, n)
        aa, ab = aa + va, ab + cov
        bb = bb + (total(cb[:, k] * cb[:, k] * m) / n - mean * mean)
    return np.asarray(ab / np.sqrt(aa * bb))


def _balanced(la: Floats, ca: Floats, lb: Floats, cb: Floats, m: Floats, n: Floats) -> tuple[Floats, Floats, Mask]:
    """Chroma of a after the gains and offsets of its channels that bring it closest to b, how much that changed, and
    whether every channel of one is that of the other on another scale.
    """
    _, _, variance, cov = _moments(la, lb, m, n)
    common = np.clip((cov + 25.0) / (variance + 25.0), 0.3, 3.0)
    channels, even = [], np.ones(len(la), bool)
    for blue, red in _TO_RGB:
        x, y = la + blue * ca[:, 0] + red * ca[:, 1], lb + blue * cb[:, 0] + red * cb[:, 1]
        mx, my, vx, cxy = _moments(x, y, m, n)
        even &= cxy >= _EVEN * np.sqrt(np.maximum(vx * (total(y * y * m) / n - my * my), 0.0)) + _ROUNDED
        channels.append((x, mx, my, vx, cxy))
    rgb = []
    for x, mx, my, vx, cxy in channels:
        gain = np.clip((cxy + 400.0 * common) / (vx + 400.0), 0.7 * common, 1.4 * common)
        gain = np.where(even, cxy / np.maximum(vx, 1.0), gain)
        rgb.append(gain[:, None, None] * (x - mx[:, None, None]) + my[:, None, None])
    chroma = np.empty(ca.shape)
    chroma[:, 0] = -0.168736 * rgb[0] - 0.331264 * rgb[1] + 0.5 * rgb[2]
    chroma[:, 1] = 0.5 * rgb[0] - 0.418688 * rgb[1] - 0.081312 * rgb[2]
    return chroma, _strength(chroma - common[:, None, None, None] * ca, m, n), even
