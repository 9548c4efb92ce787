"""Pairs parts of a job with `against` → the best match of every image of A among those of B, as a table.

A part of the pairs is read by one task, a block of the table written by one: no machine holds all of either.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

from oneofeach.engines.ray.cluster import Task
from oneofeach.engines.ray.identical import same_in
from oneofeach.engines.ray.job import Job
from oneofeach.engines.ray.keys import keys_part
from oneofeach.engines.ray.parts import WIDE_GROUP, Counts, concatenated, encoded, read
from oneofeach.engines.ray.settings import SUFFIX, Settings
from oneofeach.engines.ray.table import described, table
from oneofeach.tables import EVIDENCE, Mask, Rows

STATUS = ("alone", "found", "skipped", "compared with")
COLUMNS = ("i", "j", "similarity", "evidence")
EMPTY: tuple[Any, ...] = (
    np.zeros(0, np.int64),
    np.zeros(0, np.int64),
    np.zeros(0),
    np.zeros((0, EVIDENCE.itemsize), np.uint8),
)


@dataclass(frozen=True)
class Comparing:
    job: Job

    @property
    def folder(self) -> str:
        return f"{self.job.settings.folder}/matches"

    def run(self) -> Counts:
        """seen: images of A; found: those with a match in B; compared: images of B; skipped: of both."""
        settings, naming = self.job.settings, defaultdict[int, list[str]](list)
        for part, counts in self.job.pairs().items():
            if counts["rows"]:
                naming[int(part.rpartition("/")[2].partition("-")[0])].append(part)
        tasks = [Task(gather_best, (settings, b, tuple(parts)), best_part(settings, b)) for b, parts in naming.items()]
        best = self.job.stage(f"{settings.folder}/best", tasks)
        blocks = range(settings.blocks)
        tasks = [Task(gather_matches, (settings, tuple(best), b), matches_part(settings, b)) for b in blocks]
        parts = self.job.stage(self.folder, tasks)
        names = ("seen", "found", "compared", "skipped")
        return {name: sum(counts[name] for counts in parts.values()) for name in names}


def best_part(settings: Settings, block: int) -> str:
    return f"{settings.folder}/best/{block:05}{SUFFIX}"


def matches_part(settings: Settings, block: int) -> str:
    return f"{settings.folder}/matches/{block:05}{SUFFIX}"


def gather_best(settings: Settings, block: int, pairs: tuple[str, ...]) -> Counts:
    """For the rows of a block that stand for their class: the most similar row of B, the first of several."""
    began, best = time.process_time(), list(EMPTY)
    for part in pairs:
        i, j, similarity, evidence = concatenated([best, read(settings.store, part, *COLUMNS)], [])
        order = np.lexsort((-j, similarity, i))
        order = order[j[order] >= settings.own]
        last = np.flatnonzero(np.diff(i[order], append=-1))
        best = [column[order[last]] for column in (i, j, similarity, evidence)]
    counts: Counts = {"rows": len(best[0]), "seconds": time.process_time() - began}
    data = encoded(dict(zip(COLUMNS, best, strict=True)), counts, WIDE_GROUP)
    settings.store.write(best_part(settings, block), data)
    return counts


def gather_matches(settings: Settings, best: tuple[str, ...], block: int) -> Counts:
    """One row per image of a block: row, key, status, match, match_key, similarity, identical, why, error."""
    store, began = settings.store, time.process_time()
    low, high = settings.block(block)
    own = np.arange(low, high) < settings.own
    place, (_, match, similarity, evidence) = _best_of(settings, best, same_in(settings, low, high))
    columns = table(settings, block, "match", place, match, similarity, evidence)
    status = np.where(own, 0, 3)
    status[place] = 1
    status[[bool(error) for error in columns["error"]]] = 2
    columns["status"] = [STATUS[one] for one in status.tolist()]
    columns["identical"][place] = _identical(settings, block, place, match)
    counts: Counts = {"rows": high - low, "seen": int(own.sum()), "compared": int((~own).sum())}
    counts |= {"found": int((status == 1).sum()), "skipped": int((status == 2).sum())}
    counts["seconds"] = time.process_time() - began
    store.write(matches_part(settings, block), encoded(columns, counts, WIDE_GROUP, text=True))
    return counts


def _best_of(settings: Settings, best: tuple[str, ...], heads: Rows) -> tuple[Rows, list[Any]]:
    """Positions in `heads` of the rows that have a match, and the match of each: COLUMNS."""
    batches, places = [list(EMPTY)], [np.zeros(0, np.int64)]
    for block in np.unique(heads // settings.in_block).tolist():
        if best_part(settings, block) in best:
            low, high = settings.block(block)
            i, *others = read(settings.store, best_part(settings, block), *COLUMNS)
            here = np.flatnonzero((heads >= low) & (heads < high) & np.isin(heads, i))
            at = np.searchsorted(i, heads[here])
            places.append(here)
            batches.append([i[at], *(column[at] for column in others)])
    return np.concatenate(places), concatenated(batches, [])


def _identical(settings: Settings, block: int, place: Rows, match: Rows) -> Mask:
    """bool[m]: is the match of each of these rows of a block the same picture?"""
    if not len(place):
        return np.zeros(0, bool)
    own = read(settings.store, keys_part(block), "digest")[0][place]
    wanted, digests = described(settings, match, "digest")
    return np.asarray((digests[np.searchsorted(wanted, match)] == own).all(axis=1))
