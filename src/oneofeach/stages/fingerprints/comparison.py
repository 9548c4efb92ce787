"""Pairs of "oneofeach-1" descriptions → similarity in 0..1 and evidence.

The similarity of two views is the smallest of what is measured on the descriptors and two caps from Hamming distances,
so that similarity >= t implies a distance of the search keys of at most radius(t). Where that is below LOOSE, what is
measured, the share of equal bits and the agreement of the slopes count one third each, scaled to 0..LOOSE: loose
thresholds go on telling pairs apart. A pair takes the best of its views. Rounded to 4 decimals, half to even.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oneofeach import kernels
from oneofeach.kernels.verify import OVERLAP_COST
from oneofeach.stages.fingerprints.measuring import planes, verified
from oneofeach.stages.fingerprints.slopes import agreement
from oneofeach.stages.fingerprints.views import KEY_BYTES, VIEW_BYTES, Candidates, candidates, distances, share
from oneofeach.tables import EVIDENCE, Bytes, Floats, Rows

LOOSE = 0.6  # no pair below is the same picture, and no term alone says how far it is from that
BITS = VIEW_BYTES * 4
KEY_CAP = np.array([[0, 4, 8, 12, 14, 16, 24], [1.0, 0.99, 0.95, 0.90, 0.85, 0.80, 0.50]])
CAP = np.array([[0, 8, 32, 36, 38, 40, 56], [1.0, 0.99, 0.95, 0.90, 0.85, 0.80, 0.50]])
REFRAMED_CAP = np.array([[0.1, 0.5, 0.9, 1.0], [0.90, 0.96, 0.98, 1.0]])  # over the share that the border leaves
_ENLARGED = np.array([[0.0, 0.95, 0.97], [0.0, 0.95, 1.0]])  # how alike enlarged insides count, over what is measured
TERMS = ("verified", "key", "fingerprint", "border")  # what EVIDENCE's `term` counts
_CHUNK, _FEW = 256, 32  # pairs at a time, with kernels and without: some MB of planes


def radius(threshold: float) -> int:
    """The largest distance of search keys at which similarity >= threshold is possible; -1: none is."""
    every = np.arange(KEY_BYTES * 8 + 1)
    bound = bounded(np.interp(every, *KEY_CAP), 1.0 - every / BITS)  # all other bits may be equal
    return int(np.count_nonzero(np.round(bound, 4) >= threshold)) - 1


def bounded(cap: Floats, equal: Floats) -> Floats:
    """The largest similarity of views with such caps and such a share of equal bits."""
    return np.where(cap >= LOOSE, cap, _loosely(1.0, equal, 1.0))


def _loosely(measured: Floats | float, equal: Floats, slopes: Floats | float) -> Floats:
    """What views that are not the same picture have in common, 0..LOOSE."""
    return LOOSE * (measured + equal + slopes) / 3.0


def _caps(bits: Bytes, descriptors: Bytes, c: Candidates) -> tuple[Floats, Rows, Rows]:
    """float64[3, m] caps (key, fingerprint, border), key distances and whole distances."""
    views = bits.reshape(len(bits), 2, VIEW_BYTES)
    a, b = views[c.i, c.view_i], views[c.j, c.view_j]
    key, whole = distances(a, b)
    left = share(descriptors, c.i) ** c.view_i, share(descriptors, c.j) ** c.view_j
    ratio = np.minimum(*left) / np.maximum(*left)
    return np.stack([np.interp(key, *KEY_CAP), np.interp(whole, *CAP), np.interp(ratio, *REFRAMED_CAP)]), key, whole


def _equal(bits: Bytes, whole: Rows, c: Candidates) -> Floats:
    """float64[m]: the share of equal bits; 0 where neither view has any, for then they say nothing."""
    views = bits.reshape(len(bits), 2, VIEW_BYTES)
    some = views[c.i, c.view_i].any(axis=1) | views[c.j, c.view_j].any(axis=1)
    return np.where(some, 1.0 - whole / BITS, 0.0)


def similarities(
    bits: Bytes, descriptors: Bytes, i: Rows, j: Rows, floor: float
) -> tuple[Floats, npt.NDArray[np.void]]:
    """float64[m] and EVIDENCE[m]; views whose bits bound them below `floor` are not verified."""
    values = np.zeros(len(i))
    evidence = np.zeros(len(i), EVIDENCE)
    evidence["orientation"] = 1
    c = candidates(bits, descriptors, i, j)
    caps, key, whole = _caps(bits, descriptors, c)
    cap, equal = caps.min(axis=0), _equal(bits, whole, c)
    reach, equal = (np.where(c.same, one[: len(i)][c.pair], one) for one in (cap, equal))  # first are the whole frames
    todo = np.flatnonzero(np.round(bounded(reach, equal), 4) >= floor)
    enough = np.where(reach >= LOOSE, reach, 1.0)
    found, slopes = _measured(descriptors, c.take(todo), enough[todo], floor < LOOSE)
    found["key_distance"], found["distance"] = key[todo], whole[todo]
    terms = np.concatenate([found["measured"][None], caps[:, todo]])
    found["term"] = np.argmin(terms, axis=0)
    value = _joined(terms.min(axis=0), found, cap[todo], descriptors, c.take(todo))
    value = np.where(value >= LOOSE, value, _loosely(found["measured"], equal[todo], slopes))
    _keep_best(values, evidence, c.pair[todo], value, found)
    return np.round(values, 4), evidence


def _measured(descriptors: Bytes, c: Candidates, enough: Floats, loosely: bool) -> tuple[npt.NDArray[np.void], Floats]:
    """What `verified` says of the views, some at a time, and how far their slopes agree: zeros where nobody asks."""
    found, slopes = np.zeros(len(c.i), [*EVIDENCE.descr, ("measured", "<f8")]), np.zeros(len(c.i))
    chunk = _FEW if kernels.compiled is None else _CHUNK
    for begin in range(0, len(c.i), chunk):
        part = slice(begin, begin + chunk)
        views = c.take(np.arange(len(c.i))[part])
        found[part] = verified(descriptors, views, enough[part])
        if loosely:
            slopes[part] = agreement(*planes(descriptors, views))
    return found, slopes


def _joined(value: Floats, found: npt.NDArray[np.void], cap: Floats, descriptors: Bytes, c: Candidates) -> Floats:
    """Pictures with the same border: the less of the frame lies inside, the more the inside decides.

    It is enlarged, so noise moves its bits and the edges of its box: it counts as measured, wherever it was laid, and
    the caps are those of the whole.
    """
    whole, inside = np.flatnonzero(c.same & (c.view_i == 0)), np.flatnonzero(c.same & (c.view_i == 1))
    left = (share(descriptors, c.i[whole]) + share(descriptors, c.j[whole])) / 2
    laid = found["measured"][inside] / (1.0 - OVERLAP_COST * (1.0 - found["overlap"][inside].astype(np.float64)))
    mean = left * found["measured"][whole] + (1.0 - left) * np.interp(laid, *_ENLARGED)
    value = value.copy()
    value[whole] = value[inside] = np.minimum(mean, cap[whole])
    return value


def _keep_best(
    values: Floats, evidence: npt.NDArray[np.void], pair: Rows, value: Floats, found: npt.NDArray[np.void]
) -> None:
    """Write what was found where it beats what another pair of views gave; ties stay with the earlier views."""
    order = np.lexsort((np.arange(len(pair)), -value))
    _, first = np.unique(pair[order], return_index=True)
    best = order[first]
    best = best[value[best] > values[pair[best]]]
    values[pair[best]] = value[best]
    for name in EVIDENCE.names or ():
        if name not in ("orientation",):
            evidence[name][pair[best]] = found[name][best]
