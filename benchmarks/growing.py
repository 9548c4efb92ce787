"""A dataset that grows: how much a second run and a hundred new images cost, and how fast an index answers.

python benchmarks/growing.py --files 100000 --folder /tmp/growing     # made once, used again
Ratios are to a bare walk (os.scandir and stat) over the same files, taking turns with it. A second run is what a second
`oneofeach find` does once Python and the package are loaded: open the index, scan, match and group.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from turns import timed, turns

import oneofeach
from oneofeach.tables import Catalog, Pairs

PER_FOLDER = 1_000
LONG_AGO = (1_600_000_000, 1_600_000_000)


def make(folder: Path, start: int, stop: int) -> None:
    """Small JPEG files, each a picture of its own."""
    random = np.random.default_rng(start)
    for number in range(start, stop):
        path = folder / f"{number // PER_FOLDER:04}" / f"{number:07}.jpg"
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        grid = random.integers(0, 256, (12, 12, 3), dtype=np.uint8)
        file = BytesIO()
        Image.fromarray(grid).resize((48, 48), Image.Resampling.NEAREST).save(file, "JPEG", quality=85)
        path.write_bytes(file.getvalue())
        os.utime(path, LONG_AGO)


def walk(folder: Path) -> int:
    """Every file's status, and nothing else."""
    found = 0
    pending = [str(folder)]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir():
                    pending.append(entry.path)
                else:
                    entry.stat()
                    found += 1
    return found


def run(folder: Path, index: str) -> tuple[Catalog, Pairs]:
    with oneofeach.Index(index) as opened:
        catalog = oneofeach.scan(str(folder), index=opened)
        pairs = oneofeach.match(catalog, index=opened)
    oneofeach.group(catalog, pairs, 0.95)
    return catalog, pairs


def added(images: Path, index: str, more: Path, number: int) -> float:
    """Seconds by which a run with 100 new images is longer than the one after it."""
    start = 10_000_000 + 1_000 * number
    make(more, start, start + 100)
    (images / "new").mkdir(exist_ok=True)
    for path in (more / f"{start // PER_FOLDER:04}").glob("*.jpg"):
        os.link(path, images / "new" / path.name)
    longer, _ = timed(lambda: run(images, index))
    without, _ = timed(lambda: run(images, index))
    return longer - without


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--files", type=int, default=100_000)
    options.add_argument("--folder", type=Path, default=Path("/tmp/growing"))
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    images, index = chosen.folder / "images", str(chosen.folder / f"index-{chosen.files}.sqlite")
    make(images, 0, chosen.files)
    for new in (images / "new").glob("*.jpg"):
        new.unlink()
    for end in ("", "-wal", "-shm"):
        Path(index + end).unlink(missing_ok=True)
    first, _ = timed(lambda: run(images, index))
    print(f"first run over {chosen.files:,} files: {first:.1f} s")
    again = turns(lambda: run(images, index), lambda: walk(images), chosen.rounds)
    print(f"second run, to a bare walk: {again}")
    with oneofeach.Index(index) as opened:
        status = opened.status()
    print(f"index: {status.bytes / status.files:,.0f} bytes per image, {status.pairs:,} pairs")
    beyond = sorted(added(images, index, chosen.folder / "more", number) for number in range(chosen.rounds))
    middle = beyond[len(beyond) // 2]
    print(
        f"100 new images, beyond a run without any: {middle:.2f} s ({beyond[0]:.2f}..{beyond[-1]:.2f}), "
        f"{middle / first:.2%} of the first run"
    )
    print(f"largest memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")
    started = time.perf_counter()
    with oneofeach.Index(index) as opened:
        asked = (chosen.folder / "more" / "10000" / "10000005.jpg").read_bytes()
        opened.query(asked)
        print(f"opening and the first question: {time.perf_counter() - started:.2f} s")
        taken = sorted(timed(lambda: opened.query(asked))[0] for _ in range(50))
        print(f"a question: median {taken[25] * 1000:.1f} ms, worst {taken[-1] * 1000:.1f} ms")


if __name__ == "__main__":
    main()
