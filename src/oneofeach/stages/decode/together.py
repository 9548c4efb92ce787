"""Small images in memory → facts and descriptions by one compiled call, equal to those of `decode` and the fingerprint.

Alone, the calls for one would cost more than its pixels. Whatever is unusual is left to the general way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from oneofeach import kernels
from oneofeach.errors import UnreadableImage
from oneofeach.kernels.levels import Spread
from oneofeach.stages.decode.arrays import images_in, note_of
from oneofeach.stages.decode.facts import GRAY_NOISE
from oneofeach.stages.decode.files import Spectrum
from oneofeach.tables import FACTS, Description

SMALL = 3 << 18  # values: 512 x 512 in color; each thread copies as many bytes
LONGEST = 38_400  # pixels of a side: those of longer ones are not averaged in steps that the kernel knows
_MEASURED = 5
Values = npt.NDArray[Any]


def small_array(source: Any) -> Values | None:
    """The one small image [h, w, 1 or 3] of an array or tensor that `describe_arrays` knows the way of, else None."""
    if kernels.compiled is None or not (isinstance(source, np.ndarray) or hasattr(source, "detach")):
        return None
    try:
        images = images_in(source)
    except UnreadableImage:
        return None
    if len(images) != 1 or images[0].size > SMALL or max(images[0].shape) > LONGEST:
        return None
    image = images[0] if images[0].ndim == 3 else images[0][..., None]
    return image if image.dtype in (np.float32, np.uint8) and image.shape[2] != 4 else None


def describe_arrays(images: Sequence[Values], spectrum: Spectrum) -> list[Description | None]:
    """One description per image that `small_array` gave; None for those that `decode` has to refuse.

    spectrum: of a fingerprint, see plugins.Fused.
    """
    kinds: dict[Any, list[int]] = {}
    for row, image in enumerate(images):
        kinds.setdefault((image.dtype, image.shape, image.strides), []).append(row)
    found: list[Description | None] = [None] * len(images)
    for rows in kinds.values():
        for row, one in zip(rows, _described([images[row] for row in rows], spectrum), strict=True):
            found[row] = one
    return found


def _described(images: Sequence[Values], spectrum: Spectrum) -> list[Description | None]:
    """Of images of one type, shape and layout."""
    c: Any = kernels.compiled
    count, like = len(images), images[0]
    addresses = np.array([image.ctypes.data for image in images], np.int64)
    measured = np.empty((count, _MEASURED))
    bits, descriptors = np.empty((count, c.BITS), np.uint8), np.empty((count, c.DESCRIPTOR), np.uint8)
    c.arrays_described(
        addresses.ctypes.data, count, like.dtype == np.float32, *like.shape, *like.strides,
        *spectrum, measured.ctypes.data, descriptors.ctypes.data, bits.ctypes.data,
    )  # fmt: skip
    facts = np.zeros(count, FACTS)
    facts["height"], facts["width"] = like.shape[:2]
    facts["frames"], facts["quality"] = 1, 100.0
    facts["sharpness"], facts["color"] = measured[:, 0], measured[:, 1] > GRAY_NOISE
    notes: list[str | None] = [""] * count
    for row in np.flatnonzero((measured[:, 2:] != Spread()).any(axis=1)).tolist():
        low, high, nan = measured[row, 2:].tolist()
        notes[row] = _note(Spread(low, high, bool(nan)), images[row])
    return [
        None if note is None else Description(fact, bit, descriptor, note)
        for fact, bit, descriptor, note in zip(facts, bits, descriptors, notes, strict=True)
    ]


def _note(spread: Spread, image: Values) -> str | None:
    try:
        return note_of(spread, image)
    except UnreadableImage:
        return None
