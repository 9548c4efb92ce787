"""Decisions → labeled pairs: which similarities a person called duplicates, one by one, and which not."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from oneofeach.apps.review.verdicts import ACCEPT, APART, KEEP, MARKS, Decided, Mask, Measured, Verdicts
from oneofeach.tables import Floats


def labels_of(decided: Iterable[Decided], verdicts: Verdicts, measured: Measured) -> tuple[Floats, Mask]:
    """(similarity, duplicate) of every labeled pair whose similarity was measured; the last word about a pair counts.

    What was accepted in bulk, and what was kept although it is alike, labels nothing. Neither do identical pictures,
    which are duplicates at every threshold.
    """
    label: dict[tuple[int, int], bool] = {}
    for one in decided:
        if one.kind in (ACCEPT, KEEP, MARKS):
            going = one.rows[~one.stays]
            label.update({_pair(row, verdicts.goes[row]): True for row in going if verdicts.goes[row] >= 0})
        elif one.kind == APART:
            label.update({_pair(one.rows[0], row): False for row in one.rows[1:]})
    pairs = np.array([*label], np.int64).reshape(-1, 2)
    similarity, duplicate = measured.similarity(pairs[:, 0], pairs[:, 1]), np.array([*label.values()], bool)
    of_use = (similarity > 0) & (similarity < 1)
    return similarity[of_use], duplicate[of_use]


def _pair(a: int, b: int) -> tuple[int, int]:
    return min(int(a), int(b)), max(int(a), int(b))
