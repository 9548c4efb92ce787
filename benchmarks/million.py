"""A million entries: memory of a scan that stores them, size of the index, and how fast it answers.

python benchmarks/million.py --entries 1000000 --folder /tmp/million          # fills an index, and asks it
python benchmarks/million.py --entries 1000000 --folder /tmp/million --asked  # asks the one that is there
Nothing is decoded: descriptions are random, so that only what this package keeps of an image is measured.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from oneofeach import plugins
from oneofeach.assembly import Assembly
from oneofeach.describe import describe_all
from oneofeach.index import Index
from oneofeach.stages import decode
from oneofeach.tables import FACTS, Description, Item

METHOD = plugins.load("fingerprints", "oneofeach-1")()


def described(number: int) -> Description:
    random = np.random.default_rng(number)
    facts = np.zeros(1, FACTS)[0]
    facts["content"] = random.integers(0, 256, 32, np.uint8)
    facts["width"] = facts["height"] = 512
    bits = random.integers(0, 256, METHOD.bits // 8, np.uint8)
    return Description(facts, bits, random.integers(0, 256, METHOD.descriptor_bytes, np.uint8))


def engine(function: Callable[..., Any], chunks: Iterable[list[Item]], *, workers: int) -> Iterator[list[Description]]:
    """In place of decoding."""
    for chunk in chunks:
        yield [described(item.inode) for item in chunk]


def peak() -> float:
    """MB resident at the most, so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1 << 20)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--entries", type=int, default=1_000_000)
    options.add_argument("--folder", type=Path, default=Path("/tmp/million"))
    options.add_argument("--asked", action="store_true")
    chosen = options.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    path = chosen.folder / f"index-{chosen.entries}.sqlite"
    if not chosen.asked:
        fill(path, chosen.entries)
    ask(path, chosen.entries)


def fill(path: Path, entries: int) -> None:
    """Two scans, and what they take."""
    for end in ("", "-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)
    items = [
        Item(f"{n // 1000:04}/{n:07}.jpg", f"/data/images/{n // 1000:04}/{n:07}.jpg", None, 100_000 + n, 10**18 + n, n)
        for n in range(entries)
    ]
    print(f"{len(items):,} items: {peak():,.0f} MB", flush=True)
    for name in ("first", "second"):
        started, assembly = time.perf_counter(), Assembly(items, METHOD)
        with Index(path) as index:
            describe_all(assembly, METHOD, engine, 1, index.images(METHOD, decode.VERSION, decode.tools()))
        assembly.catalog()
        print(f"{name} scan: {time.perf_counter() - started:.0f} s, at most {peak():,.0f} MB resident", flush=True)
        del assembly
    print(f"index: {os.path.getsize(path) / len(items):,.0f} bytes per image", flush=True)


def ask(path: Path, entries: int) -> None:
    """Opening, and one question each for fifty entries."""
    started, cpu = time.perf_counter(), time.process_time()
    with Index(path) as index:
        keys = index.keys(METHOD, decode.VERSION)
        print(f"opening: {time.perf_counter() - started:.2f} s, cpu {time.process_time() - cpu:.2f} s", flush=True)
        taken, found, cpu = [], 0, time.process_time()
        for number in range(0, entries, entries // 50):
            asked = described(number)
            started = time.perf_counter()
            keys.refresh()
            found += len(keys.nearest(asked, 0.95))
            taken.append(time.perf_counter() - started)
        cpu = (time.process_time() - cpu) / len(taken)
    times = (
        f"median {median(taken) * 1000:.1f} ms, worst {max(taken) * 1000:.1f} ms, cpu {cpu * 1000:.1f} ms on average"
    )
    print(f"a question: {times}; {found} found")


if __name__ == "__main__":
    main()
