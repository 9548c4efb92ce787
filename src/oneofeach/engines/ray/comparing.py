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
from oneofeach.engines.ray.job import Job
from oneofeach.engines.ray.keys import keys_part, same_in
from oneofeach.engines.ray.outcome import described, keys_of
from oneofeach.engines.ray.parts import WIDE_GROUP, Counts, concatenated, encoded, read
from oneofeach.engines.ray.settings import SUFFIX, Settings
from oneofeach.tables import EVIDENCE, Bytes, Mask, Rows

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
    keys, errors, digests = read(store, keys_part(block), "key", "error", "digest")
    own = np.arange(low, high) < settings.own
    place, (_, j, value, raw) = _best_of(settings, best, same_in(settings, low, high))
    match, similarity, evidence = np.full(high - low, -1), np.full(high - low, np.nan), np.zeros(high - low, EVIDENCE)
    match[place], similarity[place] = j, value
    evidence[place] = np.ascontiguousarray(raw).view(EVIDENCE).reshape(-1)
    status = np.where(own, np.where(match >= 0, 1, 0), 3)
    status[[bool(error) for error in errors]] = 2
    columns = {
        "row": np.arange(low, high),
        "key": keys,
        "status": [STATUS[one] for one in status.tolist()],
        "match": match,
        "match_key": keys_of(settings, match),
        "similarity": similarity,
        "identical": _identical(settings, match, digests),
        "error": errors,
        **{name: evidence[name] for name in ("key_distance", "distance", "verified")},
    }
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


def _identical(settings: Settings, match: Rows, digests: Bytes) -> Mask:
    """bool[n]: is the match of each row, where it has one, the same picture?"""
    same = np.zeros(len(match), bool)
    has = np.flatnonzero(match >= 0)
    if len(has):
        wanted, theirs = described(settings, match, "digest")
        same[has] = (theirs[np.searchsorted(wanted, match[has])] == digests[has]).all(axis=1)
    return same
