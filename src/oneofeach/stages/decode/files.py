"""Many plain JPEG files → facts and descriptions by one compiled call, equal to those of `decode` and the fingerprint.

For what is small, the calls of the general way cost more than its pixels. Whatever is unusual is left to that way.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from oneofeach import kernels
from oneofeach.stages.decode.facts import GRAY_NOISE
from oneofeach.stages.decode.read import Loaded
from oneofeach.tables import FACTS, Description

Spectrum = tuple[int, int, float]

_MEASURED = ("width", "height", "quality", "sharpness")  # and how far from gray the most colorful pixel is


def plain(loaded: Loaded) -> bool:
    """Whether `describe_files` may know the way; the first bytes tell."""
    jpeg = loaded.data is not None and loaded.data.startswith(b"\xff\xd8\xff")
    return jpeg and kernels.compiled is not None and os.environ.get("ONEOFEACH_DECODERS") != "pillow"


def describe_files(files: Sequence[Loaded], min_side: int, spectrum: Spectrum) -> list[Description | None]:
    """One description per plain file, without mtime_ns; None for those that `decode` has to look at.

    files: at least one. spectrum: of a fingerprint, see plugins.Fused.
    """
    c: Any = kernels.compiled
    limit = Image.MAX_IMAGE_PIXELS
    measured = np.empty((len(files), len(_MEASURED) + 1))
    bits, descriptors = np.empty((len(files), c.BITS), np.uint8), np.empty((len(files), c.DESCRIPTOR), np.uint8)
    c.files_described(
        tuple(file.data for file in files), min_side, 2 * limit if limit else 1 << 62, *spectrum,
        measured.ctypes.data, descriptors.ctypes.data, bits.ctypes.data,
    )  # fmt: skip
    facts = _facts(files, measured)
    return [
        Description(facts[row], bits[row], descriptors[row]) if good else None
        for row, good in enumerate((measured[:, 0] > 0).tolist())
    ]


def _facts(files: Sequence[Loaded], measured: npt.NDArray[np.float64]) -> npt.NDArray[np.void]:
    facts = np.zeros(len(files), FACTS)
    facts["content"] = [np.frombuffer(file.content, np.uint8) for file in files]
    facts["bytes"] = [file.size for file in files]
    for column, name in enumerate(_MEASURED):
        facts[name] = measured[:, column]
    facts["color"] = measured[:, -1] > GRAY_NOISE
    facts["frames"], facts["format"] = 1, b"JPEG"
    return facts
