"""NumPy twin of clipped.c: planes without what the other one lost at white or black."""

from __future__ import annotations

import numpy as np

from oneofeach.kernels.planes_numpy import Mask, total
from oneofeach.tables import Floats

_SATURATED, _LEAST_SATURATED = 254.0, 32.0  # levels from which on a plane may be clipped, and how many pixels must be
_LEAST_GAIN, _LEAST_CLEAR = 0.25, 100.0  # of the line from one plane's levels to the other's, and pixels to draw it
_BLENDED = 32.0  # how far a line through averages of ground and what is on it may lead past the ground
_APART = 3.0  # levels that are no rounding
_MOST_STAYED = 0.25  # of the pixels as near to an end, beside those that went there


def limited(plane: Floats, other: Floats) -> tuple[Floats, Mask]:
    """A plane within the levels that the other one shows as more than black and less than white, and what it lost.

    They are those of the straight line that leads from its levels to the other's, where neither is clipped. Averages of
    bright ground and of what is on it draw that line too far out: pixels that went white or black together are marked.
    """
    clear = ((np.abs(other - 127.5) < _SATURATED - 127.5) & (np.abs(plane - 127.5) < _SATURATED - 127.5)).astype(
        np.float64
    )
    n = np.maximum(total(clear), 1.0)
    mean, onto = total(plane * clear) / n, total(other * clear) / n
    variance = total(plane * plane * clear) / n - mean * mean
    gain = (total(plane * other * clear) / n - mean * onto) / np.maximum(variance, 1.0)
    usable = (gain > _LEAST_GAIN) & (n > _LEAST_CLEAR)
    gain = np.where(usable, gain, 1.0)
    white = usable & (total((other >= _SATURATED).astype(np.float64)) >= _LEAST_SATURATED)
    black = usable & (total((other <= 255.0 - _SATURATED).astype(np.float64)) >= _LEAST_SATURATED)
    high = np.where(white, mean + (255.0 - onto) / gain, 255.0)
    low = np.where(black, mean - onto / gain, 0.0)
    lost = _lost(plane, other, 255.0, 255.0 - high, gain) & white[:, None, None]
    lost |= _lost(plane, other, 0.0, low, gain) & black[:, None, None]
    return np.clip(plane, low[:, None, None], high[:, None, None]), lost


def _lost(plane: Floats, other: Floats, end: float, reach: Floats, gain: Floats) -> Mask:
    """The pixels that the other plane shows at an end of the scale, where nearly all that were as near to it went
    there, and the line between their levels leads there too. reach: float64[m], how far from that end it begins.
    """
    off, beyond = np.abs(plane - end), np.abs(other - end)
    gone = (off <= (reach + _BLENDED)[:, None, None]) & (beyond <= 255.0 - _SATURATED)
    farthest = np.where(gone, off, 0.0).max(axis=(1, 2))
    moved = (gone & (off > _APART)).sum(axis=(1, 2))
    stayed = ((off <= farthest[:, None, None]) & (beyond > _APART)).sum(axis=(1, 2))
    whole = (moved >= _LEAST_SATURATED) & (stayed <= _MOST_STAYED * moved)
    whole &= farthest - gain * (farthest - reach) >= _APART
    return np.asarray(gone & whole[:, None, None])
