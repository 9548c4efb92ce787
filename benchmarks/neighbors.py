"""Neighbors and groups: against faiss-cpu, the NumPy twin, ten times the rows, and dense clusters.

    python benchmarks/neighbors.py faiss twin growth skew groups

Each name is one section of its own; `faiss` makes an environment of its own in a temporary folder. In the
environment, ROUNDS says how many turns each takes and QUERIES how many rows faiss is asked for.
"""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from unittest import mock

import numpy as np
from keys import Bytes, natural, skewed
from turns import timed, turns

from oneofeach import kernels
from oneofeach.stages.grouping import keeper_first
from oneofeach.stages.neighbors import Bounded, bounded, neighbors
from oneofeach.tables import EVIDENCE, Floats, Mask, Pairs, Rows

MILLION = 1_000_000
QUERIES = int(os.environ.get("QUERIES", "20000"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
WORKER = """
import sys, time, faiss, numpy
faiss.omp_set_num_threads(1)
rows = numpy.load(sys.argv[1])
index = faiss.IndexBinaryFlat(rows.shape[1] * 8)
index.add(rows)
print(faiss.__version__, flush=True)
for line in sys.stdin:
    radius, start, stop = map(int, line.split())
    limits, _, _ = index.range_search(rows[start:stop], radius + 1)
    print(int(limits[-1]), time.process_time(), flush=True)
"""


class Faiss:
    """A flat binary index on one thread, in a process and an environment of its own."""

    def __init__(self, rows: Bytes, folder: str) -> None:
        np.save(f"{folder}/rows.npy", rows)
        venv.create(f"{folder}/venv", with_pip=True)
        python = f"{folder}/venv/bin/python"
        subprocess.run([python, "-m", "pip", "install", "-q", "faiss-cpu", "numpy"], check=True)
        command = [python, "-c", WORKER, f"{folder}/rows.npy"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.version = self._answer()
        self.found, self.cpu = 0, 0.0

    def _answer(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def search(self, radius: int) -> None:
        """All rows near each of the first QUERIES rows, themselves included."""
        print(radius, 0, QUERIES, file=self.process.stdin, flush=True)
        found, cpu = self._answer().split()
        self.found, self.cpu = int(found), float(cpu)


def against_faiss() -> None:
    """One thread each; faiss answers QUERIES of the rows, and its time is scaled to all of them."""
    rows = natural(MILLION)
    with tempfile.TemporaryDirectory() as folder:
        faiss = Faiss(rows, folder)
        print(f"faiss-cpu {faiss.version}")
        for radius in (8, 12):
            i, j, _ = neighbors(rows, radius)
            before = faiss.cpu
            ours, theirs = partial(neighbors, rows, radius, workers=1), partial(faiss.search, radius)
            taken = turns(ours, theirs, rounds=ROUNDS, warm=False)
            assert faiss.found == (i < QUERIES).sum() + (j < QUERIES).sum() + QUERIES
            scale = MILLION / QUERIES
            cpu = (faiss.cpu - before) / ROUNDS * scale / median(taken.first_cpu)
            print(f"radius {radius}: {scale / taken.ratio:.0f}x faster than faiss, {cpu:.0f}x by CPU time; ", end="")
            print(f"{taken}; {len(i)} pairs", flush=True)
        faiss.process.communicate()


def against_twin() -> None:
    rows = natural(MILLION)

    def in_numpy() -> None:
        with mock.patch.object(kernels, "compiled", None):
            neighbors(rows, 8, workers=1)

    print("NumPy against compiled:", turns(in_numpy, lambda: neighbors(rows, 8, workers=1), rounds=ROUNDS, warm=False))


def growth() -> None:
    """Keys at the radius of 0.95."""
    many = natural(10 * MILLION)
    few = many[:MILLION].copy()
    print("10 M against 1 M:", turns(lambda: neighbors(many, 8), lambda: neighbors(few, 8), rounds=ROUNDS, warm=False))
    print(f"peak {peak():.2f} GB")


class ByDistance:
    """Unlisted pairs whose similarity is the share of equal bits."""

    def __init__(self, near: Bounded, rows: Bytes) -> None:
        self.near, self.words = near, rows.view(np.uint64)

    @property
    def dense(self) -> Mask:
        return self.near.dense

    def around(self, row: int) -> Rows:
        return self.near.around(row)

    def similarity(self, row: int, others: Rows) -> Floats:
        return np.asarray(1 - np.bitwise_count(self.words[others] ^ self.words[row]).sum(1) / 64)


def grouped(rows: Bytes, radius: int) -> int:
    n = len(rows)
    near = bounded(np.arange(n), rows, n, radius, limit=2 * n)
    words = rows.view(np.uint64)
    similarity = 1 - np.bitwise_count(words[near.i] ^ words[near.j]).sum(1) / 64
    unlisted = ByDistance(near, rows) if near.dense.any() else None
    pairs = Pairs(0.5, near.i, near.j, similarity, np.zeros(len(near.i), EVIDENCE), np.arange(n), unlisted=unlisted)
    return int(keeper_first(np.arange(n), pairs, np.ones(n, bool), 1 - radius / 64).kept.sum())


def skew() -> None:
    plain = natural(MILLION)
    dense = skewed(plain)
    for radius in (8, 3):
        taken = turns(partial(grouped, dense, radius), partial(grouped, plain, radius), rounds=ROUNDS, warm=False)
        print(f"radius {radius}, 50,000 clones and a clique of 10,000 against none: {taken}; peak {peak():.2f} GB")


def groups() -> None:
    """10 M rows in an order at random, 50 M pairs from anywhere to anywhere."""
    rng = np.random.default_rng(0)
    n, m = 10 * MILLION, 50 * MILLION
    i = np.sort(rng.integers(0, n - 1, m))
    j = i + 1 + rng.integers(0, n, m) % (n - 1 - i)
    similarity = rng.integers(9000, 10001, m) / 10000
    pairs = Pairs(0.8, i, j, similarity, np.zeros(0, EVIDENCE), np.arange(n))
    order, readable, before = rng.permutation(n), np.ones(n, bool), peak()
    wall, cpu = timed(lambda: keeper_first(order, pairs, readable, 0.9))
    print(f"10 M rows, 50 M pairs: {wall:.1f} s, cpu {cpu:.1f} s; {peak() - before:.2f} GB beside the pairs")


def peak() -> float:
    """Gigabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


SECTIONS: dict[str, Callable[[], None]] = {
    "faiss": against_faiss,
    "twin": against_twin,
    "growth": growth,
    "skew": skew,
    "groups": groups,
}

if __name__ == "__main__":
    model = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "")
    print(f"{model.partition(': ')[2]}, {os.cpu_count()} processors, Python {platform.python_version()}", end="")
    print(f", NumPy {np.__version__}, kernels {kernels.active()}, load {os.getloadavg()[0]:.1f}")
    for name in sys.argv[1:] or SECTIONS:
        print(f"-- {name}", flush=True)
        SECTIONS[name]()
