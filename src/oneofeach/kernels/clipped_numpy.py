"""NumPy twin of clipped.c: planes without what the other one lost at white or black."""

from __future__ import annotations

import numpy as np

from oneofeach.kernels.planes_numpy import total
from oneofeach.tables import Floats

_SATURATED, _LEAST_SATURATED = 254.0, 32.0  # levels from which on a plane may be clipped, and how many pixels must be
_LEAST_GAIN, _LEAST_CLEAR = 0.25, 100.0  # of the line from one plane's levels to the other's, and pixels to draw it


def limited(plane: Floats, other: Floats) -> Floats:
    """A plane within the levels that the other one shows as more than black and less than white.

    They are those of the straight line that leads from its levels to the other's, where neither is clipped.
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
    return np.clip(plane, low[:, None, None], high[:, None, None])
