"""Two callables in, how many times longer the first takes out: they take turns, so that a busy machine slows both.

ours = turns(lambda: neighbors(bits, 8), lambda: faiss_search(bits, 8), rounds=7)
print(ours)      # 0.012x (0.011..0.014), cpu 0.011x; 0.41 s against 34.2 s
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Turns:
    """Seconds of wall clock and of CPU (all threads, and child processes that have ended) of each round."""

    first: list[float]
    second: list[float]
    first_cpu: list[float]
    second_cpu: list[float]

    @property
    def ratio(self) -> float:
        """Median wall time of the first over that of the second."""
        return median(self.first) / median(self.second)

    @property
    def cpu_ratio(self) -> float:
        """The same of CPU time; infinite where the second works in a running process that does not tell."""
        second = median(self.second_cpu)
        return median(self.first_cpu) / second if second else float("inf")

    @property
    def spread(self) -> tuple[float, float]:
        """The lowest and the highest ratio of any one round."""
        ratios = [a / b for a, b in zip(self.first, self.second, strict=True)]
        return min(ratios), max(ratios)

    def __str__(self) -> str:
        low, high = self.spread
        seconds = f"{median(self.first):.3g} s against {median(self.second):.3g} s"
        return f"{self.ratio:.3g}x ({low:.3g}..{high:.3g}), cpu {self.cpu_ratio:.3g}x; {seconds}"


def turns(first: Callable[[], object], second: Callable[[], object], rounds: int = 5, warm: bool = True) -> Turns:
    """Time both `rounds` times, one after the other; who begins alternates. `warm`: run each once before, untimed."""
    if warm:
        first(), second()
    taken: dict[int, list[tuple[float, float]]] = {0: [], 1: []}
    for turn in range(rounds):
        for which in (0, 1) if turn % 2 == 0 else (1, 0):
            taken[which].append(timed((first, second)[which]))
    return Turns(*([pair[part] for pair in taken[which]] for part in (0, 1) for which in (0, 1)))


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of one call."""
    wall, cpu = time.perf_counter(), _cpu(work)
    work()
    return time.perf_counter() - wall, _cpu(work) - cpu


def _cpu(work: Callable[[], object]) -> float:
    """Seconds of this process, of its ended children, and of the running one where `work` tells them as its `cpu`."""
    children = os.times()
    other = float(getattr(work, "cpu", 0.0))
    return time.process_time() + children.children_user + children.children_system + other
