"""Bits and boxes of "oneofeach-1" → the views of a pair that are compared: whole frames, and insides of borders."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oneofeach.kernels import hamming
from oneofeach.stages.fingerprints import description
from oneofeach.tables import Bytes, Floats, Rows

KEY_BYTES = 8
VIEW_BYTES = 32  # 128 bits above the dead zone, 128 below
_LEAST_STRUCTURE = 16  # of 128 coefficients outside the dead zone
_SAME_BORDER = 512  # of 32768: noise moves the edge of a soft border by so much
_OTHER_COLOR = 40  # levels of luma between borders of the same size
_FLIPPED = np.stack(  # uint8[4, 16]: whose sign changes when a picture stays, is mirrored, turned upside down, or both
    [
        np.packbits(description.FREQUENCIES @ flips % 2 > 0, bitorder="little")
        for flips in ((0, 0), (0, 1), (1, 0), (1, 1))
    ]
)


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


class Candidates(NamedTuple):
    """One row per pair of views."""

    pair: Rows  # position of the pair
    i: Rows
    j: Rows
    view_i: npt.NDArray[np.int64]  # 0: whole frame, 1: inside the border
    view_j: npt.NDArray[np.int64]
    same: npt.NDArray[np.bool_]  # both have the same border

    def take(self, rows: Rows | npt.NDArray[np.bool_]) -> Candidates:
        return Candidates(
            self.pair[rows], self.i[rows], self.j[rows], self.view_i[rows], self.view_j[rows], self.same[rows]
        )


def candidates(bits: Bytes, descriptors: Bytes, i: Rows, j: Rows) -> Candidates:
    """Which views to compare: all combinations, but no whole frame with an inside where both have the same border."""
    boxes_i, boxes_j = _boxes(descriptors, i), _boxes(descriptors, j)
    border_i, border_j = boxes_i.any(axis=1), boxes_j.any(axis=1)
    same = border_i & border_j & (np.abs(boxes_i - boxes_j).max(axis=1) <= _SAME_BORDER)
    same[same] = _same_color(descriptors, i[same], j[same])
    parts = []
    for view_i, view_j in ((0, 0), (1, 1), (1, 0), (0, 1)):
        wanted = np.ones(len(i), bool) if view_i == view_j else ~same
        if view_i:
            wanted &= border_i & (same | _told_apart(bits[i]))
        if view_j:
            wanted &= border_j & (same | _told_apart(bits[j]))
        pair = np.flatnonzero(wanted)
        parts.append((pair, i[pair], j[pair], np.full(len(pair), view_i), np.full(len(pair), view_j), same[pair]))
    return Candidates(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _same_color(descriptors: Bytes, i: Rows, j: Rows) -> npt.NDArray[np.bool_]:
    """bool[m]: whether any corner of the frames, where borders lie, has about the same luma."""
    corners = np.array([0, description.SIDE - 1, -description.SIDE, -1]) % description.LUMA.stop
    levels_i, levels_j = (descriptors[rows[:, None], corners].astype(np.int16) for rows in (i, j))
    return np.asarray((np.abs(levels_i - levels_j) <= _OTHER_COLOR).any(axis=1))


def _told_apart(bits: Bytes) -> npt.NDArray[np.bool_]:
    """bool[n]: whether what lies inside a border has structure enough to stand for it: two stripes have not."""
    inside = bits[:, VIEW_BYTES:]
    return np.asarray(hamming(inside, np.zeros_like(inside)) >= _LEAST_STRUCTURE)


def _boxes(descriptors: Bytes, rows: Rows) -> Rows:
    """int64[m, 4] boxes of borders; zeros where there is none. Nothing else of the descriptors is fetched."""
    return np.ascontiguousarray(descriptors[:, description.BOX][rows]).view("<u2").astype(np.int64)


def share(descriptors: Bytes, rows: Rows) -> Floats:
    """Share of the frame that lies inside the border; 0 where there is none."""
    left, top, right, bottom = _boxes(descriptors, rows).T.astype(np.float64)
    return np.asarray((right - left) * (bottom - top) / (1 << 30))
