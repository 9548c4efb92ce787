"""The node "Image Deduplication" against the algorithm of ComfyUI's core node, retold here: CPU time, taking turns.

python benchmarks/comfy_node.py                     # speed, on made-up pictures without duplicates
python benchmarks/comfy_node.py --photos FOLDER     # quality, on photographs that are all different
python benchmarks/comfy_node.py --load              # what loading the pack costs

The core algorithm: 8 x 8 gray pixels, brighter than their mean or not; an image goes when at least `threshold` of the
64 bits agree with an image kept before, compared one by one.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
from PIL import Image
from turns import timed, turns

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "apps" / "comfy"))

from standin import Interruption, installed  # noqa: E402
from standin.tensor import from_numpy  # noqa: E402

SPEED = ((100, 512, 3), (500, 512, 3), (1000, 512, 3), (2000, 512, 1), (8000, 64, 1))
"""Images, side in pixels, rounds."""


def average_hash(image) -> tuple[bool, ...]:
    """64 bits of one [1, h, w, c] tensor of values 0..1."""
    levels = (image.numpy()[0] * 255).clip(0, 255).astype(np.uint8)
    gray = np.asarray(Image.fromarray(levels).convert("L").resize((8, 8), Image.Resampling.LANCZOS), np.float32)
    return tuple((gray > gray.mean()).ravel().tolist())


def core_deduplicate(images, threshold: float) -> list[int]:
    """Positions of the images that the core algorithm keeps."""
    kept: list[tuple[int, tuple[bool, ...]]] = []
    for position, image in enumerate(images):
        bits = average_hash(image)
        if all(1 - sum(a != b for a, b in zip(bits, other, strict=True)) / 64 < threshold for _, other in kept):
            kept.append((position, bits))
    return [position for position, _ in kept]


def made_up(count: int, side: int) -> list:
    """Different soft color pictures, float32 [1, side, side, 3]."""
    random, pictures = np.random.default_rng(0), []
    for _ in range(count):
        small = Image.fromarray(random.integers(0, 256, (12, 12, 3), np.uint8))
        levels = np.asarray(small.resize((side, side), Image.Resampling.BICUBIC))
        pictures.append(from_numpy(np.divide(levels, 255, dtype=np.float32)[None]))
    return pictures


def photographs(folder: Path) -> list:
    """Every picture below the folder as a 512 x 512 tensor."""
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"))
    tensors = []
    for path in found:
        with Image.open(path) as image:
            levels = np.asarray(image.convert("RGB").resize((512, 512), Image.Resampling.LANCZOS))
        tensors.append(from_numpy(np.divide(levels, 255, dtype=np.float32)[None]))
    return tensors


def speed(node, sizes) -> None:
    for count, side, rounds in sizes:
        images = made_up(count, side)
        found = turns(
            lambda images=images: core_deduplicate(images, 0.95),
            lambda images=images: node.execute(images, [0.95]),
            rounds=rounds,
            warm=False,
        )
        core, ours = (sorted(cpu)[len(cpu) // 2] for cpu in (found.first_cpu, found.second_cpu))
        print(f"| {count:,} | {side}x{side} | {core:.3g} | {ours:.3g} | {found.cpu_ratio:.1f}x |", flush=True)


def quality(node, folder: Path) -> None:
    images = photographs(folder)
    for threshold in (0.98, 0.95, 0.90):
        core = len(images) - len(core_deduplicate(images, threshold))
        ours = len(images) - len(node.execute(images, [threshold]).args[0])
        print(f"| {threshold:.2f} | {len(images)} | {core} | {ours} |", flush=True)


def load_pack() -> None:
    """The door of the pack and its four schemas, as ComfyUI asks for them at its start."""
    spec = spec_from_file_location("pack", ROOT / "__init__.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    for node in asyncio.run(module.comfy_entrypoint().get_node_list()):
        node.GET_SCHEMA()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--load", action="store_true")
    parser.add_argument("--sizes", help="for example 100x512,8000x64")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as base, installed("new", Path(base), Interruption()):
        if options.load:
            wall, cpu = timed(load_pack)
            print(f"loading the pack: {cpu * 1000:.0f} ms of CPU, {wall * 1000:.0f} ms")
            return
        from oneofeach import kernels
        from oneofeach.apps.comfy import OneOfEachImageDeduplication as Node

        print(f"kernels: {kernels.active()}; {os.cpu_count()} CPUs; {time.strftime('%Y-%m-%d')}")
        if options.photos:
            quality(Node, options.photos)
        elif options.sizes:
            given = [tuple(map(int, size.split("x"))) for size in options.sizes.split(",")]
            speed(Node, [(count, side, 1) for count, side in given])
        else:
            speed(Node, SPEED)


if __name__ == "__main__":
    main()
