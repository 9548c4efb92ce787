"""The node "Image Deduplication" against the algorithm of ComfyUI's core node, retold here: CPU time, taking turns.

python benchmarks/comfy_node.py                     # speed, on made-up pictures without duplicates; takes 5 minutes
python benchmarks/comfy_node.py --sizes 500x512x3,8000x64     # some of it: images, side in pixels, rounds (1)
python benchmarks/comfy_node.py --growth            # ours alone, of 1,000 to 16,000 images
python benchmarks/comfy_node.py --photos FOLDER     # quality, on photographs that are all different
python benchmarks/comfy_node.py --load              # what loading the pack costs
python benchmarks/comfy_node.py --core ~/ComfyUI    # is the core algorithm retold fairly?

The core algorithm: 8 x 8 gray pixels, brighter than their mean or not; an image goes when at least `threshold` of the
64 bits agree with an image kept before, compared one by one in Python. --core PATH times a real ComfyUI's own node
beside the retold one, on the same tensors, to show that it is retold fairly; it needs the interpreter of that ComfyUI.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import sys
import tempfile
import time
from functools import partial
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
WARM = 16  # images
DOUBLED = (1000, 2000, 4000, 8000, 16000)


def average_hash(image) -> str:
    """64 bits of one [1, h, w, c] tensor of values 0..1: a PIL image of the tensor, 8 x 8 pixels of it, gray."""
    levels = (image.numpy()[0] * 255).clip(0, 255).astype(np.uint8)
    small = Image.fromarray(levels).resize((8, 8), Image.Resampling.LANCZOS).convert("L")
    gray = np.asarray(small).ravel().tolist()
    mean = sum(gray) / len(gray)
    return "".join("1" if level > mean else "0" for level in gray)


def core_deduplicate(images, threshold: float, seconds: float = math.inf) -> list[int]:
    """Positions of the images that the core algorithm keeps. seconds: of CPU, after which it is given up."""
    end = time.process_time() + seconds
    hashes, kept = [average_hash(image) for image in images], []
    for position, bits in enumerate(hashes):
        if time.process_time() > end:
            print(f"core algorithm given up after {seconds:.0f} s: {position:,} of {len(images):,} images compared")
            break
        for other in kept:
            distance = sum(a != b for a, b in zip(bits, hashes[other]))  # noqa: B905 - as the core node does
            if 1.0 - distance / 64.0 >= threshold:
                break
        else:
            kept.append(position)
    return kept


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


def speed(node, sizes, seconds: float) -> None:
    for count, side, rounds in sizes:
        images = made_up(count, side)
        core = partial(core_deduplicate, threshold=0.95, seconds=seconds)
        ours = partial(node.execute, similarity_threshold=[0.95])
        core(images[:WARM]), ours(images[:WARM])  # what they import is not counted
        found = turns(partial(core, images), partial(ours, images), rounds=rounds, warm=False)
        theirs, own = (sorted(cpu)[len(cpu) // 2] for cpu in (found.first_cpu, found.second_cpu))
        print(f"| {count:,} | {side}x{side} | {theirs:.3g} | {own:.3g} | {theirs / own:.1f} |", flush=True)


def growth(node, side: int = 64) -> None:
    """CPU seconds of ours, least of five, and each over twice those of half as many images."""
    images, before = made_up(DOUBLED[-1], side), 0.0
    node.execute(images[:WARM], [0.95])
    for count in DOUBLED:
        least = min(timed(partial(node.execute, images[:count], [0.95]))[1] for _ in range(5))
        print(f"{count:,} images of {side}x{side}: {least:.3f} s" + (f", {least / before / 2:.2f}" if before else ""))
        before = least


def fairness(path: Path, count: int = 200, side: int = 512) -> None:
    """CPU seconds of the core node itself and of its algorithm as retold here, and whether they keep the same."""
    sys.argv = [sys.argv[0], "--cpu"]
    sys.path.insert(0, str(path))
    import comfy.options

    comfy.options.enable_args_parsing(True)
    import torch
    from comfy_extras.nodes_dataset import ImageDeduplicationNode

    images = [torch.from_numpy(np.array(image.numpy())) for image in made_up(count, side)]
    images += images[:5]
    found, retold = both_timed(
        lambda: ImageDeduplicationNode._group_process(images, 0.95),
        lambda: [images[row] for row in core_deduplicate(images, 0.95)],
    )
    assert len(found) == len(retold)
    assert all(a is b for a, b in zip(found, retold, strict=True))


def both_timed(core, retold) -> list[list]:
    results = []
    for name, run in (("core", core), ("retold", retold)):
        started = time.process_time()
        results.append(run())
        print(f"{name}: {time.process_time() - started:.2f} s of CPU, {len(results[-1])} kept")
    return results


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
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--load", action="store_true")
    parser.add_argument("--core", type=Path)
    parser.add_argument("--sizes", type=sizes_of, default=SPEED)
    parser.add_argument("--seconds", type=float, default=math.inf, help="of CPU that the core algorithm may take")
    options = parser.parse_args()
    if options.core:
        fairness(options.core)
        return
    with tempfile.TemporaryDirectory() as base, installed("new", Path(base), Interruption()):
        if options.load:
            wall, cpu = timed(load_pack)
            print(f"loading the pack: {cpu * 1000:.0f} ms of CPU, {wall * 1000:.0f} ms")
            return
        from oneofeach import kernels
        from oneofeach.apps.comfy import OneOfEachImageDeduplication as Node

        print(f"kernels: {kernels.active()}; {os.cpu_count()} CPUs; {time.strftime('%Y-%m-%d')}")
        if options.growth:
            growth(Node)
        elif options.photos:
            quality(Node, options.photos)
        else:
            speed(Node, options.sizes, options.seconds)


def sizes_of(text: str) -> list[tuple[int, int, int]]:
    given = [tuple(map(int, size.split("x"))) for size in text.split(",")]
    return [(count, side, *(rounds or [1])) for count, side, *rounds in given]


if __name__ == "__main__":
    main()
