"""Decisions → labeled pairs: which similarities a person called duplicates, one by one, and which not."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from oneofeach.apps.review.verdicts import ACCEPT, APART, KEEP, MARKS, Decided, Mask, Measured, Verdicts
from oneofeach.tables import Floats, Rows


class Labels:
    """Pairs of rows with what was said about them; the last word about a pair counts.

    What was accepted in bulk, and what was kept although it is alike, labels nothing; nor does what is identical
    everywhere, or has no stored similarity.
    """

    def __init__(self, measured: Measured, decided: Iterable[Decided], verdicts: Verdicts) -> None:
        self._measured = measured
        self._said: dict[tuple[int, int], tuple[float, bool]] = {}
        for one in decided:
            self.add(one, verdicts)

    def add(self, one: Decided, verdicts: Verdicts) -> None:
        """Note one more set; `verdicts` has heard it."""
        if one.kind in (ACCEPT, KEEP, MARKS):
            going = one.rows[~one.stays]
            going = going[verdicts.goes[going] >= 0]
            self._say(going, verdicts.goes[going], True)
        elif one.kind == APART:
            self._say(one.rows[1:], np.full(len(one.rows) - 1, one.rows[0]), False)

    def _say(self, a: Rows, b: Rows, duplicate: bool) -> None:
        similarity = self._measured.similarity(a, b)
        for one, other, value in zip(a.tolist(), b.tolist(), similarity.tolist(), strict=True):
            if 0 < value < 1:
                self._said[min(one, other), max(one, other)] = value, duplicate

    @property
    def labeled(self) -> tuple[Floats, Mask]:
        """(similarity, duplicate) of each labeled pair."""
        similarity, duplicate = zip(*self._said.values(), strict=True) if self._said else ((), ())
        return np.array(similarity, np.float64), np.array(duplicate, bool)
