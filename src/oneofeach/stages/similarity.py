"""The evidence of one pair → words a person understands, with the values behind them.

The frame of i is [-1, 1]²; `affine` says where its points lie in the frame of j.
"""

from __future__ import annotations

import numpy as np

from oneofeach.tables import Floats
from oneofeach.wording import counted

TURNS = {
    2: "mirrored",
    3: "turned by 180°",
    4: "mirrored upside down",
    5: "mirrored and turned by 90°",
    6: "turned by 90°",
    7: "mirrored and turned by 270°",
    8: "turned by 270°",
}
_UNEQUAL = 7  # `views`: both pictures were compared without their borders, which differ
_BORDERS = {1: "border removed", 2: "border removed", _UNEQUAL: "another border"}  # by `views`
_SIDES = ("left", "top", "right", "bottom")
_LEAST_CUT = 0.005  # of a side: less is within the error of the registration
_LEAST_CUT_INSIDE = 0.05  # where each border ends is a guess: pictures drawn on plain paper have edges of their own
_LEAST_TURN = 0.3  # degrees
_RECOLORED = 0.9  # share of windows whose colors agree
_ALIKE = 0.8  # verified similarity; what is less comes up only where the threshold asks for next to nothing
_LIMITS = {1: ("key_distance", "search key"), 2: ("distance", "fingerprint")}  # by `term`


def words(evidence: np.void) -> str:
    """Why a pair is alike, from its EVIDENCE record: what differs, and what else held the similarity down."""
    found = [*_orientation(evidence), *_border(evidence), *_geometry(evidence), *_color(evidence)]
    unchanged = "same picture" if evidence["verified"] >= _ALIKE else "hardly alike"
    return (", ".join(found) if found else unchanged) + _limit(evidence)


def _limit(evidence: np.void) -> str:
    """What decided where the pictures themselves agree better than the similarity says."""
    distance, bits = _LIMITS.get(int(evidence["term"]), ("", ""))
    return f" (limited by {counted(int(evidence[distance]), 'differing bit')} of the {bits})" if distance else ""


def _orientation(evidence: np.void) -> list[str]:
    turn = TURNS.get(int(evidence["orientation"]))
    return [turn] if turn else []


def _border(evidence: np.void) -> list[str]:
    border = _BORDERS.get(int(evidence["views"]))
    return [border] if border else []


def _geometry(evidence: np.void) -> list[str]:
    """Crops of either picture, and the turn between them."""
    affine = evidence["affine"].astype(np.float64)
    if not affine.any():
        return []
    least = _LEAST_CUT_INSIDE if evidence["views"] == _UNEQUAL else _LEAST_CUT
    cuts = [
        f"cropped {100 * share:.0f} % {side}" if share >= 0.01 else f"cropped {100 * share:.1f} % {side}"
        for side, share in zip(_SIDES, np.maximum(_outside(affine), _outside(_inverse(affine))), strict=True)
        if share >= least
    ]
    turn = float(np.degrees(np.arctan2(affine[3] - affine[1], affine[0] + affine[4])))
    return [*cuts, f"turned by {turn:.1f}°"] if abs(turn) >= _LEAST_TURN else cuts


def _outside(affine: Floats) -> Floats:
    """float64[4]: share of the width or height of one frame that the middle of each side lies outside the other."""
    a, _, c, _, e, f = affine
    reach = np.array([a - c, e - f, a + c, e + f])
    scale = np.array([abs(a), abs(e), abs(a), abs(e)])
    return np.asarray(np.maximum(reach - 1.0, 0.0) / (2.0 * np.maximum(scale, 1e-6)))


def _inverse(affine: Floats) -> Floats:
    a, b, c, d, e, f = affine
    return np.asarray(np.array([e, -b, b * f - c * e, -d, a, c * d - a * f]) / (a * e - b * d))


def _color(evidence: np.void) -> list[str]:
    """Only where the color was measured: other fingerprints leave it at 0."""
    color = float(evidence["color"])
    return [f"recolored ({100 * (1 - color):.0f} % of the picture)"] if 0 < color < _RECOLORED else []
