"""What the distributed engine adds to the local join, and what its plan costs for a billion images.

python benchmarks/cluster.py overhead [ROWS [WORKERS]]  the join of synthetic keys here, and on Ray, in turns
python benchmarks/cluster.py simulate                   tasks measured at several sizes, then the plan for 10^8 to 10^10
"""

from __future__ import annotations

import heapq
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from math import comb
from pathlib import Path
from typing import NamedTuple

import numpy as np
from keys import natural
from PIL import Image
from skimage import data
from turns import turns

from oneofeach import scan
from oneofeach.engines.ray.cluster import Cluster
from oneofeach.engines.ray.density import choose_dense
from oneofeach.engines.ray.estimate import estimate
from oneofeach.engines.ray.identical import gather_identical
from oneofeach.engines.ray.job import Job
from oneofeach.engines.ray.keys import gather_keys
from oneofeach.engines.ray.match import find_candidates
from oneofeach.engines.ray.parts import encoded
from oneofeach.engines.ray.settings import Settings, block_rows, scan_part
from oneofeach.engines.ray.shards import Listing, Shard
from oneofeach.matching import LISTED, LISTED_PER_ROW
from oneofeach.stages.fingerprints.oneofeach import OneOfEach
from oneofeach.stages.neighbors import bounded, identical
from oneofeach.stages.neighbors.plan import COMPILED

THRESHOLD = 0.95
ROUNDS = int(os.environ.get("ROUNDS", "3"))
SHARD = 250_000
CORES = (64, 256)
BY_CHANCE = 1.2e-8  # share of pairs of unlike keys within radius 8: `natural` keys without planted duplicates
READ = 200e6  # bytes per second and core that storage delivers: an assumption
DECODE = 0.002  # core-seconds per image: an assumption, see benchmarks/README.md for measured ones
DISPATCH = 0.004  # seconds of the driver per task, measured by `overhead`


def bits_of(rows: int, seed: int = 0) -> np.ndarray:
    """uint8[rows, bits/8]: natural search keys; the other bits are those of the key again."""
    width = OneOfEach.bits // 8
    return np.tile(natural(rows, seed=seed), (1, width // 8))


def digests_of(bits: np.ndarray) -> np.ndarray:
    """uint8[n, 16], equal for equal keys only: the finalizer of MurmurHash3, which is a permutation, and once more."""
    words = bits[:, :8].copy().view(np.uint64)
    digests = []
    for _ in range(2):
        for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
            words = (words ^ words >> np.uint64(33)) * np.uint64(factor)
        words = words ^ words >> np.uint64(33)
        digests.append(words)
    return np.hstack(digests).view(np.uint8)


def write_parts(settings: Settings, bits: np.ndarray) -> Listing:
    """Scan parts as a scan would leave them, without descriptors."""
    shards, counts = [], {}
    for number, start in enumerate(range(0, len(bits), SHARD)):
        part = bits[start : start + SHARD]
        columns = {"key": [""] * len(part), "bits": part, "error": [""] * len(part)}
        columns["digest"] = digests_of(part)
        counts[scan_part(number)] = {"rows": len(part)}
        settings.store.write(scan_part(number), encoded(columns, counts[scan_part(number)]))
        shards.append(Shard(f"{number}.tar", 0, len(part)))
    settings.store.write_json("scan.json", {"parts": counts})
    return Listing(shards, {}, "")


def here(bits: np.ndarray) -> int:
    """What the local engine does with them, on one thread: identical rows, then the candidates among the others."""
    method, n = OneOfEach(), len(bits)
    same = identical(bits, bits[:, :0], np.zeros(n, np.uint8))
    rows = np.flatnonzero(same == np.arange(n))
    of, keys = method.keys(bits[rows])
    return len(bounded(rows[of], keys, n, method.radius(THRESHOLD), max(LISTED, LISTED_PER_ROW * n), workers=1).i)


def there(job: Job, round_number: list[int]) -> None:
    """The same on the cluster: the stages from keys to candidates, in a work folder of their own."""
    round_number[0] += 1
    work = Path(job.settings.root).with_name(f"round-{round_number[0]}")
    work.mkdir()
    for name in ("scan", "scan.json"):
        (work / name).symlink_to(Path(job.settings.root) / name)
    one = replace(job, settings=replace(job.settings, root=str(work)), stages={})
    one.keys(), one.identical(), one.density(), one.candidates()


def overhead(rows: int, workers: int) -> None:
    bits = bits_of(rows)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(f"{folder}/work", "oneofeach-1", THRESHOLD)
        listing = write_parts(settings, bits)
        began = time.perf_counter()
        with Cluster("", workers) as cluster:
            print(f"Ray with {workers} workers: started in {time.perf_counter() - began:.1f} s")
            rounds, job = [0], Job(settings, cluster, listing)
            print(f"Ray/local  {turns(lambda: there(job, rounds), lambda: here(bits), rounds=ROUNDS)}")


class Cost(NamedTuple):
    """CPU seconds of a task, and the bytes of memory that it took more than it had."""

    seconds: float
    memory: int


def task_cost(act: Callable[[], object]) -> Cost:
    """In a process of its own, as a worker is one."""
    reader, writer = os.pipe()
    if child := os.fork():
        os.close(writer)
        with open(reader) as answer:
            seconds, memory = answer.read().split()
        os.waitpid(child, 0)
        return Cost(float(seconds), int(memory))
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak
    began, before = time.process_time(), resident("VmRSS")
    act()
    os.write(writer, f"{time.process_time() - began} {resident('VmHWM') - before}".encode())
    os._exit(0)


def resident(name: str) -> int:
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith(name))) * 1024


