"""Small pictures that look like nothing else: made from a number, encoded as a real file."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image


def picture(number: int, side: int = 64) -> Image.Image:
    """The same for the same number; unlike any other number's."""
    grid = np.random.default_rng(number).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(grid).resize((side, side), Image.Resampling.BICUBIC)


def encoded(number: int, suffix: str = "png", side: int = 64) -> bytes:
    file = BytesIO()
    picture(number, side).save(file, {"jpg": "JPEG"}.get(suffix, suffix))
    return file.getvalue()
