"""What the distributed engine adds to the local join, and what its plan costs for a billion images.

python benchmarks/cluster.py overhead [ROWS]  the join of synthetic keys here, and on Ray with 1 and 2 workers, in turns
python benchmarks/cluster.py simulate         blocks joined here at several sizes, then the plan at 10^8 to 10^10 rows
"""

from __future__ import annotations

import heapq
import sys
import tempfile
import time
from dataclasses import replace
from hashlib import blake2b
from math import comb
from pathlib import Path

import numpy as np
from keys import natural
from turns import turns

from oneofeach.engines.ray.candidates import join, keyed
from oneofeach.engines.ray.cluster import Cluster
from oneofeach.engines.ray.job import Job
from oneofeach.engines.ray.parts import encoded
from oneofeach.engines.ray.settings import Settings, block_rows, scan_part
from oneofeach.engines.ray.shards import Listing, Shard
from oneofeach.stages.fingerprints.oneofeach import OneOfEach
from oneofeach.stages.neighbors import identical, neighbors
from oneofeach.stages.neighbors.plan import COMPILED

THRESHOLD = 0.95
SHARD = 250_000
CORES = (64, 256)
BY_CHANCE = 1.2e-8  # share of pairs of unlike keys within radius 8: `natural` keys without planted duplicates
VERIFY = 0.0003  # core-seconds per candidate
READ = 200e6  # bytes per second and core that storage delivers: an assumption
DECODE = 0.002  # core-seconds per image: an assumption, see benchmarks/README.md for measured ones
DISPATCH = 0.004  # seconds of the driver per task, measured by `overhead`


def bits_of(rows: int, seed: int = 0) -> np.ndarray:
    """uint8[rows, bits/8]: natural search keys; the other bits are those of the key again."""
    width = OneOfEach.bits // 8
    return np.tile(natural(rows, seed=seed), (1, width // 8))


def write_parts(settings: Settings, bits: np.ndarray) -> Listing:
    """Scan parts as a scan would leave them, without descriptors."""
    shards, counts = [], {}
    for number, start in enumerate(range(0, len(bits), SHARD)):
        part = bits[start : start + SHARD]
        digests = b"".join(blake2b(row.tobytes(), digest_size=16).digest() for row in part)
        columns = {"key": [""] * len(part), "bits": part, "error": [""] * len(part)}
        columns["digest"] = np.frombuffer(digests, np.uint8).reshape(-1, 16)
        counts[scan_part(number)] = {"rows": len(part)}
        settings.store.write(scan_part(number), encoded(columns, counts[scan_part(number)]))
        shards.append(Shard(f"{number}.tar", 0, len(part)))
    settings.store.write_json("scan.json", {"parts": counts})
    return Listing(shards, {}, "")


def here(bits: np.ndarray) -> int:
    """The local engine's join on one thread: identical rows, then the keys of the others."""
    method, kinds = OneOfEach(), np.zeros(len(bits), np.uint8)
    same = identical(bits, bits[:, :0], kinds)
    _, keys = method.keys(bits[same == np.arange(len(bits))])
    return len(neighbors(keys, method.radius(THRESHOLD), workers=1)[0])


def there(job: Job, round_number: list[int]) -> None:
    """The same on the cluster: the stages keys, identical and candidates, in a work folder of their own."""
    round_number[0] += 1
    work = Path(job.settings.root).with_name(f"round-{round_number[0]}")
    work.mkdir()
    for name in ("scan", "scan.json"):
        (work / name).symlink_to(Path(job.settings.root) / name)
    one = replace(job, settings=replace(job.settings, root=str(work)), stages={})
    one.keys(), one.identical(), one.candidates()


def overhead(rows: int) -> None:
    bits = bits_of(rows)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(f"{folder}/work", "oneofeach-1", THRESHOLD)
        listing = write_parts(settings, bits)
        for workers in (1, 2):
            began = time.perf_counter()
            with Cluster("", workers) as cluster:
                print(f"Ray with {workers} workers: started in {time.perf_counter() - began:.1f} s")
                rounds = [workers * 100]
                job = Job(settings, cluster, listing)
                print(f"Ray/local  {turns(lambda: there(job, rounds), lambda: here(bits), rounds=3)}")  # noqa: B023


def joined(left: np.ndarray, right: np.ndarray | None) -> float:
    """CPU seconds of one match task: keys, join and candidates of two blocks."""
    method = OneOfEach()
    began = time.process_time()
    a = keyed(method, np.arange(len(left)), left)
    b = a if right is None else keyed(method, np.arange(len(left), len(left) + len(right)), right)
    for _ in join(method, THRESHOLD, a, b).batches(0, 1):
        pass
    return time.process_time() - began


def simulate() -> None:
    sizes = (500_000, 1_000_000, 2_000_000, 4_000_000)
    print("rows per block   with itself    with another     (CPU seconds)")
    selves, others = [], []
    for size in sizes:
        both = bits_of(2 * size)
        selves.append(joined(both[:size], None))
        others.append(joined(both[:size], both[size:]))
        print(f"{size:>14,} {selves[-1]:>13.2f} {others[-1]:>15.2f}")

    def cross(size: float) -> float:
        """Between measured sizes along the line, beyond them with the square."""
        seconds = float(np.exp(np.interp(np.log(size), np.log(sizes), np.log(others))))
        return seconds * max(1.0, size / sizes[-1]) ** 2

    print(
        "\n     images  block rows    tasks  read      join    verify      scan  core-hours  "
        + "  ".join(f"{c} cores" for c in CORES)
    )
    for images in (10**8, 10**9, 10**10):
        size = block_rows(images)
        blocks = -(-images // size)
        load = 2 * size * (OneOfEach.bits // 8 + 17) / READ
        tasks = blocks * (blocks + 1) // 2
        match, scan = tasks * (cross(size) + load), images * DECODE
        verify = VERIFY * (images + BY_CHANCE * images**2 / 2)
        walls = [(scan + verify) / cores + _makespan(blocks, cross(size) + load, cores) for cores in CORES]
        hours = "  ".join(f"{wall / 3600:>6.1f} h" for wall in walls)
        print(
            f"{images:>11.0e} {size:>11,} {tasks:>8,} {tasks * load / 3600:>5.0f} {tasks * cross(size) / 3600:>9,.0f}"
            f" {verify / 3600:>9,.0f} {scan / 3600:>9,.0f} {(match + verify + scan) / 3600:>11,.0f}  {hours}"
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
        overhead(int(sys.argv[2]) if len(sys.argv) > 2 else 4_000_000)
    elif sys.argv[1:] == ["simulate"]:
        simulate()
    else:
        sys.exit(__doc__)
