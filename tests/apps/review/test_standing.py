"""One decision more, regrouped only as far as it reaches, leaves the same as regrouping everything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reviewing import tables

from oneofeach.apps.review import reach
from oneofeach.apps.review.reach import Reach
from oneofeach.apps.review.standing import Standing
from oneofeach.apps.review.verdicts import ACCEPT, ALL, APART, BULK, KEEP, MARKS, Decided
from oneofeach.tables import Catalog, Pairs

N = 24


@st.composite
def catalogs(draw: st.DrawFn) -> tuple[Catalog, Pairs]:
    """Small groups among others, identical pictures, images that are only compared with, and some unreadable."""
    same = list(range(N))
    for row in draw(st.sets(st.integers(1, N - 1), max_size=5)):
        same[row] = same[row - 1]
    classes = [row for row in range(N) if same[row] == row]
    possible = [(i, j) for i in classes for j in classes if i < j]
    chosen = draw(st.lists(st.sampled_from(possible), unique=True, max_size=20))
    joins = [(i, j, draw(st.sampled_from([0.80, 0.85, 0.90, 0.95, 0.99]))) for i, j in chosen]
    catalog, pairs = tables(N, joins, same)
    reference = np.arange(N) >= N - draw(st.integers(0, 3))
    return replace(catalog, reference=reference, errors=dict.fromkeys(draw(st.sets(st.integers(0, 3))), "bad")), pairs


@st.composite
def decisions(draw: st.DrawFn) -> list[Decided]:
    found = []
    for number in range(draw(st.integers(1, 6))):
        rows = np.array(draw(st.lists(st.integers(0, N - 1), min_size=2, max_size=4, unique=True)))
        kind = draw(st.sampled_from([ACCEPT, KEEP, ALL, APART, MARKS, BULK]))
        stays = np.ones(len(rows), bool) if kind in (ALL, APART) else np.arange(len(rows)) == 0
        if kind == MARKS:
            stays |= np.array(draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))))
        found.append(Decided(number, kind, rows, stays))
    return found


def told(standing: Standing) -> list[object]:
    """Everything that the page shows of it."""
    deck, groups = standing.deck, standing.groups
    columns = (deck.keepers, deck.starts, deck.members, deck.least, deck.tier, deck.order, groups.keeper)
    return [column.tolist() for column in (*columns, groups.similarity)] + [standing.tally]


@pytest.fixture(scope="module", autouse=True)
def all_within_reach() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reach, "SHARE", 0)
        yield


@settings(max_examples=300, deadline=None)
@given(catalogs(), decisions(), st.sampled_from([0.80, 0.85, 0.90, 0.95, 1.0]), st.sets(st.integers(0, N - 1)))
def test_a_decision_that_is_heard_alone_leaves_the_same_as_all_anew(
    made: tuple[Catalog, Pairs], decided: list[Decided], threshold: float, gone: set[int]
) -> None:
    standing, anew = Standing(*made, []), Standing(*made, [])
    for one in (standing, anew):
        one.gone[list(gone)] = True
        one.cut(threshold, "first")
    for at, one in enumerate(decided):
        before = set(standing.deck.keepers.tolist())
        dealt = standing.hear_bulk([one]) if one.kind == BULK else standing.hear(one)
        anew.decide(decided[: at + 1])
        assert told(standing) == told(anew)
        assert set(standing.deck.keepers.tolist()) - before <= set(dealt.tolist())


def test_only_what_a_decision_reaches_is_regrouped(monkeypatch: pytest.MonkeyPatch) -> None:
    catalog, pairs = tables(300, [(row, row + 1, 0.97) for row in range(0, 300, 3)])
    standing = Standing(catalog, pairs, [])
    standing.cut(0.95, "first")
    monkeypatch.setattr(standing, "regroup", lambda: pytest.fail("everything was regrouped"))
    dealt = standing.hear(Decided(1, APART, np.array([0, 1]), np.ones(2, bool)))
    assert dealt.tolist() == []
    assert standing.tally.removed == 99


def test_what_a_long_chain_reaches_is_left_to_regrouping_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "STEPS", 3)
    _, pairs = tables(9, [(row, row + 1, 0.97) for row in range(8)])
    rows, nobody = np.array([0]), np.full(9, -1)
    assert Reach(pairs).around(rows, 0.95, nobody) is None
    _, short = tables(9, [(0, 1, 0.97), (1, 2, 0.9)])
    found = Reach(short).around(rows, 0.95, nobody)
    assert found is not None
    assert found.tolist() == [0, 1]
