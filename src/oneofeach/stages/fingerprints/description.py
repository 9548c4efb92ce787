"""Pictures → descriptors and bits of the method "oneofeach-1".

A descriptor holds planes of the whole frame: 32×32 luma, 8×8 blue and red differences. Where the picture has a border,
the box of what lies inside follows, and its planes; else zeros, which the index does not store.
All sums are sums of dyadic fractions that fit a double, so every machine and every order of addition gives equal bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from oneofeach import kernels
from oneofeach.kernels.area import area_sums
from oneofeach.kernels.levels import Levels
from oneofeach.stages.fingerprints import border
from oneofeach.tables import Bytes, Floats, Picture, Rows

SIDE = 32
CHROMA_SIDE = 8
LUMA = slice(0, SIDE * SIDE)  # of planes
CHROMA = slice(LUMA.stop, LUMA.stop + 2 * CHROMA_SIDE * CHROMA_SIDE)
WHOLE = slice(0, CHROMA.stop)  # planes of the whole frame
BOX = slice(WHOLE.stop, WHOLE.stop + 8)  # left, top, right, bottom as little-endian uint16; all 0: no border
INSIDE = slice(BOX.stop, BOX.stop + CHROMA.stop)  # planes of what lies inside the border
BYTES = INSIDE.stop
BITS = 64  # bytes
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


def described(pictures: Sequence[Picture]) -> tuple[Bytes, Bytes]:
    """uint8[n, 64] bits and uint8[n, 2312] descriptors; compiled in description.c, with the same results."""
    bits, descriptors = np.empty((len(pictures), BITS), np.uint8), np.empty((len(pictures), BYTES), np.uint8)
    to_bits, to_descriptor = bits.ctypes.data, descriptors.ctypes.data
    rows = [
        row for row, one in enumerate(pictures) if not _compiled(one, to_bits + row * BITS, to_descriptor + row * BYTES)
    ]
    for row in rows:
        descriptors[row] = descriptor(pictures[row])
    if rows:
        bits[rows] = fingerprints(descriptors[rows])
    return bits, descriptors


def _compiled(picture: Picture, to_bits: int, to_descriptor: int) -> bool:
    """Write to these addresses; False where there is no kernel, or no memory that it could read."""
    c: Any = kernels.compiled
    pixels = picture.pixels
    if c is None or not isinstance(pixels, np.ndarray):
        return False
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    c.describe(
        pixels.ctypes.data, *pixels.shape, *pixels.strides, *picture.extent, picture.orientation,
        *SPECTRUM, to_descriptor, to_bits,
    )  # fmt: skip
    return True


def descriptor(picture: Picture) -> Bytes:
    """uint8[2312], see the slices above; upright."""
    pixels = picture.pixels if picture.pixels.ndim == 3 else picture.pixels[..., None]
    out = np.zeros(BYTES, np.uint8)
    width, height = picture.extent
    out[WHOLE] = _averaged(pixels, (0.0, 0.0, width, height), picture.orientation)
    box = border.find(pixels, picture.extent)
    if box != border.WHOLE:
        left, top, right, bottom = (at / border.FRAME for at in box)
        inside = (left * width, top * height, right * width, bottom * height)
        out[INSIDE] = _averaged(pixels, inside, picture.orientation)
        out[BOX] = _turned_boxes(np.array([box], "<u2"), picture.orientation).view(np.uint8)
    return out


def _averaged(pixels: Bytes | Levels, box: tuple[float, float, float, float], orientation: int) -> Bytes:
    """uint8[1152] upright planes of a box of pixels."""
    sums, areas = area_sums(pixels, box, SIDE)
    planes = _planes(np.broadcast_to(sums, (SIDE, SIDE, 3)), areas)
    return np.concatenate([upright(plane, orientation).ravel() for plane in planes])


def _planes(sums: Rows, areas: Rows) -> list[Bytes]:
    """Luma of each cell, blue and red difference of 4×4 cells together, from sums of RGB and areas; rounded half up."""
    luma = (2 * (sums @ np.array(_LUMA)) + 256 * areas) // (512 * areas)
    cells = (CHROMA_SIDE, SIDE // CHROMA_SIDE, CHROMA_SIDE, SIDE // CHROMA_SIDE)
    sums, areas = sums.reshape(*cells, 3).sum(axis=(1, 3)), areas.reshape(cells).sum(axis=(1, 3))
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
    return np.asarray(descriptors[:, BOX].any(axis=1))


def turned(descriptors: Bytes, orientation: int) -> Bytes:
    """Descriptors of the same pictures after applying an EXIF orientation."""
    out, rows = np.zeros_like(descriptors), np.flatnonzero(bordered(descriptors))
    out[:, WHOLE] = _turned_planes(descriptors[:, WHOLE], orientation)
    out[rows, INSIDE] = _turned_planes(descriptors[rows, INSIDE], orientation)
    out[rows, BOX] = _turned_boxes(boxes(descriptors[rows]), orientation).view(np.uint8)
    return out


def _turned_planes(planes: Bytes, orientation: int) -> Bytes:
    luma = upright(planes[:, LUMA].reshape(-1, SIDE, SIDE), orientation)
    chroma = upright(planes[:, CHROMA].reshape(-1, 2, CHROMA_SIDE, CHROMA_SIDE), orientation)
    return np.concatenate([luma.reshape(-1, SIDE * SIDE), chroma.reshape(-1, 2 * CHROMA_SIDE**2)], axis=1)


def _frequencies() -> list[tuple[int, int]]:
    """The 128 (vertical, horizontal) DCT frequencies, lowest first.

    All of them and the first 64 are closed under transposition, so that a turned picture has the same ones.
    """
    every = [(u, v) for u in range(16) for v in range(16) if u + v > 0]
    every.sort(key=lambda f: (f[0] + f[1], abs(f[0] - f[1]), f[0]))
    low = [f for f in every if sum(f) <= 10 and abs(f[0] - f[1]) < 10 and f != (6, 6)]
    high = [f for f in every if f not in low and (sum(f) <= 14 or (sum(f) == 15 and abs(f[0] - f[1]) <= 7))]
    high.remove((6, 6))
    return [*low, (6, 6), *high, (8, 8)]


FREQUENCIES = np.array(_frequencies(), np.int64)


def _dct_matrix() -> Floats:
    """float64[16, 32] whole numbers: the orthonormal DCT times 2^14."""
    steps = np.pi * (2 * np.arange(SIDE) + 1) / (2 * SIDE)
    matrix = np.cos(steps * np.arange(16)[:, None]) * np.sqrt(2 / SIDE)
    matrix[0] *= np.sqrt(0.5)
    return np.asarray(np.rint(matrix * _DCT_SCALE))


_DCT = _dct_matrix()
_LIMIT = DEAD_ZONE * _DCT_SCALE**2
SPECTRUM = _DCT.ctypes.data, FREQUENCIES.ctypes.data, _LIMIT  # as the compiled kernel takes it


def _signs(luma: Bytes) -> Bytes:
    """uint8[n, 32] from uint8[n, 1024]: which DCT coefficients lie above the dead zone, then which lie below it.

    128 little-endian bits each. A flip changes the sign of every other coefficient, and so exchanges these bits.
    """
    spectrum = _DCT @ luma.reshape(-1, SIDE, SIDE).astype(np.float64) @ _DCT.T
    chosen = spectrum[:, FREQUENCIES[:, 0], FREQUENCIES[:, 1]]
    return np.packbits(np.stack([chosen > _LIMIT, chosen < -_LIMIT], axis=1), axis=2, bitorder="little").reshape(-1, 32)


def fingerprints(descriptors: Bytes) -> Bytes:
    """uint8[n, 64]: 2×128 bits of the whole frame, then 2×128 bits of what lies inside the border."""
    whole = _signs(descriptors[:, WHOLE][:, LUMA])
    inside, rows = whole.copy(), np.flatnonzero(bordered(descriptors))
    inside[rows] = _signs(descriptors[rows, INSIDE][:, LUMA])
    return np.concatenate([whole, inside], axis=1)
