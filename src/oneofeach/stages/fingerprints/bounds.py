"""Pairs of "oneofeach-1" bits → whether their similarity can reach a floor, without any descriptor.

A similarity is never above the caps of the views that were compared; so a pair of which no view's caps reach is out.
"""

from __future__ import annotations

import numpy as np

from oneofeach.stages.fingerprints.comparison import CAP, KEY_CAP, VIEW_BYTES, distances
from oneofeach.tables import Bytes, Floats, Mask


def possible(a: Bytes, b: Bytes, floor: float) -> Mask:
    """bool[m] for the bits of m pairs, uint8[m, views * 32] each. Everything is possible at floor 0."""
    reached = np.full(len(a), floor <= 0.0)
    key_reaches, reaches = (_reaching(cap, floor) for cap in (KEY_CAP, CAP))
    views_a, views_b = (bits.reshape(len(bits), bits.shape[1] // VIEW_BYTES, VIEW_BYTES) for bits in (a, b))
    for one in np.moveaxis(views_a, 1, 0):
        for other in np.moveaxis(views_b, 1, 0):
            key, whole = distances(one, other)
            reached |= key_reaches[key] & reaches[whole]
    return reached


def _reaching(cap: Floats, floor: float) -> Mask:
    """bool[129] by distance: does the cap reach the floor?"""
    return np.asarray(np.round(np.interp(np.arange(VIEW_BYTES * 4 + 1), *cap), 4) >= floor)
