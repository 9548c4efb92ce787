"""Lists and batches of image tensors → single images in order, with the captions, masks and names of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from oneofeach.errors import EmptyImageList, UnsupportedInput

EMPTY_HINT = "Connect a loader, or check that the folder holds PNG, JPG, JPEG or WEBP images."
CHANNELS = (1, 3, 4)


@dataclass(frozen=True)
class Frames:
    """images: one view [1, height, width, channels] per image, sharing memory with the input.

    items: the list item that each image came from. batches: images per list item.
    """

    images: list[Any]
    items: list[int]
    batches: list[int]

    def __len__(self) -> int:
        return len(self.images)


def frames_of(items: Sequence[Any]) -> Frames:
    """Flatten batches. EmptyImageList when no image is left, UnsupportedInput for what is no image tensor."""
    images: list[Any] = []
    origin: list[int] = []
    batches: list[int] = []
    for position, item in enumerate(items):
        _check(item, len(images) + 1)
        count = int(item.shape[0])
        images += [item] if count == 1 else [item[b : b + 1] for b in range(count)]
        origin += [position] * count
        batches.append(count)
    if not images:
        raise EmptyImageList(EMPTY_HINT)
    return Frames(images, origin, batches)


def _check(item: Any, number: int) -> None:
    shape = tuple(getattr(item, "shape", ()))
    if len(shape) != 4 or 0 in shape[1:3]:
        got = shape if hasattr(item, "shape") else type(item).__name__
        raise _wrong(number, f"is not an image tensor: expected [batch, height, width, channels], got {got}")
    if shape[3] not in CHANNELS:
        raise _wrong(number, f"has {shape[3]} channels, expected 1, 3 or 4")


def _wrong(number: int, what: str) -> UnsupportedInput:
    return UnsupportedInput(f"Image {number} {what}\nCheck the node that makes this image.")


def aligned(values: Sequence[Any] | None, kind: str, frames: Frames) -> list[Any] | None:
    """One value per image, from one per image or one per list item; None stays None.

    UnsupportedInput when there are more or fewer: which one belongs to which image could only be guessed.
    """
    if values is None:
        return None
    if len(values) == len(frames):
        return list(values)
    if len(values) == len(frames.batches):
        return [values[position] for position in frames.items]
    raise UnsupportedInput(
        f"{kind.capitalize()} do not match images: {len(values)} {_NOUNS.get(kind, kind)} for {len(frames)} images\n"
        "Connect both outputs of the same loader."
    )


_NOUNS = {"captions": "texts"}


def aligned_masks(masks: Sequence[Any] | None, frames: Frames) -> list[Any] | None:
    """As `aligned`, for masks [batch, height, width] that may come in the batches of their images."""
    if masks is None:
        return None
    flat = [mask[b : b + 1] for mask in masks if _is_batch(mask) for b in range(int(mask.shape[0]))]
    if len(flat) == len(frames) and all(map(_is_batch, masks)):
        return flat
    return aligned(masks, "masks", frames)


def _is_batch(mask: Any) -> bool:
    return len(getattr(mask, "shape", ())) == 3
