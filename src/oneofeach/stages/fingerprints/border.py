"""Pixels → the box inside a border of one color: letterbox bars, frames, margins of paper.

A border ends where its color ends abruptly; a slow gradient is no border. Edges are found on a grid of averages, to a
fraction of a cell, so that the same picture decoded at another scale gets nearly the same box.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oneofeach.kernels.area import area_sums
from oneofeach.kernels.levels import Levels
from oneofeach.tables import Bytes

FRAME = 1 << 15  # boxes are in 1/32768 of the frame's sides: sums over them stay exact
_GRID = 128  # cells per side
_LOOKS = 96  # pixels of an outermost line that are looked at
_TOLERANCE = 12  # of 255: what coding leaves of a plain color
_ABRUPT = 40  # of 255: a border ends with at least this step ...
_TOUCHED = 0.02  # ... in this share of a line
_STRAY = 0.03  # share of a line that may differ from the border
_LEAST = 0.004  # of the side: thinner borders are left to the registration
_INSIDE = 0.25  # of the side: what must remain


Box = tuple[int, int, int, int]  # left, top, right, bottom in 1/FRAME
WHOLE: Box = (0, 0, FRAME, FRAME)


def find(pixels: Bytes | Levels, extent: tuple[float, float]) -> Box:
    """Inside of the border of pixels [h, w, channels] whose true extent is (width, height); WHOLE if there is none."""
    colors = _plain_sides(pixels, extent)
    if not colors:
        return WHOLE
    sums, areas = area_sums(pixels, (0, 0, *extent), _GRID)
    cells = [(sums[..., channel] / areas).astype(np.float32) for channel in range(sums.shape[2])]
    best = WHOLE
    for color in colors:
        apart = [np.abs(plane - np.float32(level)) for plane, level in zip(cells, color, strict=False)]
        box = _box(np.maximum.reduce(apart))
        if _area(box) < _area(best):
            best = box
    return best


def _plain_sides(pixels: Bytes | Levels, extent: tuple[float, float]) -> list[tuple[int, int, int]]:
    """The colors of the outermost lines that have only one, sorted: the order of the sides must not matter."""
    found = set()
    last_row, last_column = (
        min(int(side), length) - 1 for side, length in zip(extent[::-1], pixels.shape, strict=False)
    )
    for line in (pixels[0], pixels[last_row], pixels[:, 0], pixels[:, last_column]):
        line = line[:: max(1, len(line) // _LOOKS)].astype(np.int16)
        color = np.partition(line, len(line) // 2, axis=0)[len(line) // 2]
        if np.count_nonzero(np.abs(line - color).max(axis=1) > _TOLERANCE) <= _STRAY * len(line):
            red, green, blue = np.broadcast_to(color, 3).tolist()
            found.add((red, green, blue))
    return sorted(found)


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _box(apart: npt.NDArray[np.float32]) -> Box:
    """Box of what differs from the border; `apart` is how far each cell is from its color."""
    top, bottom = _start(apart), _start(apart[::-1])
    rows = apart[int(np.ceil(top)) : _GRID - int(np.ceil(bottom))].T
    left, right = _start(rows), _start(rows[::-1])
    box = np.array([left, top, _GRID - right, _GRID - bottom]) / _GRID
    box[:2][box[:2] < _LEAST] = 0.0
    box[2:][box[2:] > 1 - _LEAST] = 1.0
    if box[2] - box[0] < _INSIDE or box[3] - box[1] < _INSIDE:
        return WHOLE
    left, top, right, bottom = np.rint(box * FRAME).astype(int).tolist()
    return (left, top, right, bottom)


def _start(apart: npt.NDArray[np.float32]) -> float:
    """Where the border at the low end of the first axis ends, in lines; 0.0 for none."""
    content = np.flatnonzero(np.count_nonzero(apart > _TOLERANCE, axis=1) > _STRAY * apart.shape[1])
    if not len(content) or content[0] == len(apart) - 1:
        return 0.0
    first = int(content[0])
    if np.mean(apart[first : first + 3].max(axis=0) >= _ABRUPT) < _TOUCHED:
        return 0.0
    here, beyond = float(apart[first].sum(dtype=np.float64)), float(apart[first + 1].sum(dtype=np.float64))
    return first + 1.0 - min(here / beyond, 1.0) if beyond > 0 else float(first)
