"""The hash PDQ, 256 bits, bit for bit that of the pdqhash package up to rounding: an image → signs of its 16×16 DCT.

Source: "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm", Facebook 2019. The full image is
smoothed by two box filters, sampled at 64×64 points, transformed, and compared with the median of its coefficients.
Filters and sampling are one weighted sum per point, along rows and then along columns, in an order that is fixed.
"""

from __future__ import annotations

import numpy as np

from oneofeach.kernels.levels import Levels
from oneofeach.stages.fingerprints.classic import Classic, turned
from oneofeach.tables import Bytes, Floats, Mask, Picture

_SIDE = 64
_LUMA = (0.299, 0.587, 0.114)
_STEPS = np.pi / 2 / _SIDE * np.arange(1, 17)[:, None] * (2 * np.arange(_SIDE) + 1)
_DCT = np.sqrt(2 / _SIDE) * np.cos(_STEPS)  # float64[16, 64], without the constant


class Pdq(Classic):
    name = "pdq"
    bits = key_bits = 256

    def hashed(self, picture: Picture) -> Mask:
        """bool[256], most significant first, as the package orders them."""
        # turned first: the sampling points do not lie the same from both sides
        pixels = picture.pixels if picture.orientation == 1 else turned(picture)
        low = _product(_product(_DCT, _sampled(pixels)), _DCT.T).ravel()
        return np.asarray(low > np.partition(low, 127)[127])[::-1]


def _sampled(pixels: Bytes | Levels) -> Floats:
    """float64[64, 64]: the smoothed luma at the sampling points."""
    height, width = pixels.shape[:2]
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    rows = np.stack([_weighted(_luma(pixels[start : start + len(w)]), w) for start, w in _bands(height)])
    return np.stack([_weighted(rows.T[start : start + len(w)], w) for start, w in _bands(width)], axis=1)


def _luma(pixels: Bytes) -> Floats:
    """float64[h, w], rounded to what the package keeps; a gray level is its own luma."""
    if pixels.shape[2] == 1:
        return pixels[..., 0].astype(np.float64)
    red, green, blue = (weight * pixels[..., k] for k, weight in enumerate(_LUMA))
    return np.asarray((red + green + blue).astype(np.float32).astype(np.float64))


def _bands(length: int) -> list[tuple[int, Floats]]:
    """For each of 64 points along a side: the first of the lines it is made of, and their weights."""
    size = (length + 2 * _SIDE - 1) // (2 * _SIDE)
    before, after = size - (size + 2) // 2, (size + 2) // 2 - 1
    every = np.arange(length)
    first, last = np.maximum(every - before, 0), np.minimum(every + after, length - 1)
    found = []
    for point in ((np.arange(_SIDE) + 0.5) * length / _SIDE).astype(int).tolist():
        start = int(first[first[point]])
        weights = np.zeros(int(last[last[point]]) + 1 - start)
        for middle in range(int(first[point]), int(last[point]) + 1):
            inner = slice(int(first[middle]) - start, int(last[middle]) + 1 - start)
            weights[inner] += 1 / (last[middle] - first[middle] + 1)
        found.append((start, weights / (last[point] - first[point] + 1)))
    return found


def _weighted(lines: Floats, weights: Floats) -> Floats:
    """Sum of weighted lines, one after the other."""
    return np.asarray((weights[:, None] * lines).sum(axis=0))


def _product(a: Floats, b: Floats) -> Floats:
    """a @ b in an order that is the same on every machine."""
    out = np.zeros((a.shape[0], b.shape[1]))
    for k in range(a.shape[1]):
        out += a[:, k, None] * b[k]
    return out
