from __future__ import annotations

from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneofeach import kernels
from oneofeach.errors import InvalidThreshold, OneOfEachError
from oneofeach.kernels import keepers_numpy
from oneofeach.stages.grouping import components, keeper_first
from oneofeach.tables import EVIDENCE, Groups, Pairs

LEVELS = [0.8, 0.85, 0.9, 0.95, 0.9999, 1.0]


def table(n: int, joined: dict[tuple[int, int], float], same: list[int] | None = None) -> Pairs:
    listed = sorted(joined)
    i, j = (np.array([pair[side] for pair in listed], np.int64) for side in (0, 1))
    similarity = np.array([joined[pair] for pair in listed])
    classes = np.arange(n) if same is None else np.array(same, np.int64)
    return Pairs(0.8, i, j, similarity, np.zeros(len(listed), EVIDENCE), classes)


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, Pairs, np.ndarray, float]:
    n = draw(st.integers(0, 14))
    same = [draw(st.sampled_from([r, *range(max(0, r - 2), r)])) for r in range(n)]
    for r in range(n):
        same[r] = same[same[r]]
    heads = sorted(set(same))
    possible = [(a, b) for a in heads for b in heads if a < b]
    listed = draw(st.lists(st.sampled_from(possible), unique=True)) if possible else []
    joined = {pair: draw(st.sampled_from(LEVELS)) for pair in listed}
    order = np.array(draw(st.permutations(range(n))), np.int64)
    readable = np.array([draw(st.integers(0, 9)) > 0 for _ in range(n)], bool)
    return order, table(n, joined, same), readable, draw(st.sampled_from([0.0, *LEVELS, 0.92]))


def similarities(pairs: Pairs) -> np.ndarray:
    """float[n, n] between all rows, -1 where no pair is listed."""
    n = len(pairs.same)
    known = np.full((n, n), -1.0)
    known[pairs.i, pairs.j] = known[pairs.j, pairs.i] = pairs.similarity
    known = known[np.ix_(pairs.same, pairs.same)]
    known[pairs.same[:, None] == pairs.same[None, :]] = 1.0
    return known


def by_definition(order: np.ndarray, pairs: Pairs, readable: np.ndarray, threshold: float) -> tuple[list, list]:
    known = similarities(pairs)
    keeper, similarity = [-1] * len(order), [0.0] * len(order)
    kept: list[int] = []
    for row in order.tolist():
        if not readable[row]:
            continue
        near = [k for k in kept if known[row, k] >= threshold or threshold == 0.0]
        best = max(near, key=lambda k: (known[row, k], -kept.index(k)), default=None)
        if best is None:
            kept.append(row)
        keeper[row] = row if best is None else best
        similarity[row] = 1.0 if best is None else max(0.0, known[row, best])
    return keeper, similarity


@given(cases())
def test_groups_follow_the_definition(case: Any) -> None:
    groups = keeper_first(*case)
    keeper, similarity = by_definition(*case)
    assert groups.keeper.tolist() == keeper
    assert groups.similarity.tolist() == similarity


@given(cases(), st.sampled_from([0, 32]))
def test_the_numpy_twin_gives_the_same_in_rounds_and_edge_by_edge(case: Any, rounds: int) -> None:
    with mock.patch.object(kernels, "compiled", None), mock.patch.object(keepers_numpy, "ROUNDS", rounds):
        twin = keeper_first(*case)
    groups = keeper_first(*case)
    assert twin.keeper.tolist() == groups.keeper.tolist() == by_definition(*case)[0]
    assert twin.pair.tolist() == groups.pair.tolist()
    assert twin.similarity.tolist() == groups.similarity.tolist()


@given(cases())
def test_no_two_kept_images_are_duplicates_of_each_other(case: Any) -> None:
    _, pairs, _, threshold = case
    kept = np.flatnonzero(keeper_first(*case).kept)
    between = similarities(pairs)[np.ix_(kept, kept)]
    np.fill_diagonal(between, -1.0)
    assert (between < threshold).all()
    assert threshold > 0 or len(kept) <= 1


@given(cases())
def test_every_removed_image_is_a_duplicate_of_its_keeper(case: Any) -> None:
    _, pairs, readable, threshold = case
    groups = keeper_first(*case)
    removed = np.flatnonzero(groups.removed)
    keeper = groups.keeper[removed]
    assert groups.kept[keeper].all()
    assert (groups.similarity[removed] >= threshold).all()
    known = similarities(pairs)[removed, keeper]
    assert (groups.similarity[removed] == np.maximum(known, 0.0)).all()
    assert ((groups.keeper == -1) == ~readable).all()


@given(cases())
def test_the_pair_of_a_row_joins_it_to_its_keeper(case: Any) -> None:
    _, pairs, _, _ = case
    groups = keeper_first(*case)
    for row in np.flatnonzero(groups.pair >= 0):
        position = groups.pair[row]
        ends = {pairs.i[position], pairs.j[position]}
        assert ends == {pairs.same[row], pairs.same[groups.keeper[row]]}
        assert pairs.similarity[position] == groups.similarity[row]
    joined = groups.removed & (pairs.same != pairs.same[groups.keeper])
    assert (groups.pair[groups.kept] == -1).all()
    assert ((groups.pair >= 0) == joined).all() or case[3] == 0.0


@given(cases())
def test_components_are_what_a_walk_reaches(case: Any) -> None:
    order, pairs, readable, threshold = case
    alike = (similarities(pairs) >= threshold) | (threshold == 0.0)
    expected = np.full(len(order), -1)
    for first in order[readable[order]]:
        reached, front = set(), {int(first)} if expected[first] < 0 else set()
        while front:
            reached |= front
            front = {int(r) for row in front for r in np.flatnonzero(alike[row] & readable)} - reached
        expected[list(reached)] = first
    assert components(order, pairs, readable, threshold).tolist() == expected.tolist()


def test_a_copy_seen_late_joins_the_better_keeper_that_came_in_between() -> None:
    """Rows 1 and 3 are identical; 2 is closer to them than 0, but only 3 comes after 2."""
    pairs = table(4, {(0, 1): 0.9, (1, 2): 0.95}, same=[0, 1, 2, 1])
    groups = keeper_first(np.arange(4), pairs, np.ones(4, bool), 0.9)
    assert groups.keeper.tolist() == [0, 0, 2, 2]


def test_a_threshold_below_the_floor_of_the_pairs_is_refused() -> None:
    with pytest.raises(OneOfEachError, match=r"below 0.8.*\nMatch again with floor=0.5"):
        keeper_first(np.arange(2), table(2, {}), np.ones(2, bool), 0.5)


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_outside_0_to_1_is_refused(threshold: float) -> None:
    with pytest.raises(InvalidThreshold):
        keeper_first(np.arange(2), table(2, {}), np.ones(2, bool), threshold)


def test_nothing_to_group_gives_empty_groups() -> None:
    groups: Groups = keeper_first(np.zeros(0, np.int64), table(0, {}), np.zeros(0, bool), 0.0)
    assert len(groups.keeper) == 0
