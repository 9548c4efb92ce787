"""Views of pairs of "oneofeach-1" → what is measured on their descriptors, in an order that depends on neither."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oneofeach.kernels.verify import verify
from oneofeach.stages.fingerprints import description
from oneofeach.stages.fingerprints.views import Candidates
from oneofeach.tables import EVIDENCE, Bytes, Floats, Rows


def verified(descriptors: Bytes, c: Candidates, cap: Floats) -> npt.NDArray[np.void]:
    """EVIDENCE and `measured` as float64, of pairs of views; compared in an order that does not depend on i and j."""
    found = np.zeros(len(c.i), [*EVIDENCE.descr, ("measured", "<f8")])
    a, b = planes(descriptors, c)
    straight = _in_order(a, b)[:, None]
    a, b = np.where(straight, a, b), np.where(straight, b, a)
    still = c.same & (c.view_i == 0)  # the same border in the same place: there is nothing to register
    verified = verify(a, b, cap, still)
    found["measured"] = found["verified"] = verified.value
    found["views"] = c.view_i + 2 * c.view_j + 4 * (c.view_i & c.view_j & ~c.same)
    found["color"] = verified.color
    found["overlap"] = verified.overlap
    found["affine"] = np.where(straight, verified.affine, _inverse(verified.affine))
    found["worst"] = verified.place
    return found


def planes(descriptors: Bytes, c: Candidates) -> tuple[Bytes, Bytes]:
    """uint8[m, 1152] each: luma and chroma of the views of i and of j."""
    return _planes(descriptors, c.i, c.view_i), _planes(descriptors, c.j, c.view_j)


def _planes(descriptors: Bytes, rows: Rows, view: npt.NDArray[np.int64]) -> Bytes:
    chosen = descriptors[rows]
    return np.where(view[:, None] == 1, chosen[:, description.INSIDE], chosen[:, description.WHOLE])


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
