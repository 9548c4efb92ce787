"""Pairs a person has labeled → the threshold with the fewest expected errors on this data, and how many they are.

The chance that a pair of similarity s is a duplicate is modeled as a logistic curve with a midpoint and a width. Both
are averaged over a grid, weighted by how well they explain the labels, so few labels give a careful curve. Which pairs
were labeled does not bias it, as long as they were chosen by their similarity: the curve is conditional on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt

from oneofeach.tables import Floats

ENOUGH = 30  # labels
STEP = 0.001  # of the thresholds that are compared
MIDPOINTS = np.linspace(0.70, 1.0, 61)
WIDTHS = np.geomspace(0.002, 0.1, 18)
LEAST = 1e-12  # of a chance, so that its logarithm is a number


@dataclass(frozen=True, slots=True)
class Proposal:
    """labels: how many pairs were labeled, wrong of them as "not duplicates"; threshold: None while they are too few.

    false: expected wrong pairs at or above the threshold, missed: expected duplicates below it; pairs: all compared.
    """

    labels: int
    wrong: int
    threshold: float | None = None
    false: float = 0.0
    missed: float = 0.0
    pairs: int = 0


def curve(similarity: Floats, duplicate: npt.NDArray[np.bool_], at: Floats) -> Floats:
    """The chance of being a duplicate at each similarity in `at`, given labeled pairs."""
    return np.asarray(np.tensordot(_weight(similarity, duplicate), _logistic(at), 2))


def _weight(similarity: Floats, duplicate: npt.NDArray[np.bool_]) -> Floats:
    """float64[midpoints, widths]: how well each of the curves explains the labels; 1 in all."""
    near, far = (np.unique(np.rint(1000 * similarity[kind]), return_counts=True) for kind in (duplicate, ~duplicate))
    weight = np.zeros((len(MIDPOINTS), len(WIDTHS)))
    for (thousandths, counts), of in ((near, 0), (far, 1)):
        for thousandth, count in zip(thousandths.tolist(), counts.tolist(), strict=True):
            weight += count * _logarithms(int(thousandth))[of]
    weight = np.exp(weight - weight.max())
    return np.asarray(weight / weight.sum())


@cache
def _logarithms(thousandth: int) -> tuple[Floats, Floats]:
    """Of the chance of being a duplicate, and of not being one, at a similarity: float64[midpoints, widths]."""
    chance = _logistic(np.array([thousandth / 1000]))[..., 0]
    return np.log(np.maximum(chance, LEAST)), np.log(np.maximum(1 - chance, LEAST))


def _logistic(similarity: Floats) -> Floats:
    """float64[midpoints, widths, n]"""
    z = (similarity - MIDPOINTS[:, None, None]) / WIDTHS[None, :, None]
    return np.asarray(1 / (1 + np.exp(np.clip(-z, -60, 60))))


@dataclass(frozen=True)
class Spread:
    """How many pairs there are from each threshold to the next; only those from the floor to 1.0 are compared."""

    thresholds: Floats
    count: Floats

    @cached_property
    def chances(self) -> Floats:
        """float64[midpoints, widths, thresholds]: of being a duplicate, halfway to the next threshold."""
        return _logistic(np.minimum(self.thresholds + STEP / 2, 1.0))


def spread(pairs: Floats, floor: float) -> Spread:
    """pairs: similarities of all pairs down to the floor; what lies below it was never looked at."""
    thresholds = np.round(np.arange(floor, 1.0 + STEP / 2, STEP), 4)
    count, _ = np.histogram(pairs, np.append(thresholds, 1.0 + STEP) - 1e-9)
    return Spread(thresholds, count.astype(np.float64))


def propose(similarity: Floats, duplicate: npt.NDArray[np.bool_], over: Spread) -> Proposal:
    """similarity, duplicate: of the labeled pairs; over: all pairs."""
    labels, wrong = len(similarity), len(similarity) - int(np.count_nonzero(duplicate))
    if labels < ENOUGH or not 0 < wrong < labels:
        return Proposal(labels, wrong)
    chance = np.tensordot(_weight(similarity, duplicate), over.chances, 2)
    false = np.cumsum((over.count * (1 - chance))[::-1])[::-1]
    missed = np.concatenate([[0.0], np.cumsum(over.count * chance)[:-1]])
    best = int(np.argmin(false + missed))
    pairs = int(over.count.sum())
    return Proposal(labels, wrong, float(over.thresholds[best]), float(false[best]), float(missed[best]), pairs)
