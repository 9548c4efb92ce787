"""Many versions of a few pictures, and all that a result says of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from oneofeach.flow import Result


def versions(seed: int, count: int) -> list[np.ndarray]:
    """Soft random pictures in versions of different noise and brightness; some are equal."""
    rng = np.random.default_rng(seed)
    bases = [np.kron(rng.integers(0, 256, (6, 6, 3)), np.ones((16, 16, 1))) for _ in range(3)]
    images = []
    for _ in range(count):
        noise = rng.normal(rng.choice([0, 0, 10]), rng.choice([0, 4, 25]), (96, 96, 3))
        images.append(np.clip(bases[rng.integers(0, 3)] + noise, 0, 255).astype(np.uint8))
    return images


def told(result: Result) -> list[Any]:
    groups = [(g.row, [(d.row, d.similarity, d.evidence, d.reason) for d in g.duplicates]) for g in result.groups]
    return [groups, result.skipped, result.assignment.keeper.tolist(), result.assignment.similarity.tolist()]
