"""Images, captions and settings → who stays. The decisions are the library's; this file only puts them in order.

scan → match → rank → group, then exact repeats, then choices made by hand.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from oneofeach.apps.comfy.choices import ByHand, Keys, by_hand, kept_repeats
from oneofeach.apps.comfy.host import Progress
from oneofeach.apps.comfy.schema import KEEP, LIBRARY_DEFAULT
from oneofeach.flow import match, scan
from oneofeach.stages.grouping import keeper_first
from oneofeach.stages.preference import Ranking, rank
from oneofeach.stages.sequence import in_sequence
from oneofeach.tables import Catalog, Groups, Item, Pairs

WORKERS = 4  # more would wait for memory, and each takes some
WORTH = 1 << 16  # values of an image: with fewer, threads would mostly wait for each other
LISTED, LISTED_PER_IMAGE = 4_000, 8  # pairs held in memory; those of larger groups are measured when they are needed
LEVELS = (0.98, 0.95, 0.90)  # thresholds that the report compares
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Comparison:
    """Everything measured, before anything is decided."""

    catalog: Catalog
    pairs: Pairs
    ranking: Ranking
    neighbors_only: bool

    def at(self, threshold: float) -> Groups:
        decide = in_sequence if self.neighbors_only else keeper_first
        return decide(self.ranking.order, self.pairs, self.catalog.readable, threshold)

    def removed_at(self, threshold: float) -> int:
        return int(self.at(threshold).removed.sum())


def compared(
    images: Sequence[Any], threshold: float, keep: str, texts: Sequence[str] | None, neighbors: bool, progress: Progress
) -> Comparison:
    """Compare all images, or with `neighbors` only each with the last kept one."""
    items = [Item(f"[{row}]", image) for row, image in enumerate(images)]
    catalog = scan(items, workers=_workers(images), progress=progress)
    listed = max(LISTED, LISTED_PER_IMAGE * len(images))
    pairs = match(catalog, floor=min(threshold, *LEVELS), progress=progress, listed=listed)
    if keep == "longest caption" and texts is None:
        keep = LIBRARY_DEFAULT
    ranking = rank(catalog, KEEP[keep], dict(enumerate(texts or ())))
    return Comparison(catalog, pairs, ranking, neighbors)


def _workers(images: Sequence[Any]) -> int:
    worth = sum(prod(image.shape) for image in images) > WORTH * len(images)
    return min(os.cpu_count() or 1, WORKERS) if worth else 1


@dataclass(frozen=True)
class Verdict:
    """Who stays. keeper: int64[n], the automatic keeper of each row (itself for kept rows).

    similarity: float64[n] to it. automatic, kept: bool[n], before and after choices made by hand.
    groups: rows of every group of duplicates, its keeper first, then by preference; and rows chosen by hand alone.
    """

    comparison: Comparison
    threshold: float
    keeper: npt.NDArray[np.int64]
    similarity: npt.NDArray[np.float64]
    automatic: Mask
    kept: Mask
    groups: list[list[int]]
    hand: ByHand
    repeats: int
    keys: Keys

    def stand_in(self, row: int) -> int | None:
        """The kept row that a removed one left its caption to: its keeper, or whoever is kept of its group."""
        keeper = int(self.keeper[row])
        if self.kept[keeper]:
            return keeper
        members = next(group for group in self.groups if row in group)
        return next((member for member in sorted(members) if self.kept[member]), None)


def decided(
    comparison: Comparison,
    threshold: float,
    images: Sequence[Any],
    labels: Sequence[object],
    keep_repeats: bool,
    decisions: dict[str, bool],
) -> Verdict:
    """labels: what besides its pixels makes an image a training repeat of another: its caption and name."""
    groups = comparison.at(threshold)
    keeper = np.where(groups.keeper < 0, np.arange(len(images)), groups.keeper)  # not comparable: passes through
    automatic = np.asarray(keeper == np.arange(len(images)))
    keys = Keys(images)
    removed = np.flatnonzero(~automatic).tolist()
    repeats = kept_repeats(automatic, keys, removed, labels)
    if keep_repeats:
        automatic[repeats] = True
    together = _together(keeper, comparison.ranking.order)
    grouped = [row for group in together for row in group]
    hand = by_hand(decisions, keys, grouped)
    together += [[row] for row in sorted(set(hand.rows) - set(grouped))]
    kept = hand.applied(automatic)
    similarity = groups.similarity
    return Verdict(comparison, threshold, keeper, similarity, automatic, kept, together, hand, len(repeats), keys)


def _together(keeper: npt.NDArray[np.int64], order: npt.NDArray[np.int64]) -> list[list[int]]:
    members: dict[int, list[int]] = {}
    for row in order.tolist():
        members.setdefault(int(keeper[row]), []).append(row)
    groups = [[first, *(row for row in rows if row != first)] for first, rows in members.items() if len(rows) > 1]
    return sorted(groups)
