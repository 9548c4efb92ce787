"""Which images are similar, pair by pair, and who is kept for whom: Pairs → Groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from oneofeach.tables.columns import EVIDENCE, Floats, Mask, Rows


class Unlisted(Protocol):
    """Pairs that are too many to be listed, all of them of two dense rows; they are asked for row by row."""

    @property
    def dense(self) -> Mask:
        """bool[n]"""

    def around(self, row: int) -> Rows:
        """The other dense rows that may be similar to a dense row, listed pairs or not."""

    def similarity(self, row: int, others: Rows) -> Floats:
        """float64[k] to each of the others; below the floor of the pairs any value below it."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of rows with similarity >= floor, i < j, sorted by (i, j); identical images are collapsed in `same`.

    same: int64[n], the first row that is identical to this one (same content, or same fingerprint and descriptor);
    rows with equal `same` have similarity 1.0, and i, j only name rows with same[r] == r.
    similarity: float64[m], rounded to 4 decimals. evidence: EVIDENCE[m].
    unlisted: where clusters are so dense that their pairs are not listed, what answers for them; else None.
    """

    floor: float
    i: Rows
    j: Rows
    similarity: Floats
    evidence: npt.NDArray[np.void]
    same: Rows
    orientations: str = "upright"  # what was searched: "upright", or "all" flips and quarter turns too
    unlisted: Unlisted | None = None

    def __len__(self) -> int:
        return len(self.i)

    def at(self, threshold: float) -> Pairs:
        """The pairs with similarity >= threshold."""
        return replace(self.take(self.similarity >= threshold), floor=threshold)

    def take(self, which: Rows | Mask) -> Pairs:
        """These of the pairs: int64[k], positions in the order wanted, or bool[m]."""
        i, j, similarity, evidence = self.i[which], self.j[which], self.similarity[which], self.evidence[which]
        return replace(self, i=i, j=j, similarity=similarity, evidence=evidence)

    def also(self, parts: Sequence[Pairs]) -> Pairs:
        """The pairs, and after them those of each part; not sorted."""
        parts = [self, *parts]
        i, j = np.concatenate([part.i for part in parts]), np.concatenate([part.j for part in parts])
        similarity = np.concatenate([part.similarity for part in parts])
        evidence = np.concatenate([part.evidence for part in parts])
        return replace(self, i=i, j=j, similarity=similarity, evidence=evidence)


def joined(parts: Sequence[Pairs], floor: float, same: Rows) -> Pairs:
    """Consecutive parts of one sorted list of pairs, put together again."""
    none = np.zeros(0, np.int64)
    return Pairs(floor, none, none, np.zeros(0), np.zeros(0, EVIDENCE), same).also(parts)


@dataclass(frozen=True)
class Groups:
    """Who stays, and for whom the others go.

    keeper: int64[n], the row kept in place of each row; itself when it is kept, -1 when it was skipped or is only
    compared with.
    similarity: float64[n] to the keeper; 1.0 for kept rows.
    pair: int64[n], position in Pairs that joins the row to its keeper; -1 for kept, skipped and identical rows, and
    where that pair is not listed.
    """

    keeper: Rows
    similarity: Floats
    pair: Rows

    @property
    def kept(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.keeper == np.arange(len(self.keeper)))

    @property
    def removed(self) -> npt.NDArray[np.bool_]:
        return np.asarray((self.keeper >= 0) & ~self.kept)
