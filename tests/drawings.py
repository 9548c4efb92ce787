"""Pictures made for tests: distinct ones, and near-copies of them."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


def picture(seed: int, size: tuple[int, int] = (256, 192)) -> Image.Image:
    """A colorful drawing; pictures of different seeds are no duplicates of each other."""
    random = np.random.default_rng(seed)
    width, height = size
    ramp = np.linspace(random.uniform(0, 120, 3), random.uniform(120, 255, 3), width)
    image = Image.fromarray(np.broadcast_to(ramp, (height, width, 3)).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y = random.uniform(0, width), random.uniform(0, height)
        w, h = random.uniform(0.05, 0.3, 2) * size
        draw.ellipse((x - w, y - h, x + w, y + h), fill=tuple(random.integers(0, 256, 3).tolist()))
    return image


def encoded(image: Image.Image, file_format: str = "PNG", **options: object) -> bytes:
    data = BytesIO()
    image.save(data, file_format, **options)
    return data.getvalue()


def copies(seed: int, folder: Path, name: str) -> None:
    """One picture three times: a large JPEG, a small WebP and a strongly compressed JPEG."""
    original = picture(seed)
    original.save(folder / f"{name}.jpg", quality=95)
    original.resize((128, 96)).save(folder / f"{name}_small.webp", quality=90)
    original.save(folder / f"{name}_low.jpg", quality=40)
