"""The proposed threshold: found where the labels change, careful with few, silent without both kinds."""

from __future__ import annotations

import numpy as np
import pytest

from oneofeach.apps.review.proposal import ENOUGH, curve, propose, spread

PAIRS = np.round(np.linspace(0.8, 1.0, 2001), 4)
OVER = spread(PAIRS, 0.8)


def test_too_few_labels_or_one_kind_of_them_propose_nothing() -> None:
    few = np.linspace(0.85, 0.99, ENOUGH - 1)
    assert propose(few, few > 0.9, OVER).threshold is None
    many = np.linspace(0.85, 0.99, ENOUGH)
    assert propose(many, many > 0, OVER).threshold is None


def test_clean_labels_put_the_threshold_where_they_change() -> None:
    labeled = np.linspace(0.82, 0.99, 40)
    found = propose(labeled, labeled > 0.905, OVER)
    assert found.threshold == pytest.approx(0.905, abs=0.01)
    assert found.false + found.missed < 80  # of 2,001 pairs, from labels 0.004 apart


def test_the_expected_error_is_near_the_true_one_on_the_average() -> None:
    """200 repeats: labels and truth drawn from one curve, 40 labels each."""
    random = np.random.default_rng(5)
    truth = 1 / (1 + np.exp(-(PAIRS - 0.91) / 0.02))
    expected, actual = [], []
    for _ in range(200):
        labeled = random.choice(len(PAIRS), 40, replace=False)
        found = propose(PAIRS[labeled], random.random(40) < truth[labeled], OVER)
        if found.threshold is not None:
            above = found.threshold <= PAIRS
            expected.append(found.false + found.missed)
            actual.append((1 - truth)[above].sum() + truth[~above].sum())
    assert np.mean(expected) == pytest.approx(np.mean(actual), rel=0.25)


def test_the_chance_of_a_duplicate_never_falls_as_similarity_grows() -> None:
    labeled = np.array([0.85, 0.9, 0.88, 0.95, 0.97])
    chance = curve(labeled, np.array([False, True, False, True, True]), PAIRS)
    assert (np.diff(chance) >= 0).all()
    assert (chance >= 0).all()
    assert (chance <= 1).all()
