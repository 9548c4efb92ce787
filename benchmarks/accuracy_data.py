"""A folder of pictures in, originals, what is done to them, and pairs that look alike but are not the same out.

A folder with `attacks.py` and `hard_negatives.py` brings its own: ATTACKS, apply, is_core; read_index, hard_pairs. The
pictures of any other folder, or made ones and the photographs of scikit-image, are changed as below, and charts and
documents drawn from one template must not match.
"""

from __future__ import annotations

import importlib
import io
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps
from skimage import data

TIERS = {
    "core A": "re-encoding, resizing, light changes of tone and color",
    "tier A": "the same, crops of 1–2 % and small marks in a corner",
    "tier B": "moderate edits: 5 % crops, thin borders, banners, 1° turns, strong tone",
    "tier C": "strong edits: crops of 10 % and more, letterboxes, 5° turns, captions",
}
PHOTOS = ("astronaut", "camera", "chelsea", "coffee", "coins", "immunohistochemistry", "moon", "page", "rocket", "text")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True)
class Change:
    name: str
    tier: str  # A, B or C
    core: bool


@dataclass(frozen=True)
class Dataset:
    """originals: name and how to open it; attacked: which of them are changed; flat: pictures without structure."""

    name: str
    originals: list[tuple[str, Callable[[], Image.Image]]]
    sources: list[str]  # two originals of one source are no unrelated pair
    attacked: list[int]
    flat: set[int]
    changes: list[Change]
    change: Callable[[int, str, Image.Image], Image.Image]
    negatives: list[tuple[int, int, str]]


def dataset(folder: Path | None, count: int) -> Dataset:
    """At most `count` originals are changed, spread over the whole."""
    if folder and (folder / "attacks.py").exists():
        return _own(folder, count)
    return _plain(folder, count)


def _opened(source: Any) -> Image.Image:
    with Image.open(source) as image:
        turned = ImageOps.exif_transpose(image)
        if turned.mode in ("RGBA", "LA", "PA") or "transparency" in turned.info:
            turned = turned.convert("RGBA")
            turned = Image.alpha_composite(Image.new("RGBA", turned.size, "white"), turned)
        return turned.convert("RGB")


def _own(folder: Path, count: int) -> Dataset:
    sys.path.insert(0, str(folder))
    attacks, labels = importlib.import_module("attacks"), importlib.import_module("hard_negatives")
    index = labels.read_index()
    chosen = _spread([row for row, one in enumerate(index) if one.attack], index, count)
    by_name = {one.name: one for one in attacks.ATTACKS}
    changes = [Change(one.name, one.tier, attacks.is_core(one)) for one in attacks.ATTACKS if one.tier in "ABC"]
    skipped = ("video", "recolor_h20", "recolor_h40", "flat")  # graded differences, and too few to tell
    return Dataset(
        "a development benchmark (photographs, generated art, screenshots, charts, documents, logos, memes, line art)",
        [(one.id, lambda path=one.path: _opened(path)) for one in index],
        [one.source for one in index],
        chosen,
        {row for row in chosen if index[row].category == "flat"},
        changes,
        lambda row, name, image: _opened(io.BytesIO(attacks.apply(by_name[name], index[row].id, image))),
        [(a, b, label) for a, b, label in labels.hard_pairs(index) if not label.startswith(skipped)],
    )


def _spread(rows: list[int], index: Any, count: int) -> list[int]:
    """Rows of every category in proportion, in an order in which any number of the first ones is spread too."""
    groups: dict[str, list[int]] = {}
    for row in rows:
        groups.setdefault(index[row].category, []).append(row)
    ranked = [((place + 0.5) / len(group), row) for group in groups.values() for place, row in enumerate(group)]
    return [row for _, row in sorted(ranked)][:count]


def _plain(folder: Path | None, count: int) -> Dataset:
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES) if folder else []
    originals = [(path.name, lambda path=path: _opened(path)) for path in files] or [
        (name, lambda name=name: Image.fromarray(getattr(data, name)()).convert("RGB")) for name in PHOTOS
    ]
    sources = [name for name, _ in originals]
    negatives = []
    for template in range(12):
        for label, draw in (("chart", _chart), ("document", _document)):
            first = len(originals)
            for number in range(2):
                originals.append((f"{label} {template}.{number}", lambda d=draw, t=template, n=number: d(t, n)))
                sources.append(f"{label} {template}")
            negatives.append((first, first + 1, label))
    changes = [Change(name, tier, core) for name, (tier, core, _) in CHANGES.items()]

    def change(row: int, name: str, image: Image.Image) -> Image.Image:
        return CHANGES[name][2](image, random.Random(f"{originals[row][0]} {name}"))

    name = f"the folder {folder.name}" if folder else "made pictures and the photographs of scikit-image"
    return Dataset(name, originals, sources, list(range(len(originals)))[:count], set(), changes, change, negatives)


