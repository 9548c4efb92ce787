"""The records of the tables and the names of their arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FACTS = np.dtype(
    [
        ("content", "u1", 32),  # SHA-256 of the file's bytes; all zero for images that never were a file
        ("bytes", "<i8"),  # size of the file; 0 for images that never were a file
        ("mtime_ns", "<i8"),
        ("width", "<i4"),  # upright, in pixels
        ("height", "<i4"),
        ("frames", "<i4"),
        ("quality", "<f4"),  # estimated encoder quality 0..100; 100 for lossless
        ("sharpness", "<f4"),
        ("color", "u1"),  # 1: some color is there; 0: all gray
        ("format", "S8"),  # "JPEG", "PNG", ...; "" for arrays
    ]
)
"""One record per image: what reading and decoding it taught us."""

EVIDENCE = np.dtype(
    [
        ("key_distance", "<u2"),  # Hamming distance of the search keys
        ("distance", "<u2"),  # Hamming distance of the whole fingerprints
        ("verified", "<f4"),  # similarity measured on the descriptors
        ("term", "u1"),  # which term decided: see stages/similarity.py
        ("orientation", "u1"),  # EXIF orientation value that turns j upright onto i; 1: as it is
        ("views", "u1"),  # bit 0: i was compared without its border; bit 1: j was; 2: both, of unequal borders
        ("color", "<f4"),  # share of the windows that agree in color
        ("overlap", "<f4"),  # intersection over union of the two frames after registration
        ("affine", "<f4", 6),  # registration: x of i → x of j, both frames [-1, 1]²
        ("worst", "u1", 2),  # row and column of the window that agrees least
    ]
)
"""One record per pair: why the similarity is what it is."""

Bytes = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