def block_costs(size: int) -> tuple[Cost, Cost, Cost]:
    """Of the tasks of two blocks: gathering the keys of one, joining it with itself, and with the other."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(folder, "oneofeach-1", THRESHOLD, block_rows=size)
        write_parts(settings, bits_of(2 * size))
        gathered = task_cost(lambda: gather_keys(settings, 0))
        gather_keys(settings, 0), gather_keys(settings, 1), gather_identical(settings, 0)
        choose_dense(settings, ())
        return gathered, *(task_cost(lambda b=b: find_candidates(settings, 0, b)) for b in (0, 1))


def pictures() -> list[Image.Image]:
    """256 crops of the photos that scikit-image brings, in turns."""
    photos = [Image.fromarray(photo) for photo in (data.astronaut(), data.chelsea(), data.coffee(), data.rocket())]
    return [photo.crop((k % 12, k % 7, *photo.size)) for k in range(64) for photo in photos]


def verify_cost() -> float:
    """CPU seconds per candidate of one verification: half of them of one photo, half of two."""
    catalog = scan(pictures(), workers=1)
    i = np.arange(len(catalog) - 4)
    rows = np.concatenate([i, i]), np.concatenate([i + 4, i + 1])
    began = time.process_time()
    OneOfEach().similarity(catalog.bits, catalog.descriptors, *rows, THRESHOLD)
    return (time.process_time() - began) / len(rows[0])


def simulate() -> None:
    sizes = (500_000, 1_000_000, 2_000_000, 4_000_000)
    print("rows per block   keys of one   with itself   with another (CPU seconds)   bytes of memory per row of both")
    found = []
    for size in sizes:
        found.append(block_costs(size))
        keys, own, other = found[-1]
        seconds = f"{keys.seconds:>13.2f} {own.seconds:>13.2f} {other.seconds:>14.2f}"
        print(f"{size:>14,} {seconds} {other.memory / 2 / size:>32,.0f}")
    candidate = verify_cost()
    print(f"verification: {candidate * 1e6:,.0f} microseconds per candidate")
    per_key = found[-1][0].seconds / sizes[-1]

    def cross(size: float) -> float:
        """Between measured sizes along the line, beyond them with the square."""
        seconds = float(np.exp(np.interp(np.log(size), np.log(sizes), np.log([one[2].seconds for one in found]))))
        return seconds * max(1.0, size / sizes[-1]) ** 2

    print(
        "\n     images  block rows    tasks      keys      join    verify      scan  core-hours  "
        + "  ".join(f"{c} cores" for c in CORES)
        + "  work folder"
    )
    for images in (10**8, 10**9, 10**10):
        size = block_rows(images)
        blocks = -(-images // size)
        load = 2 * size * (OneOfEach.bits // 8 + OneOfEach.key_bits // 8 + 4) / READ
        tasks = blocks * (blocks + 1) // 2
        keys, match, scanned = images * per_key, tasks * (cross(size) + load), images * DECODE
        verify = candidate * (images + BY_CHANCE * images**2 / 2)
        all_of_it = keys + match + verify + scanned
        walls = [(scanned + keys + verify) / cores + _makespan(blocks, cross(size) + load, cores) for cores in CORES]
        hours = "  ".join(f"{wall / 3600:>6.1f} h" for wall in walls)
        print(
            f"{images:>11.0e} {size:>11,} {tasks:>8,} {keys / 3600:>9,.1f} {match / 3600:>9,.0f}"
            f" {verify / 3600:>9,.0f} {scanned / 3600:>9,.0f} {all_of_it / 3600:>11,.0f}  {hours}"
            f"  {estimate(pictures(), THRESHOLD, 'oneofeach-1', images).part_bytes / 1e12:>8.2f} TB"
        )
    _crossover()


def _crossover() -> None:
    """Blocks look keys up anew for every pair of blocks; a shuffle by bands would move every probe once.

    Both compare the same candidates. Three bands of 21 bits within 2 flips are exact at radius 8 of 64 bits.
    """
    probes = 3 * sum(comb(21, flips) for flips in range(3))
    print("\n     images   look-ups of blocks   moving probes by a shuffle   (core-hours, beside the same candidates)")
    for images in (10**9, 3 * 10**9, 10**10, 3 * 10**10):
        pairs = (images / block_rows(images)) ** 2 / 2
        lookups = pairs * (2**21 * probes * COMPILED.lookup + 6 * block_rows(images) * COMPILED.row) * 1e-9
        moved = images * probes * 16 * 2 / READ
        print(f"{images:>11.0e} {lookups / 3600:>20,.0f} {moved / 3600:>28,.0f}")


def _makespan(blocks: int, seconds: float, cores: int) -> float:
    """Wall seconds of all block pairs, handed out in turn; a block with itself takes half."""
    free, now = [0.0] * cores, 0.0
    for a in range(blocks):
        for b in range(a, blocks):
            now += DISPATCH
            heapq.heappushpop(free, max(free[0], now) + (seconds if b > a else seconds / 2))
    return max(free)


if __name__ == "__main__":
    if sys.argv[1:2] == ["overhead"]:
        rows, workers = [*map(int, sys.argv[2:]), *(4_000_000, 1)[len(sys.argv) - 2 :]]
        overhead(rows, workers)
    elif sys.argv[1:] == ["simulate"]:
        simulate()
    else:
        sys.exit(__doc__)