def _chart(template: int, number: int) -> Image.Image:
    look, values = random.Random(template), random.Random(f"{template} {number}")
    image = Image.new("RGB", (640, 420), "white")
    pen, ink = ImageDraw.Draw(image), tuple(look.randrange(200) for _ in range(3))
    bars = look.randrange(5, 12)
    for bar in range(bars):
        left = 60 + bar * 540 // bars
        pen.rectangle([left, 380 - values.randrange(20, 330), left + 400 // bars, 380], fill=ink)
    pen.line([(50, 30), (50, 380), (610, 380)], fill="black", width=2)
    return image


def _document(template: int, number: int) -> Image.Image:
    look, words = random.Random(template), random.Random(f"{template} {number}")
    image = Image.new("RGB", (595, 842), "white")
    pen, margin, step = ImageDraw.Draw(image), look.randrange(40, 90), look.randrange(18, 30)
    for y in range(margin, 842 - margin, step):
        x = margin
        while x < 595 - margin:
            length = words.randrange(10, 60)
            pen.rectangle([x, y, min(x + length, 595 - margin), y + step // 3], fill=(60, 60, 60))
            x += length + 6
    return image


def _saved(image: Image.Image, kind: str, **options: Any) -> Image.Image:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return _opened(file)


def _scaled(factor: float, method: Any = Image.Resampling.LANCZOS) -> Callable[[Image.Image, Any], Image.Image]:
    return lambda image, _: image.resize([max(1, round(side * factor)) for side in image.size], method)


def _cropped(share: float) -> Callable[[Image.Image, Any], Image.Image]:
    def cut(image: Image.Image, chance: random.Random) -> Image.Image:
        dx, dy = image.width * share, image.height * share
        x, y = chance.uniform(0, dx), chance.uniform(0, dy)
        return image.crop((round(x), round(y), round(image.width - dx + x), round(image.height - dy + y)))

    return cut


def _marked(scale: float) -> Callable[[Image.Image, Any], Image.Image]:
    def mark(image: Image.Image, chance: random.Random) -> Image.Image:
        image, side = image.copy(), round(min(image.size) * scale)
        x, y = (chance.choice([4, length - side - 4]) for length in image.size)
        ImageDraw.Draw(image).ellipse([x, y, x + side, y + side], fill=(230, 40, 40), outline="white", width=3)
        return image

    return mark


def _banner(image: Image.Image, chance: random.Random) -> Image.Image:
    image = image.copy()
    high = round(image.height * 0.08)
    top = chance.choice([0, image.height - high])
    ImageDraw.Draw(image).rectangle([0, top, image.width, top + high], fill=(20, 20, 20))
    return image


def _toned(power: float) -> Callable[[Image.Image, Any], Image.Image]:
    return lambda image, _: image.point([round(255 * (k / 255) ** power) for k in range(256)] * 3)


def _noisy(image: Image.Image, chance: random.Random) -> Image.Image:
    noise = np.random.default_rng(chance.randrange(1 << 30)).normal(0, 10, (image.height, image.width, 3))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def _bordered(share: float, color: str) -> Callable[[Image.Image, Any], Image.Image]:
    return lambda image, _: ImageOps.expand(image, round(max(image.size) * share), color)


CHANGES: dict[str, tuple[str, bool, Callable[[Image.Image, Any], Image.Image]]] = {
    "JPEG 60": ("A", True, lambda image, _: _saved(image, "JPEG", quality=60)),
    "JPEG 20": ("A", True, lambda image, _: _saved(image, "JPEG", quality=20)),
    "WebP 40": ("A", True, lambda image, _: _saved(image, "WEBP", quality=40)),
    "half": ("A", True, _scaled(0.5)),
    "quarter": ("A", True, _scaled(0.25)),
    "twice": ("A", True, _scaled(2, Image.Resampling.BICUBIC)),
    "brighter": ("A", True, lambda image, _: ImageEnhance.Brightness(image).enhance(1.2)),
    "darker": ("A", True, lambda image, _: ImageEnhance.Brightness(image).enhance(0.8)),
    "contrast": ("A", True, lambda image, _: ImageEnhance.Contrast(image).enhance(1.2)),
    "gray": ("A", True, lambda image, _: image.convert("L").convert("RGB")),
    "blur": ("A", True, lambda image, _: image.filter(ImageFilter.GaussianBlur(2))),
    "noise": ("A", True, _noisy),
    "crop 2 %": ("A", False, _cropped(0.02)),
    "mark": ("A", False, _marked(0.1)),
    "gamma 2": ("B", False, _toned(2.0)),
    "crop 5 %": ("B", False, _cropped(0.05)),
    "border 2 %": ("B", False, _bordered(0.02, "black")),
    "banner": ("B", False, _banner),
    "turn 1°": ("B", False, lambda image, _: image.rotate(1, Image.Resampling.BICUBIC)),
    "crop 10 %": ("C", False, _cropped(0.1)),
    "border 10 %": ("C", False, _bordered(0.1, "white")),
    "turn 5°": ("C", False, lambda image, _: image.rotate(5, Image.Resampling.BICUBIC)),
}
