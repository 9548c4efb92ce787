"""Makes a small folder of photographs, drawings and their near-copies, and runs `oneofeach find` on it.

The photographs come with scikit-image. Everything lands in ./demo, which can be deleted.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps
from skimage import data

PHOTOS = ("astronaut", "chelsea", "coffee", "rocket", "immunohistochemistry", "retina", "camera", "coins", "page")


def main() -> None:
    folder = Path("demo/images")
    folder.mkdir(parents=True, exist_ok=True)
    for name in PHOTOS:
        save_with_copies(Image.fromarray(getattr(data, name)()).convert("RGB"), name, folder)
    for number in range(6):
        drawing(number).save(folder / f"drawing{number}.png")
    drawing(2).save(folder / "drawing2_copy.webp", quality=60)
    (folder / "broken.jpg").write_bytes((folder / "astronaut.jpg").read_bytes()[:5000])
    report = Path("demo/report.html")
    command = [sys.executable, "-m", "oneofeach", "find", str(folder), "--no-index", "--report", str(report)]
    code = subprocess.run(command, check=False).returncode
    print(f"\nThe report lies at {report.resolve()}")
    sys.exit(0 if code == 3 else code or 1)  # 3: finished, and broken.jpg was skipped as it should be


def save_with_copies(photo: Image.Image, name: str, folder: Path) -> None:
    """The photograph, and some of what happens to a picture on its way through the world."""
    photo.save(folder / f"{name}.jpg", quality=92)
    if name in ("astronaut", "coffee", "camera"):
        photo.resize((photo.width // 2, photo.height // 2)).save(folder / f"{name}_small.webp", quality=70)
    if name in ("astronaut", "chelsea", "rocket"):
        ImageEnhance.Brightness(photo).enhance(1.1).save(folder / f"{name}_brighter.jpg", quality=60)
    if name in ("chelsea", "coins"):
        ImageOps.grayscale(photo).save(folder / f"{name}_gray.png")
    if name == "coffee":
        (folder / "coffee (1).jpg").write_bytes((folder / "coffee.jpg").read_bytes())


def drawing(number: int) -> Image.Image:
    """Shapes on a gradient: generated pictures that differ from one another."""
    random = np.random.default_rng(number)
    ramp = np.linspace(0, 255, 384)[None, :, None] * random.uniform(0.3, 1, 3)
    image = Image.fromarray(np.broadcast_to(ramp, (256, 384, 3)).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(9):
        x, y, r = random.integers(0, 384), random.integers(0, 256), random.integers(15, 70)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=tuple(random.integers(0, 256, 3).tolist()))
    return image


if __name__ == "__main__":
    main()
