"""A against B: which images of A have a duplicate in B, by class and by split. Nothing of B is ever touched."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from oneofeach.crowd import with_best
from oneofeach.errors import EmptyImageList
from oneofeach.flow import DEFAULT_FINGERPRINT, DEFAULT_THRESHOLD, scan_and_match
from oneofeach.index import Index
from oneofeach.matching import checked_threshold
from oneofeach.plugins import Distributed, Progress
from oneofeach.stages.decisions import obeyed
from oneofeach.stages.similarity import words
from oneofeach.tables import IDENTICAL, IDENTICAL_FILES, Catalog, Item, Pairs, Rows

NUMBERED = re.compile(r"[-_.](\d{5,}|\d+-of-\d+)(?=\.[a-z]+$)")  # train-00000-of-00002.parquet, shard-000000.tar


@dataclass(frozen=True, slots=True)
class Found:
    """An image of A with its most similar image of B."""

    key: str
    match: str
    similarity: float
    evidence: str


@dataclass(frozen=True)
class Comparison:
    """catalog: the rows of A, then those of B. best: int64[n], position in `pairs` of each row's best match, or -1."""

    catalog: Catalog
    pairs: Pairs
    best: Rows
    similarity_threshold: float

    @property
    def found(self) -> list[Found]:
        """The images of A that have a duplicate in B, in input order."""
        return [self._found(row) for row in np.flatnonzero(self.best >= 0).tolist()]

    def _found(self, row: int) -> Found:
        position = int(self.best[row])
        other = int(self.pairs.j[position])
        evidence = words(self.pairs.evidence[position])
        if self.catalog.same_bytes(row, other):
            evidence = IDENTICAL_FILES
        elif np.array_equal(self.catalog.descriptors[row], self.catalog.descriptors[other]):
            evidence = IDENTICAL
        items = self.catalog.items
        return Found(items[row].key, items[other].key, float(self.pairs.similarity[position]), evidence)

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """(key, reason) of the images of A and of B that could not be read."""
        return [(self.catalog.items[row].key, reason) for row, reason in sorted(self.catalog.errors.items())]

    @property
    def counts(self) -> dict[str, int]:
        """seen: images of A; found: those with a duplicate in B; compared: images of B; skipped: of both."""
        compared = int(self.catalog.reference.sum())
        seen = len(self.catalog) - compared
        return {"seen": seen, "found": len(self.found), "compared": compared, "skipped": len(self.skipped)}

    def by(self, part: Callable[[Item], str]) -> dict[str, tuple[int, int]]:
        """(images, found) of A for each value of `part` of the item: see `class_of` and `split_of`."""
        table: dict[str, tuple[int, int]] = {}
        for row in np.flatnonzero(~self.catalog.reference).tolist():
            name = part(self.catalog.items[row])
            images, found = table.get(name, (0, 0))
            table[name] = images + 1, found + int(self.best[row] >= 0)
        return table


def compare(
    a: Any,
    b: Any,
    similarity_threshold: float = DEFAULT_THRESHOLD,
    *,
    orientations: str = "upright",
    index: Index | None = None,
    fingerprint: str = DEFAULT_FINGERPRINT,
    engine: str | Distributed = "threads",
    workers: int | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Find the images of `a` that have a duplicate in `b`; both are anything `deduplicate` takes.

    What a person decided to be no duplicates is none here either; what is always kept may well be one.
    EmptyImageList when either has no image: an empty comparison must not pass for a clean one.
    """
    threshold = checked_threshold(similarity_threshold)
    catalog, pairs = scan_and_match(
        a,
        threshold,
        against=b,
        index=index,
        orientations=orientations,
        fingerprint=fingerprint,
        engine=engine,
        workers=workers,
        progress=progress,
    )
    if not catalog.reference.any():
        raise EmptyImageList("B has no image to compare with.")
    apart = replace(catalog, decisions=replace(catalog.decisions, kept=frozenset()))
    pairs = with_best(obeyed(apart, pairs.at(threshold)), catalog.reference)
    return Comparison(catalog, pairs, _best(catalog, pairs), threshold)


def _best(catalog: Catalog, pairs: Pairs) -> Rows:
    """The most similar pair of each row of A with one of B; the earlier image of B settles ties."""
    best = np.full(len(pairs.same), -1, np.int64)
    order = np.lexsort((-pairs.j, pairs.similarity))
    order = order[catalog.reference[pairs.j[order]] & ~catalog.reference[pairs.i[order]]]
    best[pairs.i[order]] = order  # of several values for one place the last is stored
    return np.asarray(best[pairs.same])


def class_of(item: Item) -> str:
    """The label of a table's row or of a sample; else the folder that an image lies in, also inside an archive."""
    return getattr(item.source, "label", "") or os.path.dirname(item.key.rpartition("#")[2]) or "."


def split_of(item: Item) -> str:
    """The archive or table, its parts taken together; the split of a dataset, or the first folder; "." for none."""
    key = item.key
    if "#" in key:
        return NUMBERED.sub("", key.rpartition("#")[0])
    if key.endswith("]"):
        return key.rpartition("[")[0] or "."
    return os.path.normpath(key).lstrip(os.sep).split(os.sep)[0] if os.path.dirname(key) else "."
