"""The parts of a finished job → the tables of one machine, equal to what the local engine makes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, overload

import numpy as np

from oneofeach.engines.ray.crowd import crowd_of
from oneofeach.engines.ray.identical import same_in
from oneofeach.engines.ray.job import Job
from oneofeach.engines.ray.parts import concatenated, read
from oneofeach.engines.ray.settings import scan_part
from oneofeach.tables import EVIDENCE, FACTS, Catalog, Item, Pairs


class Items(Sequence[Item]):
    """All items of a job, by row. Those of tar and Parquet files are listed again when they are asked for."""

    def __init__(self, job: Job) -> None:
        self._job, self._starts = job, job.settings.offsets().tolist()
        self._listed = lru_cache(maxsize=64)(self._list)

    def __len__(self) -> int:
        return int(self._starts[-1])

    @overload
    def __getitem__(self, row: int) -> Item: ...

    @overload
    def __getitem__(self, row: slice) -> Sequence[Item]: ...

    def __getitem__(self, row: int | slice) -> Item | Sequence[Item]:
        if isinstance(row, slice):
            return [self[one] for one in range(*row.indices(len(self)))]
        if not -len(self) <= row < len(self):
            raise IndexError(row)
        row %= len(self)
        shard = bisect_right(self._starts, row) - 1
        item: Item = self._listed(shard)[row - self._starts[shard]]
        return item

    def __iter__(self) -> Iterator[Item]:
        for shard in range(len(self._starts) - 1):
            yield from self._listed(shard)

    def _list(self, number: int) -> Sequence[Item]:
        rows = self._starts[number + 1] - self._starts[number]
        shard = self._job.listing.shards[number]
        items = self._job.listing.slices.get(number) or shard.items(self._job.settings.store)
        return items if len(items) == rows else [Item(f"{shard.path}#", shard.path)] * rows


def catalog_of(job: Job) -> Catalog:
    """The catalog, with all descriptors in memory: about 2.7 KB per image."""
    store, names = job.settings.store, [scan_part(number) for number in range(len(job.listing.shards))]
    batches = [read(store, name, "facts", "bits", "descriptor", "error", "note") for name in names]
    facts, bits, descriptors, errors, notes = concatenated(batches, [])
    links = np.zeros(len(bits), bool)
    links[job.links()] = True
    return Catalog(
        job.settings.fingerprint,
        Items(job),
        np.ascontiguousarray(facts).view(FACTS).reshape(-1),
        bits,
        descriptors,
        {row: text for row, text in enumerate(errors) if text},
        {row: text for row, text in enumerate(notes) if text},
        reference=np.arange(len(bits)) >= job.settings.own,
        links=links,
    )


def tables_of(job: Job) -> tuple[Catalog, Pairs]:
    """The catalog, and all pairs at or above the floor; where a crowd has too many, what answers for those missing."""
    catalog, pairs = catalog_of(job), pairs_of(job)
    if not job.crowded:
        return catalog, pairs
    heads = np.flatnonzero(catalog.readable & ~catalog.reference & (pairs.same == np.arange(len(catalog))))
    return catalog, replace(pairs, unlisted=crowd_of(job.settings, catalog, heads))


def pairs_of(job: Job) -> Pairs:
    """All pairs that are listed, sorted."""
    empty: list[Any] = [np.zeros(0, np.int64)] * 2 + [np.zeros(0), np.zeros((0, EVIDENCE.itemsize), np.uint8)]
    batches = [
        read(job.settings.store, part, "i", "j", "similarity", "evidence")
        for part, counts in job.pairs().items()
        if counts["rows"]
    ]
    i, j, similarity, evidence = concatenated(batches, empty)
    order = np.lexsort((j, i))
    records = np.ascontiguousarray(evidence).view(EVIDENCE).reshape(-1)
    same = same_in(job.settings, 0, job.settings.rows)
    return Pairs(job.settings.floor, i[order], j[order], similarity[order], records[order], same)
