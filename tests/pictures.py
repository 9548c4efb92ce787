"""Pictures made for tests from a number: the same for the same number, and no duplicates of any other number's."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


def picture(number: int, size: tuple[int, int] = (256, 192)) -> Image.Image:
    """A colorful drawing."""
    random = np.random.default_rng(number)
    width, height = size
    ramp = np.linspace(random.uniform(0, 120, 3), random.uniform(120, 255, 3), width)
    image = Image.fromarray(np.broadcast_to(ramp, (height, width, 3)).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y = random.uniform(0, width), random.uniform(0, height)
        w, h = random.uniform(0.05, 0.3, 2) * size
        draw.ellipse((x - w, y - h, x + w, y + h), fill=tuple(random.integers(0, 256, 3).tolist()))
    return image


def small(number: int, side: int = 64) -> Image.Image:
    """Colored clouds, where many are wanted quickly."""
    grid = np.random.default_rng(number).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(grid).resize((side, side), Image.Resampling.BICUBIC)


def encoded(image: Image.Image | int, file_format: str = "PNG", **options: object) -> bytes:
    """A real file, of a format or suffix; a number stands for its small picture."""
    file = BytesIO()
    whole = small(image) if isinstance(image, int) else image
    whole.save(file, {"jpg": "JPEG"}.get(file_format, file_format), **options)
    return file.getvalue()


def copies(number: int, folder: Path, name: str) -> None:
    """One picture three times: a large JPEG, a small WebP and a strongly compressed JPEG."""
    original = picture(number)
    original.save(folder / f"{name}.jpg", quality=95)
    original.resize((128, 96)).save(folder / f"{name}_small.webp", quality=90)
    original.save(folder / f"{name}_low.jpg", quality=40)
