"""The method "oneofeach-1" behind the fingerprint protocol."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from oneofeach.stages.fingerprints import bounds, comparison, description, views
from oneofeach.tables import Bytes, Floats, Mask, Picture, Rows


class OneOfEach:
    """The package's own method: 64-bit search keys, 4×128 bits, and a descriptor that settles the similarity.

    A picture with a border of one color has two views, the whole frame and what lies inside, and a key for each.
    """

    name = "oneofeach-1"
    similarity_version = 6
    bits = 512
    key_bits = 64
    descriptor_bytes = description.BYTES
    min_side = 128
    spectrum = description.SPECTRUM

    def describe(self, pictures: Sequence[Picture]) -> tuple[Bytes, Bytes]:
        """uint8[n, 64] bits and uint8[n, 2312] descriptors."""
        return description.described(pictures)

    def keys(self, bits: Bytes) -> tuple[Rows, Bytes]:
        """int64[k] rows and uint8[k, 8] keys: one per view."""
        return views.keys(bits)

    def radius(self, threshold: float) -> int:
        """8 at 0.95, 12 at 0.90, 14 at 0.85, 16 at 0.80."""
        return comparison.radius(threshold)

    def similarity(
        self, bits: Bytes, descriptors: Bytes, i: Rows, j: Rows, floor: float
    ) -> tuple[Floats, npt.NDArray[np.void]]:
        """float64[m] and EVIDENCE[m]; a pair whose bits already bound it below `floor` is not verified."""
        return comparison.similarities(bits, descriptors, i, j, floor)

    def possible(self, a: Bytes, b: Bytes, floor: float) -> Mask:
        """bool[m]: False where the bits of a pair already bound it below `floor`."""
        return bounds.possible(a, b, floor)

    def turned(self, bits: Bytes, descriptors: Bytes, orientation: int) -> tuple[Bytes, Bytes]:
        """The same images after applying an EXIF orientation: the descriptors are turned, the bits taken anew."""
        turned = description.turned(descriptors, orientation)
        return description.fingerprints(turned), turned
