"""Small images in memory, decoded many at a time: alone, the calls for one would cost more than its pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from oneofeach.errors import UnreadableImage
from oneofeach.kernels.levels import converted_each
from oneofeach.stages.decode.arrays import images_in, note_of, pixels_into
from oneofeach.stages.decode.door import Decoded
from oneofeach.stages.decode.facts import facts_of_each
from oneofeach.tables import Picture

SMALL = 1 << 16  # bytes of pixels: 147 x 147 in color


def small_array(source: Any) -> npt.NDArray[Any] | None:
    """The one small image [h, w, channels] of an array or tensor; None for everything else, and for what is faulty."""
    if not isinstance(source, np.ndarray) and not hasattr(source, "detach"):
        return None
    try:
        images = images_in(source)
    except UnreadableImage:
        return None
    if len(images) != 1 or images[0].size > SMALL:
        return None
    return images[0] if images[0].ndim == 3 else images[0][..., None]


def decode_together(images: Sequence[npt.NDArray[Any]]) -> list[Decoded | UnreadableImage]:
    """As `decode`, for images that `small_array` gave: equal results, and the error where one cannot be decoded."""
    shapes: dict[tuple[int, ...], list[int]] = {}
    for row, image in enumerate(images):
        shapes.setdefault((*image.shape[:2], 1 if image.shape[2] == 1 else 3), []).append(row)
    decoded: dict[int, Decoded | UnreadableImage] = {}
    for shape, rows in shapes.items():
        decoded |= zip(rows, _block([images[row] for row in rows], shape), strict=True)
    return [decoded[row] for row in range(len(images))]


def _block(images: Sequence[npt.NDArray[Any]], shape: tuple[int, ...]) -> list[Decoded | UnreadableImage]:
    block = np.zeros((len(images), *shape), np.uint8)
    spreads = converted_each(images, block)
    if spreads is None:
        notes = [_note(pixels_into, pixels, image) for image, pixels in zip(images, block, strict=True)]
    else:
        notes = [_note(note_of, spread, image) for spread, image in zip(spreads, images, strict=True)]
    facts = facts_of_each(block)
    extent = (float(shape[1]), float(shape[0]))
    return [
        note if isinstance(note, UnreadableImage) else Decoded(Picture(pixels, extent), fact, note)
        for pixels, fact, note in zip(block, facts, notes, strict=True)
    ]


def _note(look: Callable[..., str], *arguments: Any) -> str | UnreadableImage:
    try:
        return look(*arguments)
    except UnreadableImage as error:
        return error
