"""Edges parts → the classes that fall, in rounds over the parts, until the driver can settle what is left.

This is the lexicographically first maximal independent set: in a round, whoever has no better undecided neighbor is
kept, and its neighbors fall. Only row numbers travel: each task writes those it learned, the driver unites them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from oneofeach.engines.ray.asking import Rest, fallen_in_crowd
from oneofeach.engines.ray.bitmap import Bitmap
from oneofeach.engines.ray.cluster import Task
from oneofeach.engines.ray.grouping import fallen_among
from oneofeach.engines.ray.job import Job, Parts
from oneofeach.engines.ray.order import orders_from
from oneofeach.engines.ray.parts import WIDE_GROUP, Counts, concatenated, encoded, read, read_rows
from oneofeach.engines.ray.settings import Settings
from oneofeach.tables import Rows


def _part(folder: str, number: int, kind: str, edges: str) -> str:
    return f"{folder}/round-{number:03}-{kind}/{edges.rpartition('/')[2]}"


def _map(folder: str, number: int, kind: str) -> str:
    """The bitmap that the driver makes of a round's parts."""
    return f"{folder}/round-{number:03}-{kind}.bits"


def open_edges(settings: Settings, folder: str, number: int, edges: str) -> Counts:
    """Edges between classes that have not fallen yet, and which classes have a better neighbor among them."""
    store, began = settings.store, time.process_time()
    if number == 0:
        i, j, i_first = read(store, edges, "i", "j", "i_first")
        better, worse, at = np.where(i_first, i, j), np.where(i_first, j, i), np.arange(len(i))
    else:
        better, worse, at = read(store, _part(folder, number - 1, "open", edges), "better", "worse", "at")
        fallen = Bitmap.load(store.read(_map(folder, number - 1, "fallen")))
        undecided = ~(fallen[better] | fallen[worse])
        better, worse, at = better[undecided], worse[undecided], at[undecided]
    counts: Counts = {"rows": len(at), "seconds": time.process_time() - began}
    learned = encoded({"row": np.unique(worse)}, counts, WIDE_GROUP)
    store.write(_part(folder, number, "beaten-rows", edges), learned)
    columns = {"better": better, "worse": worse, "at": at}
    store.write(_part(folder, number, "open", edges), encoded(columns, counts, WIDE_GROUP))
    return counts


def fall(settings: Settings, folder: str, number: int, edges: str) -> Counts:
    """Classes that fall in this round: they have a neighbor whom no one beats."""
    store, began = settings.store, time.process_time()
    better, worse = read(store, _part(folder, number, "open", edges), "better", "worse")
    beaten = Bitmap.load(store.read(_map(folder, number, "beaten")))
    rows = np.unique(worse[~beaten[better]])
    counts: Counts = {"rows": len(rows), "seconds": time.process_time() - began}
    store.write(_part(folder, number, "fallen-rows", edges), encoded({"row": rows}, counts, WIDE_GROUP))
    return counts


@dataclass(frozen=True)
class Rounds:
    """edges: the edges parts that hold any, with their numbers of edges. threshold: at or above which pairs are edges.

    crowd: the parts of rows whose pairs with each other are no edges yet. No round can tell who of these stays.
    """

    job: Job
    folder: str
    edges: dict[str, int]
    threshold: float
    crowd: Parts

    def run(self) -> str:
        """The name of the bitmap of all classes that fall."""
        settings, name = self.job.settings, f"{self.folder}/fallen.bits"
        if settings.store.exists(name):
            return name
        fallen, number = Bitmap.empty(settings.rows), 0
        left = sum(self.edges.values())
        while left > settings.driver_edges:
            were = left if number else left + 1
            left = sum(int(counts["rows"]) for counts in self._stage(number, "open", open_edges).values())
            number += 1
            if left == were:
                break  # a crowd stands in the way
            if left > settings.driver_edges:
                self._unite(number - 1, "beaten", self._crowded())
                self._stage(number - 1, "fallen-rows", fall)
                self._unite(number - 1, "fallen", fallen)
        fallen.add(self._settled(self._rest(number), fallen))
        settings.store.write(name, fallen.packed.tobytes())
        return name

    def _settled(self, rest: Rest, fallen: Bitmap) -> Rows:
        settings = self.job.settings
        if self.crowd:
            return fallen_in_crowd(settings, self.folder, self.crowd, rest, fallen, self.threshold)
        return fallen_among(rest)

    def _crowded(self) -> Bitmap:
        bits = Bitmap.empty(self.job.settings.rows)
        for part in self.crowd:
            bits.add(read(self.job.settings.store, part, "row")[0])
        return bits

    def _stage(self, number: int, kind: str, function: Callable[..., Counts]) -> Parts:
        tasks = [
            Task(function, (self.job.settings, self.folder, number, edges), _part(self.folder, number, kind, edges))
            for edges in self.edges
        ]
        return self.job.stage(f"{self.folder}/round-{number:03}-{kind}", tasks)

    def _unite(self, number: int, kind: str, bits: Bitmap) -> None:
        """Add the rows of a round's parts to a bitmap and write it for the tasks to come."""
        store = self.job.settings.store
        for edges in self.edges:
            bits.add(read(store, _part(self.folder, number, f"{kind}-rows", edges), "row")[0])
        store.write(_map(self.folder, number, kind), bits.packed.tobytes())

    def _rest(self, rounds: int) -> Rest:
        """i, j and their orders, of all edges that are open after so many rounds."""
        store, batches = self.job.settings.store, []
        for edges, number in self.edges.items():
            at = read(store, _part(self.folder, rounds - 1, "open", edges), "at")[0] if rounds else np.arange(number)
            batches.append(read_rows(store, edges, at, "i", "j", "order_i", "order_j"))
        i, j, order_i, order_j = concatenated(batches, [np.zeros(0, np.int64)] * 2 + [np.zeros((0, 8), np.uint8)] * 2)
        return Rest(i, j, orders_from(order_i), orders_from(order_j))
