"""The classic 64-bit hashes, bit for bit those of the imagehash package: average, difference and DCT hash.

Similarity is 1 - Hamming distance / bits; there is no descriptor, so nothing can be verified or turned.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from oneofeach.errors import OneOfEachError
from oneofeach.kernels import hamming
from oneofeach.stages.fingerprints.description import upright
from oneofeach.tables import EVIDENCE, Bytes, Floats, Picture, Rows


def _gray(picture: Picture, width: int, height: int) -> npt.NDArray[np.uint8]:
    """uint8[height, width]: luma as Pillow converts it, resampled by Lanczos."""
    pixels = np.asarray(picture.pixels)
    pixels = np.moveaxis(pixels, -1, 0) if pixels.ndim == 3 else pixels
    turned = upright(pixels, picture.orientation)
    turned = np.moveaxis(turned, 0, -1) if turned.ndim == 3 else turned
    image = Image.fromarray(np.ascontiguousarray(turned)).convert("L")
    return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))


class _Classic:
    bits = 64
    key_bits = 64
    descriptor_bytes = 0
    min_side = 0  # these hashes are defined on the full size
    name: str

    def _hash(self, picture: Picture) -> npt.NDArray[np.bool_]:
        raise NotImplementedError

    def describe(self, pictures: Sequence[Picture]) -> tuple[Bytes, Bytes]:
        """uint8[n, 8] bits, first row of the hash first, and uint8[n, 0]."""
        found = np.zeros((len(pictures), 8), np.uint8)
        for row, picture in enumerate(pictures):
            found[row] = np.packbits(self._hash(picture).ravel())
        return found, np.zeros((len(pictures), 0), np.uint8)

    def keys(self, bits: Bytes) -> tuple[Rows, Bytes]:
        return np.arange(len(bits)), bits

    def radius(self, threshold: float) -> int:
        """The largest distance d with 1 - d/64 >= threshold."""
        return int(np.count_nonzero(np.round(1 - np.arange(65) / 64, 4) >= threshold)) - 1

    def similarity(
        self, bits: Bytes, descriptors: Bytes, i: Rows, j: Rows, floor: float
    ) -> tuple[Floats, npt.NDArray[np.void]]:
        """float64[m] and EVIDENCE[m] of the pairs (i, j)."""
        evidence = np.zeros(len(i), EVIDENCE)
        evidence["orientation"] = 1
        evidence["key_distance"] = evidence["distance"] = distance = hamming(bits[i], bits[j])
        values = np.round(1 - distance / self.bits, 4)
        evidence["verified"] = values
        return values, evidence

    def turned(self, bits: Bytes, descriptors: Bytes, orientation: int) -> tuple[Bytes, Bytes]:
        raise OneOfEachError(f"{self.name} knows no other orientations\nUse the fingerprint oneofeach-1 for them.")


class AverageHash(_Classic):
    name = "ahash"

    def _hash(self, picture: Picture) -> npt.NDArray[np.bool_]:
        small = _gray(picture, 8, 8)
        return np.asarray(small > small.mean())


class DifferenceHash(_Classic):
    name = "dhash"

    def _hash(self, picture: Picture) -> npt.NDArray[np.bool_]:
        small = _gray(picture, 9, 8)
        return np.asarray(small[:, 1:] > small[:, :-1])


_DCT = 2 * np.cos(np.pi * np.arange(8)[:, None] * (2 * np.arange(32) + 1) / 64)


class PerceptualHash(_Classic):
    name = "phash"

    def _hash(self, picture: Picture) -> npt.NDArray[np.bool_]:
        low = _DCT @ _gray(picture, 32, 32).astype(np.float64) @ _DCT.T
        return np.asarray(low > np.median(low))
