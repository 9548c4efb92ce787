"""A source → what a job over it will take: core-hours, memory per worker, storage. From a measured sample and a model.

Reading and describing are measured here on images of the source itself. The join of blocks grows with the product of
their rows; its cost per million times million rows was measured by benchmarks/cluster.py, as docs/scale.md tells.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from oneofeach import plugins
from oneofeach.describe import describe_chunk
from oneofeach.engines.ray.keys import COLUMNS as KEYS
from oneofeach.engines.ray.parts import encoded
from oneofeach.engines.ray.scan import COLUMNS, columns_of
from oneofeach.engines.ray.settings import block_rows
from oneofeach.engines.ray.shards import Shard, shards_of
from oneofeach.engines.ray.store import Store
from oneofeach.errors import EmptyImageList
from oneofeach.plugins import Fingerprint
from oneofeach.seen import Seen
from oneofeach.tables import Item

MILLION = 1_000_000
SHARDS, IMAGES = 8, 128  # that are sampled
JOIN = {8: 2.1, 12: 14.0, 16: 170.0}  # core-seconds per million times million rows of two blocks, by radius
BY_CHANCE = {8: 1.2e-8, 12: 8.1e-7, 16: 6.3e-5}  # share of pairs of unlike pictures whose keys are within a radius
JOIN_BYTES = 450  # of memory per row of the two blocks of a join
VERIFY = 0.0003  # core-seconds per candidate
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
    exact = all(shard.listing or shard.stop >= 0 for shard in listing.shards)
    rows = images or _rows(listing.shards, listing.slices, sum(map(len, listed)) / len(listed))
    sample = [items[k] for items in listed for k in _spread(len(items), IMAGES // len(listed))]
    seconds, read, stored = _measured(sample, method)
    size = block_rows(rows)
    radius = min((one for one in JOIN if one >= method.radius(threshold)), default=max(JOIN))
    candidates = rows + BY_CHANCE[radius] * rows**2 / 2
    return Estimate(
        images=rows,
        exact=exact or bool(images),
        sampled=len(sample),
        scan_seconds=seconds / len(sample) * rows,
        read_bytes=int(read / len(sample) * rows),
        part_bytes=int(stored / len(sample) * rows + PAIR_BYTES * candidates),
        blocks=-(-rows // size),
        join_seconds=JOIN[radius] / 2 * (rows / MILLION) ** 2,
        verify_seconds=VERIFY * candidates,
        memory=max(1 << 30, 2 * min(size, rows) * JOIN_BYTES),
    )


def _measured(sample: Sequence[Item], method: Fingerprint) -> tuple[float, int, int]:
    """Core-seconds, bytes read and bytes stored in the work folder for the sample."""
    describe = partial(describe_chunk, method=method, seen=Seen())
    describe(sample[:1])  # what happens once per worker is not per image
    describe = partial(describe_chunk, method=method, seen=Seen())
    began = time.process_time()
    rows = describe(sample)
    seconds = time.process_time() - began
    columns = columns_of(method, sample, rows)
    whole, keys = (len(encoded({name: columns[name] for name in names}, {})) for names in (COLUMNS, KEYS))
    stored = whole + 2 * keys + ORDER_BYTES * len(sample)  # the table of all rows is about as large as the keys
    return seconds, sum(int(row.facts["bytes"]) for row in rows), stored


def _rows(shards: Sequence[Shard], slices: dict[int, Sequence[Item]], usual: float) -> int:
    known = [len(slices[n]) if n in slices else shard.stop - shard.start for n, shard in enumerate(shards)]
    return int(sum(rows if rows >= 0 else usual for rows in known))


def _spread(length: int, number: int) -> list[int]:
    return sorted(set(np.linspace(0, length - 1, number).astype(int).tolist())) if length else []
