"""Luma planes of pairs → how far the signs of their slopes agree: what a change of tone that keeps dark below light
leaves as it was, however strong it is.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oneofeach.stages.fingerprints import description
from oneofeach.tables import Bytes, Floats

_SIDE = 16
_LEAST_STEP = 2  # between sums of four pixels: what is less may be rounding


def agreement(a: Bytes, b: Bytes) -> Floats:
    """float64[m] in 0..1: correlation of the signs in planes uint8[m, 1152], 0 where one has none."""
    one, other = _signs(a), _signs(b)
    both = np.einsum("ij,ij->i", one, other, dtype=np.int64)
    counts = np.count_nonzero(one, axis=1) * np.count_nonzero(other, axis=1)
    return np.asarray(np.maximum(both, 0) / np.sqrt(np.maximum(counts, 1)))


def _signs(planes: Bytes) -> npt.NDArray[np.int8]:
    """int8[m, 480] of the slopes along x, then y: -1, 0 or 1."""
    step = description.SIDE // _SIDE
    luma = planes[:, description.LUMA].reshape(-1, _SIDE, step, _SIDE, step).sum(axis=(2, 4), dtype=np.int64)
    slopes = [np.diff(luma, axis=axis).reshape(len(luma), -1) for axis in (2, 1)]
    found = np.concatenate(slopes, axis=1)
    return np.asarray(np.sign(found) * (np.abs(found) >= _LEAST_STEP)).astype(np.int8)
