"""Laws of regrouping: whatever was decided, and at any threshold."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from reviewing import tables

from oneofeach.apps.review.regroup import regroup
from oneofeach.apps.review.verdicts import ACCEPT, ALL, APART, BULK, KEEP, MARKS, Decided, Measured, verdicts_of
from oneofeach.stages.grouping import keeper_first
from oneofeach.tables import Pairs

N = 9


@st.composite
def pairs(draw: st.DrawFn) -> Pairs:
    same = list(range(N))
    for row in draw(st.sets(st.integers(1, N - 1), max_size=3)):
        same[row] = same[row - 1]
    classes = [row for row in range(N) if same[row] == row]
    possible = [(i, j) for i in classes for j in classes if i < j]
    chosen = draw(st.lists(st.sampled_from(possible), unique=True)) if possible else []
    joins = [(i, j, draw(st.sampled_from([0.80, 0.85, 0.90, 0.95, 0.99]))) for i, j in chosen]
    return tables(N, joins, same)[1]


@st.composite
def decisions(draw: st.DrawFn) -> list[Decided]:
    found = []
    for number in range(draw(st.integers(0, 5))):
        rows = np.array(draw(st.lists(st.integers(0, N - 1), min_size=2, max_size=4, unique=True)))
        kind = draw(st.sampled_from([ACCEPT, KEEP, ALL, APART, MARKS, BULK]))
        first = np.arange(len(rows)) == 0
        stays = {ALL: np.ones(len(rows), bool), APART: np.ones(len(rows), bool)}.get(kind, first)
        if kind == MARKS:
            stays = first | np.array(draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))))
        found.append(Decided(number, kind, rows, stays))
    return found


ORDERS = st.permutations(range(N)).map(lambda order: np.array(order, np.int64))
THRESHOLDS = st.sampled_from([0.80, 0.85, 0.90, 0.95, 1.0])


@settings(max_examples=120, deadline=None)
@given(pairs(), decisions(), ORDERS, THRESHOLDS)
def test_every_decision_is_obeyed_at_every_threshold(
    pairs: Pairs, decided: list[Decided], order: np.ndarray, threshold: float
) -> None:
    measured = Measured(pairs)
    verdicts = verdicts_of(decided, measured)
    groups, _ = regroup(order, measured, np.ones(N, bool), threshold, verdicts)
    for row in range(N):
        last = next((one for one in reversed(decided) if row in one.rows), None)
        if last is None or last.kind == APART:
            continue
        stays = bool(last.stays[list(last.rows).index(row)])
        assert groups.kept[row] == stays


@settings(max_examples=120, deadline=None)
@given(pairs(), decisions(), ORDERS, THRESHOLDS)
def test_kept_images_are_no_duplicates_unless_a_person_said_so(
    pairs: Pairs, decided: list[Decided], order: np.ndarray, threshold: float
) -> None:
    measured = Measured(pairs)
    verdicts = verdicts_of(decided, measured)
    groups, _ = regroup(order, measured, np.ones(N, bool), threshold, verdicts)
    kept = np.flatnonzero(groups.kept).tolist()
    alike = [(a, b) for a in kept for b in kept if a < b and _similarity(measured, a, b) >= threshold]
    for a, b in alike:
        twins = _class(pairs, a), _class(pairs, b)
        held = all(verdicts.stays[rows].any() for rows in twins)
        assert held or any(all(np.isin(rows, one.rows).any() for rows in twins) for one in decided)


def _similarity(measured: Measured, a: int, b: int) -> float:
    return float(measured.similarity(np.array([a]), np.array([b]))[0])


def _class(pairs: Pairs, row: int) -> np.ndarray:
    """The images identical to one."""
    return np.flatnonzero(pairs.same == pairs.same[row])


@settings(max_examples=60, deadline=None)
@given(pairs(), decisions(), ORDERS, THRESHOLDS)
def test_every_image_that_goes_has_a_kept_one_in_its_place(
    pairs: Pairs, decided: list[Decided], order: np.ndarray, threshold: float
) -> None:
    measured = Measured(pairs)
    groups, grouped = regroup(order, measured, np.ones(N, bool), threshold, verdicts_of(decided, measured))
    assert groups.kept[groups.keeper].all()
    pair = groups.pair[groups.pair >= 0]
    assert (pair < len(grouped)).all()


@dataclass(frozen=True)
class Hidden:
    """Answers for the pairs of dense classes, listed or not."""

    dense: np.ndarray
    whole: Measured

    def around(self, row: int) -> np.ndarray:
        others = np.flatnonzero(self.dense)
        return others[others != row]

    def similarity(self, row: int, others: np.ndarray) -> np.ndarray:
        return self.whole.similarity(np.full(len(others), row), others)


@settings(max_examples=120, deadline=None)
@given(pairs(), decisions(), ORDERS, THRESHOLDS, st.sets(st.integers(0, N - 1)), st.data())
def test_pairs_that_are_not_listed_change_nothing(
    pairs: Pairs, decided: list[Decided], order: np.ndarray, threshold: float, crowd: set[int], data: st.DataObject
) -> None:
    dense = np.array([row in crowd and pairs.same[row] == row for row in range(N)])
    left_out = dense[pairs.i] & dense[pairs.j]
    left_out &= np.array(data.draw(st.lists(st.booleans(), min_size=len(pairs), max_size=len(pairs))), bool)
    listed = [(i, j, s) for i, j, s, out in zip(pairs.i, pairs.j, pairs.similarity, left_out, strict=True) if not out]
    few = replace(tables(N, listed, pairs.same.tolist())[1], unlisted=Hidden(dense, Measured(pairs)))
    found = []
    for measured in (Measured(pairs), Measured(few)):
        groups, _ = regroup(order, measured, np.ones(N, bool), threshold, verdicts_of(decided, measured))
        found.append((groups.keeper.tolist(), groups.similarity.tolist()))
    assert found[0] == found[1]


@settings(max_examples=40, deadline=None)
@given(pairs(), ORDERS, THRESHOLDS)
def test_without_decisions_it_is_keeper_first(pairs: Pairs, order: np.ndarray, threshold: float) -> None:
    measured, readable = Measured(pairs), np.ones(N, bool)
    ours, _ = regroup(order, measured, readable, threshold, verdicts_of([], measured))
    assert ours.keeper.tolist() == keeper_first(order, pairs, readable, threshold).keeper.tolist()


@settings(max_examples=40, deadline=None)
@given(pairs(), decisions(), ORDERS, THRESHOLDS, st.sets(st.integers(0, N - 1)))
def test_what_is_gone_takes_part_in_nothing(
    pairs: Pairs, decided: list[Decided], order: np.ndarray, threshold: float, gone: set[int]
) -> None:
    readable = np.array([row not in gone for row in range(N)])
    measured = Measured(pairs)
    groups, _ = regroup(order, measured, readable, threshold, verdicts_of(decided, measured))
    assert (groups.keeper[~readable] == -1).all()
    assert readable[groups.keeper[readable]].all()
    assert groups.kept[groups.keeper[readable]].all()
