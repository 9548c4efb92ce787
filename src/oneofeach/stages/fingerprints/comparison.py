"""Pairs of "oneofeach-1" descriptions → similarity in 0..1 and evidence.

The similarity of two views is the smallest of what is measured on the descriptors and two caps from Hamming distances,
so that similarity >= t implies a distance of the search keys of at most radius(t). A pair takes the best of its views.
Rounded to 4 decimals, half to even.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oneofeach import kernels
from oneofeach.kernels import hamming
from oneofeach.kernels.verify import OVERLAP_COST, verify
from oneofeach.stages.fingerprints import description
from oneofeach.tables import EVIDENCE, Bytes, Floats, Rows

KEY_BYTES = 8
VIEW_BYTES = 32  # 128 bits above the dead zone, 128 below
KEY_CAP = np.array([[0, 4, 8, 12, 14, 16, 24, 32], [1.0, 0.99, 0.95, 0.90, 0.85, 0.80, 0.50, 0.0]])
CAP = np.array([[0, 8, 32, 36, 38, 40, 56, 72], [1.0, 0.99, 0.95, 0.90, 0.85, 0.80, 0.50, 0.0]])
REFRAMED_CAP = np.array([[0.1, 0.5, 0.9, 1.0], [0.90, 0.96, 0.98, 1.0]])  # over the share that the border leaves
_ENLARGED = np.array([[0.0, 0.95, 0.97], [0.0, 0.95, 1.0]])  # how alike enlarged insides count, over what is measured
TERMS = ("verified", "key", "fingerprint", "border")  # what EVIDENCE's `term` counts
_LEAST_STRUCTURE = 16  # of 128 coefficients outside the dead zone
_SAME_BORDER = 512  # of 32768: noise moves the edge of a soft border by so much
_FLIPPED = np.stack(  # uint8[4, 16]: whose sign changes when a picture stays, is mirrored, turned upside down, or both
    [
        np.packbits(description.FREQUENCIES @ flips % 2 > 0, bitorder="little")
        for flips in ((0, 0), (0, 1), (1, 0), (1, 1))
    ]
)
_CHUNK, _FEW = 256, 32  # pairs at a time, with kernels and without: some MB of planes


def radius(threshold: float) -> int:
    """The largest distance of search keys at which similarity >= threshold is possible; -1: none is."""
    caps = np.interp(np.arange(KEY_BYTES * 8 + 1), *KEY_CAP)
    return int(np.count_nonzero(np.round(caps, 4) >= threshold)) - 1


def keys(bits: Bytes) -> tuple[Rows, Bytes]:
    """int64[k] rows and uint8[k, 8] keys: of the whole frame, and of what lies inside a border where it differs."""
    whole, inside = bits[:, :KEY_BYTES], bits[:, VIEW_BYTES : VIEW_BYTES + KEY_BYTES]
    more = np.flatnonzero((whole != inside).any(axis=1))
    return np.concatenate([np.arange(len(bits)), more]), np.concatenate([whole, inside[more]])


def distances(a: Bytes, b: Bytes) -> tuple[Rows, Rows]:
    """int64[m] Hamming distances of the keys and of all 128 bits of views uint8[m, 32], in the worst of their flips.

    The bits have a dead zone on one side, so a flip of both may change the distance; the largest is the same for all.
    """
    half = VIEW_BYTES // 2
    above, below = a[:, :half] ^ b[:, :half], a[:, half:] ^ b[:, half:]
    none = np.zeros_like(above[:, :KEY_BYTES]), np.zeros_like(above)
    worst = [np.zeros(len(a), np.int64), np.zeros(len(a), np.int64)]
    for flipped in _FLIPPED:
        different = (above & ~flipped) | (below & flipped)
        for k, part in enumerate((different[:, :KEY_BYTES], different)):
            worst[k] = np.maximum(worst[k], hamming(part, none[k]))
    return worst[0], worst[1]


class _Candidates(NamedTuple):
    """One row per pair of views."""

    pair: Rows  # position of the pair
    i: Rows
    j: Rows
    view_i: npt.NDArray[np.int64]  # 0: whole frame, 1: inside the border
    view_j: npt.NDArray[np.int64]
    same: npt.NDArray[np.bool_]  # both have the same border

    def take(self, rows: Rows | npt.NDArray[np.bool_]) -> _Candidates:
        return _Candidates(
            self.pair[rows], self.i[rows], self.j[rows], self.view_i[rows], self.view_j[rows], self.same[rows]
        )


def _candidates(bits: Bytes, descriptors: Bytes, i: Rows, j: Rows) -> _Candidates:
    """Which views to compare: all combinations, but no whole frame with an inside where both have the same border."""
    boxes_i, boxes_j = _boxes(descriptors, i), _boxes(descriptors, j)
    border_i, border_j = boxes_i.any(axis=1), boxes_j.any(axis=1)
    same = border_i & border_j & (np.abs(boxes_i - boxes_j).max(axis=1) <= _SAME_BORDER)
    parts = []
    for view_i, view_j in ((0, 0), (1, 1), (1, 0), (0, 1)):
        wanted = np.ones(len(i), bool) if view_i == view_j else ~same
        if view_i:
            wanted &= border_i & (same | _told_apart(bits[i]))
        if view_j:
            wanted &= border_j & (same | _told_apart(bits[j]))
        pair = np.flatnonzero(wanted)
        parts.append((pair, i[pair], j[pair], np.full(len(pair), view_i), np.full(len(pair), view_j), same[pair]))
    return _Candidates(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _told_apart(bits: Bytes) -> npt.NDArray[np.bool_]:
    """bool[n]: whether what lies inside a border has structure enough to stand for it: two stripes have not."""
    inside = bits[:, VIEW_BYTES:]
    return np.asarray(hamming(inside, np.zeros_like(inside)) >= _LEAST_STRUCTURE)


def _boxes(descriptors: Bytes, rows: Rows) -> Rows:
    """int64[m, 4] boxes of borders; zeros where there is none. Nothing else of the descriptors is fetched."""
    return np.ascontiguousarray(descriptors[:, description.BOX][rows]).view("<u2").astype(np.int64)


def _caps(bits: Bytes, descriptors: Bytes, c: _Candidates) -> tuple[Floats, Rows, Rows]:
    """float64[3, m] caps (key, fingerprint, border), key distances and whole distances."""
    views = bits.reshape(len(bits), 2, VIEW_BYTES)
    a, b = views[c.i, c.view_i], views[c.j, c.view_j]
    key, whole = distances(a, b)
    left = _share(descriptors, c.i) ** c.view_i, _share(descriptors, c.j) ** c.view_j
    ratio = np.minimum(*left) / np.maximum(*left)
    return np.stack([np.interp(key, *KEY_CAP), np.interp(whole, *CAP), np.interp(ratio, *REFRAMED_CAP)]), key, whole


def _share(descriptors: Bytes, rows: Rows) -> Floats:
    """Share of the frame that lies inside the border; 0 where there is none."""
    left, top, right, bottom = _boxes(descriptors, rows).T.astype(np.float64)
    return np.asarray((right - left) * (bottom - top) / (1 << 30))


def similarities(
    bits: Bytes, descriptors: Bytes, i: Rows, j: Rows, floor: float
) -> tuple[Floats, npt.NDArray[np.void]]:
    """float64[m] and EVIDENCE[m]; views whose caps are below `floor` are not verified."""
    values = np.zeros(len(i))
    evidence = np.zeros(len(i), EVIDENCE)
    evidence["orientation"] = 1
    candidates = _candidates(bits, descriptors, i, j)
    caps, key, whole = _caps(bits, descriptors, candidates)
    cap = caps.min(axis=0)
    reach = np.where(candidates.same, cap[: len(i)][candidates.pair], cap)  # the first are those of the whole frames
    todo = np.flatnonzero((reach > 0) & (np.round(reach, 4) >= floor))
    found = np.zeros(len(todo), [*EVIDENCE.descr, ("measured", "<f8")])
    chunk = _FEW if kernels.compiled is None else _CHUNK
    for begin in range(0, len(todo), chunk):
        part = slice(begin, begin + chunk)
        found[part] = _verified(descriptors, candidates.take(todo[part]), reach[todo[part]])
    found["key_distance"], found["distance"] = key[todo], whole[todo]
    terms = np.concatenate([found["measured"][None], caps[:, todo]])
    found["term"] = np.argmin(terms, axis=0)
    value = _joined(terms.min(axis=0), found, cap[todo], descriptors, candidates.take(todo))
    _keep_best(values, evidence, candidates.pair[todo], value, found)
    return np.round(values, 4), evidence


def _joined(value: Floats, found: npt.NDArray[np.void], cap: Floats, descriptors: Bytes, c: _Candidates) -> Floats:
    """Pictures with the same border: the less of the frame lies inside, the more the inside decides.

    It is enlarged, so noise moves its bits and the edges of its box: it counts as measured, wherever it was laid, and
    the caps are those of the whole.
    """
    whole, inside = np.flatnonzero(c.same & (c.view_i == 0)), np.flatnonzero(c.same & (c.view_i == 1))
    share = (_share(descriptors, c.i[whole]) + _share(descriptors, c.j[whole])) / 2
    laid = found["measured"][inside] / (1.0 - OVERLAP_COST * (1.0 - found["overlap"][inside].astype(np.float64)))
    mean = share * found["measured"][whole] + (1.0 - share) * np.interp(laid, *_ENLARGED)
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


def _planes(descriptors: Bytes, rows: Rows, view: npt.NDArray[np.int64]) -> Bytes:
    """uint8[m, 1152]: luma and chroma of the views."""
    chosen = descriptors[rows]
    return np.where(view[:, None] == 1, chosen[:, description.INSIDE], chosen[:, description.WHOLE])


def _verified(descriptors: Bytes, c: _Candidates, cap: Floats) -> npt.NDArray[np.void]:
    """EVIDENCE and `measured` as float64, of pairs of views; compared in an order that does not depend on i and j."""
    found = np.zeros(len(c.i), [*EVIDENCE.descr, ("measured", "<f8")])
    a, b = _planes(descriptors, c.i, c.view_i), _planes(descriptors, c.j, c.view_j)
    straight = _in_order(a, b)[:, None]
    a, b = np.where(straight, a, b), np.where(straight, b, a)
    still = c.same & (c.view_i == 0)  # the same border in the same place: there is nothing to register
    verified = verify(a, b, cap, still)
    found["measured"] = found["verified"] = verified.value
    found["views"] = c.view_i + 2 * c.view_j
    found["color"] = verified.color
    found["overlap"] = verified.overlap
    found["affine"] = np.where(straight, verified.affine, _inverse(verified.affine))
    found["worst"] = verified.place
    return found


def _in_order(a: Bytes, b: Bytes) -> npt.NDArray[np.bool_]:
    """bool[m]: does a come first? Decided by what a turn does not change, then byte by byte."""
    ranks_a, ranks_b, every = _ranks(a), _ranks(b), np.arange(len(a))
    at = np.argmax(ranks_a != ranks_b, axis=1)
    first, second = ranks_a[every, at], ranks_b[every, at]
    before: npt.NDArray[np.bool_] = first < second
    for row in np.flatnonzero(first == second).tolist():
        before[row] = a[row].tobytes() <= b[row].tobytes()
    return before


def _ranks(planes: Bytes) -> Rows:
    """int64[m, 4] sums that a turn does not change."""
    luma, chroma = planes[:, description.LUMA], planes[:, description.CHROMA].view(np.int8)
    squares = np.einsum("ij,ij->i", luma, luma, dtype=np.int64)
    sums = [part.sum(axis=1, dtype=np.int64) for part in (luma, chroma[:, :64], chroma[:, 64:])]
    return np.stack([sums[0], squares, sums[1], sums[2]], axis=1)


def _inverse(maps: Floats) -> Floats:
    """The affine maps of the other direction."""
    a, b, c, d, e, f = maps.T
    area = a * e - b * d
    return np.asarray(np.stack([e, -b, b * f - c * e, -d, a, c * d - a * f], axis=1) / area[:, None])
