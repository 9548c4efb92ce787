"""Loaded → Decoded: picks the way to the pixels, and gathers the facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from oneofeach.errors import UnreadableImage
from oneofeach.stages.decode.arrays import images_in, is_array, pixels_of
from oneofeach.stages.decode.facts import facts_of, has_color, quality_of, sharpness_of
from oneofeach.stages.decode.flatten import flatten
from oneofeach.stages.decode.pillow import draft, frames_of, guarded, open_encoded, orientation_of
from oneofeach.stages.decode.read import Loaded, load
from oneofeach.tables import Picture


@dataclass(frozen=True, slots=True)
class Decoded:
    """facts: one FACTS record (mtime_ns is the caller's to fill). note: what a reader of the report should know."""

    picture: Picture
    facts: np.void
    note: str = ""


def decode(loaded: Loaded, *, min_side: int = 0) -> Decoded:
    """Pixels and facts of one image.

    min_side: shortest side in pixels that a scaled decode must keep (smaller pictures come as they are); 0: full size.
    Raises UnreadableImage with the reason in one line.
    """
    if loaded.data is not None:
        with guarded():
            return _decode_pillow(loaded, open_encoded(loaded.data), min_side)
    if isinstance(loaded.image, Image.Image):
        with guarded():
            return _decode_pillow(loaded, loaded.image, 0)
    return _decode_array(loaded, _single_array(loaded.image))


def open_image(source: Any) -> Image.Image:
    """The whole image, upright, as RGB: for reports, nodes and review. Raises UnreadableImage."""
    loaded = load(source)
    if loaded.data is None and not isinstance(loaded.image, Image.Image):
        pixels, _ = pixels_of(_single_array(loaded.image))
        return Image.fromarray(_to_uint8(pixels)).convert("RGB")
    with guarded():
        image = loaded.image if loaded.data is None else open_encoded(loaded.data)
        image.load()
        orientation = orientation_of(image)
        flat = flatten(image)[0].convert("RGB")
        return flat if orientation == 1 else flat.transpose(_TURNS[orientation])


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _decode_pillow(loaded: Loaded, image: Image.Image, min_side: int) -> Decoded:
    """A file as Pillow opened it, or the caller's own PIL image, which is left as it is."""
    from_file = loaded.data is not None
    size = image.size
    frames = frames_of(image) if from_file else 1
    extent = draft(image, min_side) if from_file else (float(size[0]), float(size[1]))
    image.load()
    orientation = orientation_of(image)
    flat, note = flatten(image)
    picture = Picture(np.asarray(flat), extent, orientation)
    facts = facts_of(loaded, size, orientation)
    facts["format"] = (image.format or "").replace("MPO", "JPEG").encode()[:8]
    facts["frames"] = frames
    facts["quality"] = quality_of(image)
    facts["sharpness"] = sharpness_of(picture.pixels, extent)
    facts["color"] = has_color(picture.pixels)
    if frames > 1:
        note = "; ".join(filter(None, (f"animated: first of {frames} frames", note)))
    return Decoded(picture, facts, note)


def _decode_array(loaded: Loaded, array: npt.NDArray[Any]) -> Decoded:
    pixels, note = pixels_of(array)
    height, width = pixels.shape[:2]
    extent = (float(width), float(height))
    facts = facts_of(loaded, (width, height), 1)
    facts["sharpness"] = sharpness_of(_to_uint8(pixels), extent)
    facts["color"] = has_color(pixels)
    return Decoded(Picture(pixels, extent), facts, note)


def _single_array(image: Any) -> npt.NDArray[Any]:
    if not is_array(image):
        raise UnreadableImage(f"{type(image).__name__} is not an image")
    views = images_in(image)
    if len(views) != 1:
        raise UnreadableImage(f"batch of {len(views)} images where one was expected")
    return views[0]


def _to_uint8(pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    return pixels if pixels.dtype == np.uint8 else np.rint(pixels).astype(np.uint8)
