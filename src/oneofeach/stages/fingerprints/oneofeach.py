"""Pictures → bits and descriptors of the method "oneofeach-1", and the protocol that the walk calls.

A descriptor is what the similarity is measured on: 32×32 luma, then 8×8 blue and red chroma differences, 1,152 bytes.
Bits are the signs of the lowest DCT frequencies of the luma, with a dead zone; the first 64 are the search key.
All sums are sums of integers below 2^53, so every machine and every order of addition gives the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from oneofeach.stages.fingerprints import comparison
from oneofeach.tables import Bytes, Floats, Picture, Rows

SIDE = 32
CHROMA_SIDE = 8
LUMA_BYTES = SIDE * SIDE
CHROMA_BYTES = CHROMA_SIDE * CHROMA_SIDE
DEAD_ZONE = 4.0  # in units of the orthonormal DCT of 0..255 luma: noise in flat areas gives zeros, not random bits
_DCT_SCALE = 1 << 14
_RED, _GREEN, _BLUE = 77, 150, 29  # of 256; BT.601
_BLUE_DIFFERENCE = (-11058, -21710, 32768)  # of 65536
_RED_DIFFERENCE = (32768, -27439, -5329)


@lru_cache(maxsize=256)
def _areas(cells: int, extent: float, length: int) -> Floats:
    """float64[cells, length]: how much of each source pixel falls into each of `cells` equal parts of 0..extent."""
    edges = np.arange(cells + 1) * extent / cells
    pixels = np.arange(length)
    low = np.maximum(edges[:-1, None], pixels)
    high = np.minimum(edges[1:, None], pixels + 1)
    return np.asarray(np.maximum(high - low, 0.0))


def _area_mean(plane: Floats, side: int, extent: tuple[float, float]) -> Floats:
    """Exact area averages of the true extent (width, height) of a plane, float64[side, side]."""
    height, width = plane.shape
    down = _areas(side, extent[1], height)
    across = _areas(side, extent[0], width)
    return np.asarray(down @ plane @ across.T) * (side * side) / (extent[0] * extent[1])


def upright(plane: npt.NDArray[np.generic], orientation: int) -> npt.NDArray[np.generic]:
    """A plane, or planes [..., h, w], after applying an EXIF orientation (1..8)."""
    if orientation >= 5:
        plane = np.swapaxes(plane, -1, -2)
    if orientation in (2, 3, 6, 7):
        plane = plane[..., ::-1]
    if orientation in (3, 4, 7, 8):
        plane = plane[..., ::-1, :]
    return plane


def _rounded(values: Floats, low: int, high: int) -> Floats:
    return np.asarray(np.clip(np.floor(values + 0.5), low, high))


def descriptor(picture: Picture) -> Bytes:
    """uint8[1152]: 32×32 luma, 8×8 blue difference, 8×8 red difference (two's complement), all upright."""
    pixels = np.asarray(picture.pixels, np.float64)
    if picture.pixels.dtype != np.uint8:
        pixels = np.rint(pixels)  # whole numbers keep the sums exact, and a float tensor equal to its file
    red, green, blue = np.moveaxis(pixels, -1, 0) if pixels.ndim == 3 else (pixels, pixels, pixels)
    luma = _area_mean(_RED * red + _GREEN * green + _BLUE * blue, SIDE, picture.extent) / 256
    small = [_area_mean(plane, CHROMA_SIDE, picture.extent) for plane in (red, green, blue)]
    planes = [_rounded(luma, 0, 255).astype(np.uint8)]
    for weights in (_BLUE_DIFFERENCE, _RED_DIFFERENCE):
        difference = (weights[0] * small[0] + weights[1] * small[1] + weights[2] * small[2]) / 65536
        planes.append(_rounded(difference, -128, 127).astype(np.int8).view(np.uint8))
    return np.concatenate([upright(plane, picture.orientation).ravel() for plane in planes])


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


def fingerprint(luma: Bytes) -> Bytes:
    """uint8[n, 16] from uint8[n, 32, 32]: which DCT coefficients exceed the dead zone, little-endian bits."""
    spectrum = _DCT @ luma.astype(np.float64) @ _DCT.T
    chosen = spectrum[:, FREQUENCIES[:, 0], FREQUENCIES[:, 1]]
    return np.packbits(chosen > DEAD_ZONE * _DCT_SCALE**2, axis=1, bitorder="little")


class OneOfEach:
    """The package's own method: a 64-bit search key, 128 bits, and a descriptor that settles the similarity."""

    name = "oneofeach-1"
    bits = 128
    key_bits = 64
    descriptor_bytes = LUMA_BYTES + 2 * CHROMA_BYTES
    min_side = 128

    def describe(self, pictures: Sequence[Picture]) -> tuple[Bytes, Bytes]:
        """uint8[n, 16] bits and uint8[n, 1152] descriptors."""
        descriptors = np.empty((len(pictures), self.descriptor_bytes), np.uint8)
        for row, picture in enumerate(pictures):
            descriptors[row] = descriptor(picture)
        return self._bits(descriptors), descriptors

    def keys(self, bits: Bytes) -> tuple[Rows, Bytes]:
        """int64[k] rows and uint8[k, 8] keys: a pair is a candidate when any of its keys are within the radius."""
        return np.arange(len(bits)), bits[:, : self.key_bits // 8]

    def radius(self, threshold: float) -> int:
        """8 at 0.95, 12 at 0.90, 14 at 0.85, 16 at 0.80."""
        return comparison.radius(threshold)

    def similarity(
        self, bits: Bytes, descriptors: Bytes, i: Rows, j: Rows, floor: float
    ) -> tuple[Floats, npt.NDArray[np.void]]:
        """float64[m] and EVIDENCE[m]; a pair whose bits already bound it below `floor` is not verified."""
        return comparison.similarities(bits, descriptors, i, j, floor)

    def turned(self, bits: Bytes, descriptors: Bytes, orientation: int) -> tuple[Bytes, Bytes]:
        """The same images after applying an EXIF orientation: the planes are turned, the bits taken anew."""
        planes = (descriptors[:, a:b].reshape(-1, s, s) for a, b, s in _LAYOUT)
        turned = np.concatenate([upright(plane, orientation).reshape(len(bits), -1) for plane in planes], axis=1)
        return self._bits(turned), turned

    def _bits(self, descriptors: Bytes) -> Bytes:
        return fingerprint(descriptors[:, :LUMA_BYTES].reshape(-1, SIDE, SIDE))


_LAYOUT = (
    (0, LUMA_BYTES, SIDE),
    (LUMA_BYTES, LUMA_BYTES + CHROMA_BYTES, CHROMA_SIDE),
    (LUMA_BYTES + CHROMA_BYTES, LUMA_BYTES + 2 * CHROMA_BYTES, CHROMA_SIDE),
)
