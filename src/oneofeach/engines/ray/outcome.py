"""Who stays, decided on the cluster: order → classes → edges → rounds → removed → rows, each stage a manifest.

The last stage is the result for people: one table of all rows, in Parquet parts, in the order of the source.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from oneofeach.engines.ray import classes, grouping, order
from oneofeach.engines.ray.asking import asked_part
from oneofeach.engines.ray.cluster import Task
from oneofeach.engines.ray.crowd import crowd_orders_part, gather_crowd_orders
from oneofeach.engines.ray.identical import buckets
from oneofeach.engines.ray.job import Job, Parts
from oneofeach.engines.ray.parts import WIDE_GROUP, Counts, concatenated, encoded, read_range
from oneofeach.engines.ray.rounds import Rounds
from oneofeach.engines.ray.settings import SUFFIX, Settings
from oneofeach.engines.ray.table import table
from oneofeach.errors import OneOfEachError
from oneofeach.stages.preference import parse

STATUS = ("kept", "removed", "skipped", "compared with")


def rows_part(folder: str, block: int) -> str:
    return f"{folder}/rows/{block:05}{SUFFIX}"


def checked(threshold: float, keep: str) -> None:
    """What cannot be decided on a cluster; to be asked before a long scan, too. OneOfEachError, InvalidRule."""
    parse(keep)
    if threshold <= 0.0:
        hint = "Use a threshold above 0.0, or the local engine."
        raise OneOfEachError(f"At threshold 0.0 one image stands for all others\n{hint}")


@dataclass(frozen=True)
class Grouping:
    """Decides over the pairs of a finished job. Another threshold or other rules are another folder beside."""

    job: Job
    threshold: float
    keep: str

    @property
    def folder(self) -> str:
        rules = sha256(self.keep.encode()).hexdigest()[:12]
        return f"{self.job.settings.folder}/group-{self.threshold:.4f}-{rules}"

    def run(self) -> Counts:
        """All stages, in order; how many rows were seen, kept, removed and skipped."""
        checked(self.threshold, self.keep)
        settings, folder = self.job.settings, self.folder
        shards = dict(enumerate(self.job.listing.shards)) if "longest-caption" in parse(self.keep) else {}
        self._blocks("order", order.gather_orders, order.order_part, folder, self.keep, self.job.links(), shards)
        tasks = [
            Task(classes.gather_classes, (settings, folder, bucket), classes.classes_part(folder, bucket))
            for bucket in range(buckets(settings))
        ]
        self.job.stage(f"{folder}/classes", tasks)
        edges, crowd = self._edges(), self._crowd()
        fallen = Rounds(self.job, folder, edges, self.threshold, crowd).run()
        self._removed(edges, crowd, fallen)
        parts = self._blocks("rows", gather_rows, rows_part, folder)
        return {name: sum(counts[name] for counts in parts.values()) for name in ("seen", *STATUS[:3])}

    def _edges(self) -> dict[str, int]:
        settings, folder = self.job.settings, self.folder
        tasks = [
            Task(grouping.gather_edges, (settings, folder, pairs, self.threshold), grouping.edges_part(folder, pairs))
            for pairs, counts in self.job.pairs().items()
            if counts["rows"]
        ]
        parts = self.job.stage(f"{folder}/edges", tasks)
        return {part: int(counts["rows"]) for part, counts in parts.items() if counts["rows"]}

    def _crowd(self) -> Parts:
        if not self.job.crowded:
            return {}
        settings, folder, crowd = self.job.settings, self.folder, self.job.crowd()
        tasks = [
            Task(gather_crowd_orders, (settings, folder, block), crowd_orders_part(folder, block))
            for block in settings.own_blocks
        ]
        self.job.stage(f"{folder}/crowd-orders", tasks)
        return crowd

    def _removed(self, edges: dict[str, int], crowd: Parts, fallen: str) -> None:
        naming: dict[int, list[str]] = defaultdict(list)
        for block in self.job.settings.own_blocks if crowd else ():
            naming[block].append(asked_part(self.folder, block))
        for part in edges:
            for block in {int(number) for number in part.rpartition("/")[2].split("+")[0].split("-")[:2]}:
                naming[block].append(part)
        settings, folder = self.job.settings, self.folder
        tasks = [
            Task(
                grouping.settle,
                (settings, folder, block, tuple(naming[block]), fallen, self.threshold),
                grouping.removed_part(folder, block),
            )
            for block in range(settings.blocks)
        ]
        self.job.stage(f"{folder}/removed", tasks)

    def _blocks(
        self, name: str, function: Callable[..., Counts], part: Callable[[str, int], str], *args: object
    ) -> Parts:
        settings, folder = self.job.settings, self.folder
        tasks = [Task(function, (settings, *args, b), part(folder, b)) for b in range(settings.blocks)]
        return self.job.stage(f"{folder}/{name}", tasks)


def gather_rows(settings: Settings, folder: str, block: int) -> Counts:
    """One row per image of a block: row, key, status, keeper, keeper_key, similarity, why, error."""
    store, began = settings.store, time.process_time()
    low, high = settings.block(block)
    batches = [
        read_range(store, grouping.removed_part(folder, other), "row", low, high, *REMOVED)
        for other in range(settings.blocks)
    ]
    row, keeper, similarity, same, evidence = concatenated(batches, [])
    columns = table(settings, block, "keeper", row - low, keeper, similarity, evidence)
    status = np.where([not error for error in columns["error"]], 0, 2)
    status[max(settings.own - low, 0) :] = 3
    status[row - low] = 1
    columns["status"] = [STATUS[one] for one in status.tolist()]
    columns["identical"][row - low] = same
    counts: Counts = {name: int((status == number).sum()) for number, name in enumerate(STATUS[:3])}
    counts |= {"rows": high - low, "seen": sum(counts.values()), "seconds": time.process_time() - began}
    store.write(rows_part(folder, block), encoded(columns, counts, WIDE_GROUP, text=True))
    return counts


REMOVED = ("row", "keeper", "similarity", "identical", "evidence")
