"""Everything a de-duplication found, with the views a person asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from oneofeach.tables.catalog import Catalog
from oneofeach.tables.columns import Rows
from oneofeach.tables.pairs import Groups, Pairs


@dataclass(frozen=True, slots=True)
class Duplicate:
    """One removed image: the row, its similarity to the keeper, why they match, and why the keeper stays instead."""

    row: int
    key: str
    input: Any
    similarity: float
    evidence: str
    reason: str


@dataclass(frozen=True, slots=True)
class Group:
    """One kept image and the images removed in its favor, in input order."""

    row: int
    key: str
    input: Any
    duplicates: tuple[Duplicate, ...]

    @property
    def reason(self) -> str:
        """Why the keeper stays: the comparison with its strongest rival, else with the first duplicate."""
        return self.duplicates[0].reason


IDENTICAL_FILES = "identical files"
IDENTICAL = "same picture, no difference measured"


class Reasons(Protocol):
    """Why one row is preferred to another; see stages/preference.py."""

    @property
    def order(self) -> Rows:
        """int64[n]: row numbers, most preferred first."""

    def reason(self, keeper: int, goer: int) -> str: ...


@dataclass(frozen=True)
class Outcome:
    """Everything a de-duplication found, as tables, with the views a person asks for."""

    catalog: Catalog
    pairs: Pairs
    assignment: Groups
    ranking: Reasons
    similarity_threshold: float
    keep: str
    words: Callable[[np.void], str]

    @property
    def unique_images(self) -> list[Any]:
        """The kept inputs themselves, in input order."""
        return [self.catalog.items[r].input for r in np.flatnonzero(self.assignment.kept).tolist()]

    @property
    def removed(self) -> list[Any]:
        """The removed inputs themselves, in input order."""
        return [self.catalog.items[r].input for r in np.flatnonzero(self.assignment.removed).tolist()]

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """(key, reason) of the images that could not be read, in input order."""
        catalog = self.catalog
        return [(catalog.items[r].key, catalog.errors[r]) for r in sorted(catalog.errors) if not catalog.reference[r]]

    @property
    def groups(self) -> list[Group]:
        """Every kept image that stands for others, in input order; its duplicates in order of preference."""
        members: dict[int, list[int]] = {}
        for row in self.ranking.order:
            keeper = int(self.assignment.keeper[row])
            if keeper >= 0 and keeper != row:
                members.setdefault(keeper, []).append(int(row))
        return [self._group(keeper, members[keeper]) for keeper in sorted(members)]

    def _group(self, keeper: int, rows: Sequence[int]) -> Group:
        item = self.catalog.items[keeper]
        return Group(keeper, item.key, item.input, tuple(self._duplicate(keeper, row) for row in rows))

    def _duplicate(self, keeper: int, row: int) -> Duplicate:
        item, pair = self.catalog.items[row], int(self.assignment.pair[row])
        if self.catalog.same_bytes(keeper, row):
            evidence = IDENTICAL_FILES
        else:
            evidence = self.words(self.pairs.evidence[pair]) if pair >= 0 else IDENTICAL
        similarity = float(self.assignment.similarity[row])
        return Duplicate(row, item.key, item.input, similarity, evidence, self.ranking.reason(keeper, row))

    @property
    def counts(self) -> dict[str, int]:
        """seen = kept + removed + skipped."""
        seen = len(self.catalog) - int(self.catalog.reference.sum())
        kept, removed = int(self.assignment.kept.sum()), int(self.assignment.removed.sum())
        return {"seen": seen, "kept": kept, "removed": removed, "skipped": len(self.skipped)}
