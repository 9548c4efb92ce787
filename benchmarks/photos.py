"""Photographs to benchmark with: crops of scikit-image's, zoomed and toned by chance, so that none equals another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from skimage import data

NAMES = ("astronaut", "chelsea", "coffee", "rocket", "immunohistochemistry", "retina")


def photos(count: int, size: tuple[int, int], seed: int = 0) -> Iterator[Image.Image]:
    """RGB images of one size. Enlarged ones get the grain of a camera, or they would compress like drawings."""
    rng = np.random.default_rng(seed)
    origins = [Image.fromarray(getattr(data, name)()[..., :3]) for name in NAMES]
    for _ in range(count):
        origin = origins[rng.integers(len(origins))]
        zoom = rng.uniform(0.6, 0.95)
        width, height = (int(side * zoom) for side in origin.size)
        left, top = rng.integers(origin.width - width + 1), rng.integers(origin.height - height + 1)
        image = origin.resize(size, Image.Resampling.BICUBIC, (left, top, left + width, top + height), 2.0)
        if rng.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        grain = rng.normal(0, 3, (size[1], size[0], 1)).astype(np.float32)
        toned = np.asarray(image) * np.float32(rng.uniform(0.8, 1.1)) + grain
        yield Image.fromarray(toned.clip(0, 255).astype(np.uint8))


def write(folder: Path, count: int, size: tuple[int, int], suffix: str, **options: Any) -> list[str]:
    """The paths of `count` encoded photos."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, image in enumerate(photos(count, size)):
        path = folder / f"{number:05}{suffix}"
        image.save(path, **options)
        paths.append(str(path))
    return paths
