"""Pairs of "oneofeach-1" bits → whether their similarity can reach a floor, without any descriptor.

A similarity is never above what the bits of the views that were compared allow; so a pair of which no views do is out.
"""

from __future__ import annotations

import numpy as np

from oneofeach.stages.fingerprints.comparison import BITS, CAP, KEY_CAP, bounded
from oneofeach.stages.fingerprints.views import VIEW_BYTES, distances
from oneofeach.tables import Bytes, Mask


def possible(a: Bytes, b: Bytes, floor: float) -> Mask:
    """bool[m] for the bits of m pairs, uint8[m, views * 32] each."""
    reached = np.zeros(len(a), bool)
    views_a, views_b = (bits.reshape(len(bits), bits.shape[1] // VIEW_BYTES, VIEW_BYTES) for bits in (a, b))
    for one in np.moveaxis(views_a, 1, 0):
        for other in np.moveaxis(views_b, 1, 0):
            key, whole = distances(one, other)
            cap = np.minimum(np.interp(key, *KEY_CAP), np.interp(whole, *CAP))
            reached |= np.round(bounded(cap, 1.0 - whole / BITS), 4) >= floor
    return reached
