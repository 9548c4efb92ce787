"""Pairs of "oneofeach-1" descriptions → similarity in 0..1 and evidence.

The similarity is the smallest of what is measured on the descriptors and two caps from Hamming distances, so that
similarity >= t implies a distance of the search keys of at most radius(t). Rounded to 4 decimals, half to even.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oneofeach.kernels import hamming, verification
from oneofeach.tables import EVIDENCE, Bytes, Floats, Rows

KEY_BYTES = 8
KEY_CAP = np.array([[0, 4, 8, 12, 14, 16, 24], [1.0, 0.99, 0.95, 0.90, 0.85, 0.80, 0.0]])
CAP = np.array([[0, 8, 32, 36, 38, 40, 48], [1.0, 0.99, 0.95, 0.90, 0.85, 0.80, 0.0]])
WORST_WINDOW_CAP = np.array([[-1.4, 0.2, 0.6, 0.93, 1.0], [0.65, 0.85, 0.90, 0.95, 1.0]])
TERMS = ("verified", "key", "fingerprint")  # what EVIDENCE's `term` counts
_CHUNK = 256  # pairs at a time: a few MB of planes


def radius(threshold: float) -> int:
    """The largest distance of search keys at which similarity >= threshold is possible; -1: none is."""
    caps = np.interp(np.arange(KEY_BYTES * 8 + 1), *KEY_CAP)
    return int(np.count_nonzero(np.round(caps, 4) >= threshold)) - 1


def _planes(descriptors: Bytes) -> tuple[Floats, Floats]:
    luma = descriptors[:, :1024].reshape(-1, 32, 32).astype(np.float64)
    chroma = np.ascontiguousarray(descriptors[:, 1024:1152]).view(np.int8).reshape(-1, 2, 8, 8).astype(np.float64)
    return luma, chroma


def _in_order(descriptors: Bytes, i: Rows, j: Rows) -> npt.NDArray[np.bool_]:
    """bool[m]: is descriptor i at or before j byte by byte? The pair is compared in that order: symmetry."""
    different = descriptors[i] != descriptors[j]
    at = np.argmax(different, axis=1)
    return np.asarray(descriptors[i, at] <= descriptors[j, at])


def similarities(
    bits: Bytes, descriptors: Bytes, i: Rows, j: Rows, floor: float
) -> tuple[Floats, npt.NDArray[np.void]]:
    """float64[m] and EVIDENCE[m]; pairs whose caps are below `floor` are not verified and get 0."""
    values = np.zeros(len(i))
    evidence = np.zeros(len(i), EVIDENCE)
    evidence["orientation"] = 1
    evidence["key_distance"] = hamming(bits[i, :KEY_BYTES], bits[j, :KEY_BYTES])
    evidence["distance"] = hamming(bits[i], bits[j])
    caps = np.stack([np.interp(evidence["key_distance"], *KEY_CAP), np.interp(evidence["distance"], *CAP)])
    cap = caps.min(axis=0)
    todo = np.flatnonzero((cap > 0) & (np.round(cap, 4) >= floor))
    measured = np.zeros(len(i))
    for begin in range(0, len(todo), _CHUNK):
        part = todo[begin : begin + _CHUNK]
        measured[part] = _verify(descriptors, i[part], j[part], evidence, part)
    evidence["verified"] = measured
    evidence["term"] = np.argmin(np.stack([measured, *caps]), axis=0)
    values[todo] = np.minimum(measured, cap)[todo]
    return np.round(values, 4), evidence


def _verify(descriptors: Bytes, i: Rows, j: Rows, evidence: npt.NDArray[np.void], rows: Rows) -> Floats:
    straight = _in_order(descriptors, i, j)
    first, second = np.where(straight, i, j), np.where(straight, j, i)
    (a, ca), (b, cb) = _planes(descriptors[first]), _planes(descriptors[second])
    scores, frames, maps = verification.verify(a, b, ca, cb, WORST_WINDOW_CAP)
    evidence["overlap"][rows] = frames
    evidence["affine"][rows] = np.where(straight[:, None], maps, _inverse(maps))
    evidence["worst"][rows] = np.stack(np.divmod(scores.place, verification.POSITIONS), axis=1)
    return scores.value


def _inverse(maps: Floats) -> Floats:
    """The affine maps of the other direction."""
    a, b, c, d, e, f = maps.T
    area = a * e - b * d
    return np.asarray(np.stack([e, -b, b * f - c * e, -d, a, c * d - a * f], axis=1) / area[:, None])
