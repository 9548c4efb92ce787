"""The classic hashes of 64 bits, bit for bit those of the imagehash package: average, difference and DCT hash.

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


def turned(picture: Picture) -> Bytes:
    """uint8[h, w] or uint8[h, w, 3]: the pixels, upright."""
    pixels = np.asarray(picture.pixels)
    planes = np.moveaxis(pixels, -1, 0) if pixels.ndim == 3 else pixels[None]
    planes = np.asarray(upright(planes, picture.orientation), np.uint8)
    return np.moveaxis(planes, 0, -1) if len(planes) > 1 else planes[0]


def _gray(picture: Picture, width: int, height: int) -> Bytes:
    """uint8[height, width]: luma as Pillow converts it, resampled by Lanczos."""
    image = Image.fromarray(np.ascontiguousarray(turned(picture))).convert("L")
    return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))


class Classic:
    """A hash of some bits, all of them the search key."""

    bits = 64
    key_bits = 64
    descriptor_bytes = 0
    min_side = 0  # these hashes are defined on the full size
    name: str

    def hashed(self, picture: Picture) -> npt.NDArray[np.bool_]:
        """bool[bits], in any shape."""
        raise NotImplementedError

    def describe(self, pictures: Sequence[Picture]) -> tuple[Bytes, Bytes]:
        """uint8[n, bits / 8], first row of the hash first, and uint8[n, 0]."""
        found = np.zeros((len(pictures), self.bits // 8), np.uint8)
        for row, picture in enumerate(pictures):
            found[row] = np.packbits(self.hashed(picture).ravel())
        return found, np.zeros((len(pictures), 0), np.uint8)

    def keys(self, bits: Bytes) -> tuple[Rows, Bytes]:
        return np.arange(len(bits)), bits

    def radius(self, threshold: float) -> int:
        """The largest distance d with 1 - d/bits >= threshold."""
        return int(np.count_nonzero(np.round(1 - np.arange(self.bits + 1) / self.bits, 4) >= threshold)) - 1

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


class AverageHash(Classic):
    name = "ahash"

    def hashed(self, picture: Picture) -> npt.NDArray[np.bool_]:
        small = _gray(picture, 8, 8)
        return np.asarray(small > small.mean())


class DifferenceHash(Classic):
    name = "dhash"

    def hashed(self, picture: Picture) -> npt.NDArray[np.bool_]:
        small = _gray(picture, 9, 8)
        return np.asarray(small[:, 1:] > small[:, :-1])


_DCT = 2 * np.cos(np.pi * np.arange(8)[:, None] * (2 * np.arange(32) + 1) / 64)


class PerceptualHash(Classic):
    name = "phash"

    def hashed(self, picture: Picture) -> npt.NDArray[np.bool_]:
        low = _DCT @ _gray(picture, 32, 32).astype(np.float64) @ _DCT.T
        return np.asarray(low > np.median(low))
