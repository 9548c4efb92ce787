"""A source → what a job over it will take: core-hours, memory per worker, storage. From a measured sample and a model.

Reading and describing are measured here on images of the source itself, and memory in a process that does what a worker
does. How long the join of two blocks takes grows with the product of their rows; what it takes per million times
million was measured by benchmarks/cluster.py, as docs/scale.md tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from oneofeach import plugins
from oneofeach.engines.ray.settings import block_rows
from oneofeach.engines.ray.shards import Listing, shards_of
from oneofeach.engines.ray.store import Store
from oneofeach.engines.ray.weighing import Joined, Scanned, join_cost, scan_cost, weighed
from oneofeach.errors import EmptyImageList
from oneofeach.plugins import Fingerprint

MILLION = 1_000_000
SHARDS, IMAGES = 8, 128  # that are sampled
JOIN = {8: 0.9, 12: 14.0, 16: 170.0}  # core-seconds per million times million rows of two blocks, by radius
BY_CHANCE = {8: 1.2e-8, 12: 8.1e-7, 16: 6.3e-5}  # share of pairs of unlike pictures whose keys are within a radius
VERIFY = 0.00005  # core-seconds per candidate
PAIR_BYTES = 16  # per candidate
ORDER_BYTES = 40  # per image, for the default keep rules


@dataclass(frozen=True)
class Estimate:
    """exact: whether the number of images is known; else it is taken from the sampled files."""

    images: int
    exact: bool
    sampled: int
    scan_seconds: float
    read_bytes: int
    part_bytes: int
    blocks: int
    join_seconds: float
    verify_seconds: float
    memory: int

    @property
    def core_hours(self) -> float:
        return (self.scan_seconds + self.join_seconds + self.verify_seconds) / 3600


def estimate(source: Any, threshold: float, fingerprint: str, images: int = 0) -> Estimate:
    """Measure a sample of the source on this machine. images: plan for so many instead. EmptyImageList."""
    listing = shards_of(source, 512)
    method: Fingerprint = plugins.load("fingerprints", fingerprint)()
    chosen = sorted(set(np.linspace(0, len(listing.shards) - 1, SHARDS).astype(int))) if listing.shards else []
    listed = [listing.slices.get(number) or listing.shards[number].items(Store("")) for number in chosen]
    if not any(listed):
        raise EmptyImageList
    counted, exact = rows_of(listing, {number: len(items) for number, items in zip(chosen, listed, strict=True)})
    rows = images or counted
    sample = [items[k] for items in listed for k in _spread(len(items), IMAGES // len(listed))]
    scanned: Scanned = weighed(scan_cost, sample, fingerprint)
    joined: Joined = weighed(join_cost, fingerprint, threshold)
    each = 1 / len(sample)
    stored = (scanned.stored + 2 * scanned.keys) * each + ORDER_BYTES  # the table of all rows is about as large as keys
    size = block_rows(rows)
    radius = min((one for one in JOIN if one >= method.radius(threshold)), default=max(JOIN))
    candidates = rows + BY_CHANCE[radius] * rows**2 / 2
    return Estimate(
        images=rows,
        exact=exact or bool(images),
        sampled=len(sample),
        scan_seconds=scanned.seconds * each * rows,
        read_bytes=int(scanned.read * each * rows),
        part_bytes=int(stored * rows + PAIR_BYTES * candidates),
        blocks=-(-rows // size),
        join_seconds=JOIN[radius] / 2 * (rows / MILLION) ** 2,
        verify_seconds=VERIFY * candidates,
        memory=joined.process + max(scanned.memory, int(2 * min(size, rows) * joined.row)),
    )


def rows_of(listing: Listing, sampled: dict[int, int]) -> tuple[int, bool]:
    """The number of images, and whether all were counted. sampled: that of some shards; the others are like them."""
    known = sampled | {number: len(items) for number, items in listing.slices.items()}
    known |= {number: shard.stop - shard.start for number, shard in enumerate(listing.shards) if shard.stop >= 0}
    usual, others = sum(sampled.values()) / len(sampled), len(listing.shards) - len(known)
    return int(sum(known.values()) + usual * others), not others


def _spread(length: int, number: int) -> list[int]:
    return sorted(set(np.linspace(0, length - 1, number).astype(int).tolist())) if length else []
