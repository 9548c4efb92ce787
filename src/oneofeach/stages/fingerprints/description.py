"""Pictures → descriptors and bits of the method "oneofeach-1".

A descriptor holds what lies inside the border (the whole picture when there is none): 32×32 luma, 8×8 blue and red
differences, the box of the border, its color. The whole frame is drawn again from that when it is needed.
All sums are sums of dyadic fractions that fit a double, so every machine and every order of addition gives equal bits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oneofeach.kernels.area import area_sums
from oneofeach.stages.fingerprints import border
from oneofeach.tables import Bytes, Floats, Picture, Rows

SIDE = 32
CHROMA_SIDE = 8
LUMA = slice(0, SIDE * SIDE)
CHROMA = slice(LUMA.stop, LUMA.stop + 2 * CHROMA_SIDE * CHROMA_SIDE)
PLANES = slice(0, CHROMA.stop)
BOX = slice(CHROMA.stop, CHROMA.stop + 8)  # left, top, right, bottom as little-endian uint16
COLOR = slice(BOX.stop, BOX.stop + 3)  # luma, blue difference, red difference
BYTES = COLOR.stop
DEAD_ZONE = 4.0  # in units of the orthonormal DCT of 0..255 luma: noise in flat areas gives zeros, not random bits
_DCT_SCALE = 1 << 14
_LUMA = (77, 150, 29)  # of 256; BT.601
_BLUE_DIFFERENCE = (-11058, -21710, 32768)  # of 65536
_RED_DIFFERENCE = (32768, -27439, -5329)


def upright(plane: npt.NDArray[np.generic], orientation: int) -> npt.NDArray[np.generic]:
    """Planes [..., h, w] after applying an EXIF orientation (1..8)."""
    if orientation >= 5:
        plane = np.swapaxes(plane, -1, -2)
    if orientation in (2, 3, 6, 7):
        plane = plane[..., ::-1]
    if orientation in (3, 4, 7, 8):
        plane = plane[..., ::-1, :]
    return plane


def _turned_boxes(boxes: npt.NDArray[np.uint16], orientation: int) -> npt.NDArray[np.uint16]:
    """uint16[n, 4] boxes after applying an EXIF orientation."""
    left, top, right, bottom = boxes.T
    if orientation >= 5:
        left, top, right, bottom = top, left, bottom, right
    if orientation in (2, 3, 6, 7):
        left, right = border.FRAME - right, border.FRAME - left
    if orientation in (3, 4, 7, 8):
        top, bottom = border.FRAME - bottom, border.FRAME - top
    return np.stack([left, top, right, bottom], axis=1).astype("<u2")


def _rounded(values: Floats, low: int, high: int) -> Floats:
    return np.asarray(np.clip(np.floor(values + 0.5), low, high))


def descriptor(picture: Picture) -> Bytes:
    """uint8[1163], see the slices above; upright."""
    pixels = picture.pixels if picture.pixels.ndim == 3 else picture.pixels[..., None]
    found = border.find(pixels, picture.extent)
    width, height = (side / border.FRAME for side in picture.extent)
    box = (found.box[0] * width, found.box[1] * height, found.box[2] * width, found.box[3] * height)
    sums, areas = area_sums(pixels, box, SIDE)
    planes = _planes(np.broadcast_to(sums, (SIDE, SIDE, 3)), areas)
    color = _planes(np.array(found.color, np.int64).reshape(1, 1, 3), np.ones((1, 1), np.int64))
    turned_box = _turned_boxes(np.array([found.box], "<u2"), picture.orientation).view(np.uint8)
    turned = [upright(plane, picture.orientation).ravel() for plane in planes]
    return np.concatenate([*turned, turned_box.ravel(), *(plane.ravel() for plane in color)])


def _planes(sums: Rows, areas: Rows) -> list[Bytes]:
    """Luma of each cell, blue and red difference of 4×4 cells together, from sums of RGB and areas; rounded half up."""
    luma = (2 * (sums @ np.array(_LUMA)) + 256 * areas) // (512 * areas)
    factor = max(1, len(areas) // CHROMA_SIDE)
    side = len(areas) // factor
    sums = sums.reshape(side, factor, side, factor, 3).sum(axis=(1, 3))
    areas = areas.reshape(side, factor, side, factor).sum(axis=(1, 3))
    planes = [luma.astype(np.uint8)]
    for weights in (_BLUE_DIFFERENCE, _RED_DIFFERENCE):
        difference = (2 * (sums @ np.array(weights)) + 65536 * areas) // (2 * 65536 * areas)
        planes.append(np.clip(difference, -128, 127).astype(np.int8).view(np.uint8))
    return planes


def boxes(descriptors: Bytes) -> npt.NDArray[np.uint16]:
    """uint16[n, 4]: left, top, right, bottom in 1/32768 of the frame."""
    return np.ascontiguousarray(descriptors[:, BOX]).view("<u2")


def bordered(descriptors: Bytes) -> npt.NDArray[np.bool_]:
    """bool[n]: which pictures have a border."""
    return np.asarray((boxes(descriptors) != np.array(border.WHOLE)).any(axis=1))


def framed(descriptors: Bytes) -> Bytes:
    """uint8[n, 1152] planes of whole frames, drawn from descriptors of pictures with a border."""
    return _redrawn(descriptors, boxes(descriptors) / border.FRAME)


def reframed(descriptors: Bytes, frames: npt.NDArray[np.uint16]) -> Bytes:
    """uint8[n, 1152] planes of what lies inside `frames`, the borders that other copies of the pictures have."""
    own, other = boxes(descriptors).astype(np.int64), frames.astype(np.int64)
    start, size = other[:, [0, 1, 0, 1]], (other[:, 2:] - other[:, :2])[:, [0, 1, 0, 1]]
    return _redrawn(descriptors, np.rint((own - start) * (border.FRAME / size)) / border.FRAME)


def _redrawn(descriptors: Bytes, places: Floats) -> Bytes:
    """Planes in which what lies inside the border fills `places` (left, top, right, bottom in 0..1), color around."""
    out = np.empty((len(descriptors), PLANES.stop), np.uint8)
    for row, (one, place) in enumerate(zip(descriptors, places, strict=True)):
        luma = one[LUMA].reshape(SIDE, SIDE).astype(np.float64)
        chroma = one[CHROMA].view(np.int8).reshape(2, CHROMA_SIDE, CHROMA_SIDE).astype(np.float64)
        color = (float(one[COLOR][0]), *one[COLOR][1:].view(np.int8).astype(float))
        parts = [_rounded(_drawn(luma, place, color[0]), 0, 255).astype(np.uint8).ravel()]
        for plane, plain in zip(chroma, color[1:], strict=True):
            parts.append(_rounded(_drawn(plane, place, plain), -128, 127).astype(np.int8).view(np.uint8).ravel())
        out[row] = np.concatenate(parts)
    return out


def _drawn(plane: Floats, box: Floats, color: float) -> Floats:
    """A square plane laid into `box` (left, top, right, bottom in 0..1) of a frame of one color, same side."""
    side = len(plane)
    down = _laid(side, float(box[1]), float(box[3]))
    across = _laid(side, float(box[0]), float(box[2]))
    return color + np.asarray(down @ (plane - color) @ across.T)


def _laid(side: int, start: float, stop: float) -> Floats:
    """float64[side, side]: the share of each of `side` cells of 0..1 that each of as many of start..stop covers."""
    inner = np.clip((start + np.arange(side + 1) * (stop - start) / side) * side, 0, side)
    outer = np.arange(side)[:, None]
    return np.asarray(np.maximum(np.minimum(inner[1:], outer + 1) - np.maximum(inner[:-1], outer), 0.0))


def turned(descriptors: Bytes, orientation: int) -> Bytes:
    """Descriptors of the same pictures after applying an EXIF orientation."""
    luma = upright(descriptors[:, LUMA].reshape(-1, SIDE, SIDE), orientation)
    chroma = upright(descriptors[:, CHROMA].reshape(-1, 2, CHROMA_SIDE, CHROMA_SIDE), orientation)
    box = _turned_boxes(boxes(descriptors), orientation).view(np.uint8)
    count = len(descriptors)
    parts = [luma.reshape(count, -1), chroma.reshape(count, -1), box.reshape(count, -1), descriptors[:, COLOR]]
    return np.concatenate(parts, axis=1)


def _frequencies() -> list[tuple[int, int]]:
    """The 128 (vertical, horizontal) DCT frequencies, lowest first, closed under transposition."""
    every = [(u, v) for u in range(16) for v in range(16) if u + v > 0]
    every.sort(key=lambda f: (f[0] + f[1], abs(f[0] - f[1]), f[0]))
    low = [f for f in every if sum(f) <= 14]
    middle = [f for f in every if sum(f) == 15 and abs(f[0] - f[1]) <= 7]
    return [*low, *middle, (8, 8)]


FREQUENCIES = np.array(_frequencies())


def _dct_matrix() -> Floats:
    """float64[16, 32] whole numbers: the orthonormal DCT times 2^14."""
    steps = np.pi * (2 * np.arange(SIDE) + 1) / (2 * SIDE)
    matrix = np.cos(steps * np.arange(16)[:, None]) * np.sqrt(2 / SIDE)
    matrix[0] *= np.sqrt(0.5)
    return np.asarray(np.rint(matrix * _DCT_SCALE))


_DCT = _dct_matrix()


def _signs(luma: Bytes) -> Bytes:
    """uint8[n, 16] from uint8[n, 1024]: which DCT coefficients exceed the dead zone, little-endian bits."""
    spectrum = _DCT @ luma.reshape(-1, SIDE, SIDE).astype(np.float64) @ _DCT.T
    chosen = spectrum[:, FREQUENCIES[:, 0], FREQUENCIES[:, 1]]
    return np.packbits(chosen > DEAD_ZONE * _DCT_SCALE**2, axis=1, bitorder="little")


def fingerprints(descriptors: Bytes) -> Bytes:
    """uint8[n, 32]: 128 bits of the whole frame, then 128 bits of what lies inside the border."""
    inside = _signs(descriptors[:, LUMA])
    whole = inside.copy()
    rows = np.flatnonzero(bordered(descriptors))
    if len(rows):
        whole[rows] = _signs(framed(descriptors[rows])[:, LUMA])
    return np.concatenate([whole, inside], axis=1)
