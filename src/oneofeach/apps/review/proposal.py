"""Pairs a person has labeled → the threshold with the fewest expected errors on this data, and how many they are.

The chance that a pair of similarity s is a duplicate is modeled as a logistic curve with a midpoint and a width. Both
are averaged over a grid, weighted by how well they explain the labels, so few labels give a careful curve. Which pairs
were labeled does not bias it, as long as they were chosen by their similarity: the curve is conditional on it.
"""

from __future__ import annotations

from dataclasses import dataclass

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
    near, far = (np.unique(np.round(similarity[kind], 3), return_counts=True) for kind in (duplicate, ~duplicate))
    said_yes = np.log(np.maximum(_logistic(near[0]), LEAST)) @ near[1]
    said_no = np.log(np.maximum(1 - _logistic(far[0]), LEAST)) @ far[1]
    weight = said_yes + said_no
    weight = np.exp(weight - weight.max())
    return np.asarray(np.tensordot(weight / weight.sum(), _logistic(at), 2))


def _logistic(similarity: Floats) -> Floats:
    """float64[midpoints, widths, n]"""
    z = (similarity - MIDPOINTS[:, None, None]) / WIDTHS[None, :, None]
    return np.asarray(1 / (1 + np.exp(np.clip(-z, -60, 60))))


@dataclass(frozen=True)
class Spread:
    """How many pairs there are from each threshold to the next; only those from the floor to 1.0 are compared."""

    thresholds: Floats
    count: Floats


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
    chance = curve(similarity, duplicate, np.minimum(over.thresholds + STEP / 2, 1.0))
    false = np.cumsum((over.count * (1 - chance))[::-1])[::-1]
    missed = np.concatenate([[0.0], np.cumsum(over.count * chance)[:-1]])
    best = int(np.argmin(false + missed))
    pairs = int(over.count.sum())
    return Proposal(labels, wrong, float(over.thresholds[best]), float(false[best]), float(missed[best]), pairs)
