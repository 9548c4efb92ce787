"""Decisions → labeled pairs: which similarities a person called duplicates, one by one, and which not."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from oneofeach.apps.review.verdicts import ACCEPT, APART, KEEP, MARKS, Decided, Mask, Measured, Verdicts
from oneofeach.tables import Floats


class Labels:
    """Pairs of rows with what was said about them; the last word about a pair counts.

    What was accepted in bulk, and what was kept although it is alike, labels nothing.
    """

    def __init__(self, decided: Iterable[Decided], verdicts: Verdicts) -> None:
        self._duplicate: dict[tuple[int, int], bool] = {}
        for one in decided:
            self.add(one, verdicts)

    def add(self, one: Decided, verdicts: Verdicts) -> None:
        """Note one more set; `verdicts` has heard it."""
        if one.kind in (ACCEPT, KEEP, MARKS):
            going = one.rows[~one.stays].tolist()
            pairs = ((row, int(verdicts.goes[row])) for row in going if verdicts.goes[row] >= 0)
            self._duplicate.update({(min(pair), max(pair)): True for pair in pairs})
        elif one.kind == APART:
            first, *others = one.rows.tolist()
            self._duplicate.update({(min(first, row), max(first, row)): False for row in others})

    def measured(self, measured: Measured) -> tuple[Floats, Mask]:
        """(similarity, duplicate) of each pair whose similarity is stored and below 1.0, a duplicate everywhere."""
        pairs = np.array([*self._duplicate], np.int64).reshape(-1, 2)
        similarity, duplicate = (
            measured.similarity(pairs[:, 0], pairs[:, 1]),
            np.array([*self._duplicate.values()], bool),
        )
        of_use = (similarity > 0) & (similarity < 1)
        return similarity[of_use], duplicate[of_use]
