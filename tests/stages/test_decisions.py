"""What a person decided is obeyed, whatever the pairs look like."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from oneofeach.stages.decisions import obeyed
from oneofeach.stages.grouping import keeper_first
from oneofeach.stages.preference import rank
from oneofeach.tables import EVIDENCE, FACTS, Catalog, Decisions, Groups, Item, Pairs

THRESHOLD = 0.9


def key(number: int) -> bytes:
    return bytes([number + 1]) * 32


def catalog(contents: list[int], decisions: Decisions, references: int = 0) -> Catalog:
    facts = np.zeros(len(contents), FACTS)
    for row, content in enumerate(contents):
        facts[row]["content"] = np.frombuffer(key(content), np.uint8)
    nothing = np.zeros((len(contents), 0), np.uint8)
    items = [Item(str(row), str(row)) for row in range(len(contents))]
    reference = np.arange(len(contents)) >= len(contents) - references
    return Catalog("none", items, facts, nothing, nothing, reference=reference, decisions=decisions)


@dataclass
class Dense:
    """All pairs of some rows, unlisted."""

    table: np.ndarray
    dense: np.ndarray

    def around(self, row: int) -> np.ndarray:
        others = np.flatnonzero(self.dense)
        return others[others != row]

    def similarity(self, row: int, others: np.ndarray) -> np.ndarray:
        return self.table[row, others]


def pairs_of(same: list[int], table: np.ndarray, dense: np.ndarray | None = None) -> Pairs:
    """The pairs at or above the threshold between first rows of classes."""
    firsts = sorted(set(same))
    hidden = dense if dense is not None else np.zeros(len(same), bool)
    found = [(i, j) for i, j in combinations(firsts, 2) if table[i, j] >= THRESHOLD and not (hidden[i] and hidden[j])]
    i, j = (np.array([pair[side] for pair in found], np.int64) for side in (0, 1))
    unlisted = None if dense is None else Dense(table, dense)
    return Pairs(THRESHOLD, i, j, table[i, j], np.zeros(len(i), EVIDENCE), np.array(same), unlisted=unlisted)


def grouped(found: Catalog, pairs: Pairs) -> Groups:
    ranking = rank(found, "first")
    return keeper_first(ranking.order, obeyed(found, pairs), found.readable, THRESHOLD)


def table_of(n: int, similar: set[tuple[int, int]]) -> np.ndarray:
    table = np.eye(n)
    for a, b in similar:
        table[a, b] = table[b, a] = 0.95
    return table


def test_a_pair_that_is_set_apart_is_no_duplicate() -> None:
    table = table_of(3, {(0, 1), (0, 2)})
    apart = Decisions(apart=frozenset({(key(0), key(1))}))
    assert grouped(catalog([0, 1, 2], Decisions()), pairs_of([0, 1, 2], table)).keeper.tolist() == [0, 0, 0]
    assert grouped(catalog([0, 1, 2], apart), pairs_of([0, 1, 2], table)).keeper.tolist() == [0, 1, 0]


def test_images_that_look_identical_can_be_set_apart_and_keep_their_other_duplicates() -> None:
    apart = Decisions(apart=frozenset({(key(0), key(1))}))
    groups = grouped(catalog([0, 1, 1, 2, 3], apart), pairs_of([0, 0, 0, 0, 4], table_of(5, {(0, 4)})))
    assert groups.keeper.tolist() == [0, 1, 1, 0, 0]
    assert groups.similarity.tolist() == [1.0, 1.0, 1.0, 1.0, 0.95]


def test_an_image_that_is_always_kept_stays_and_others_may_go_for_it() -> None:
    table = table_of(3, {(0, 1), (1, 2)})
    kept = Decisions(kept=frozenset({key(1)}))
    assert grouped(catalog([0, 1, 2], kept), pairs_of([0, 1, 2], table)).keeper.tolist() == [1, 1, 1]
    both = Decisions(kept=frozenset({key(0), key(1)}))
    assert grouped(catalog([0, 1, 2], both), pairs_of([0, 1, 2], table)).keeper.tolist() == [0, 1, 1]


def test_images_that_look_identical_can_both_be_kept_and_exact_copies_still_go() -> None:
    both = Decisions(kept=frozenset({key(0), key(1)}))
    assert grouped(catalog([0, 1, 0, 2], both), pairs_of([0, 0, 0, 0], np.eye(4))).keeper.tolist() == [0, 1, 0, 0]


def test_an_image_that_is_always_kept_stays_beside_a_reference_like_it() -> None:
    found = catalog([0, 1], Decisions(kept=frozenset({key(0)})), references=1)
    assert grouped(found, pairs_of([0, 1], table_of(2, {(0, 1)}))).keeper.tolist() == [0, 1]


def test_the_reason_names_the_decision() -> None:
    ranking = rank(catalog([0, 1], Decisions(kept=frozenset({key(1)}))), "first")
    assert ranking.reason(1, 0) == "always kept by decision over not decided (always-kept)"


def test_no_decision_changes_nothing() -> None:
    pairs = pairs_of([0, 0, 2], table_of(3, {(0, 2)}))
    assert obeyed(catalog([0, 1, 2], Decisions()), pairs) is pairs
    assert obeyed(catalog([0, 1, 2], Decisions(kept=frozenset({key(9)}))), pairs) is pairs


CONTENTS = st.lists(st.integers(0, 5), min_size=1, max_size=8)
TWO = st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(lambda pair: pair[0] < pair[1])


@settings(max_examples=200, deadline=None)
@given(CONTENTS, st.data())
def test_decisions_are_obeyed_and_grouping_keeps_its_laws(contents: list[int], data: st.DataObject) -> None:
    n = len(contents)
    look = {content: data.draw(st.integers(0, 3)) for content in sorted(set(contents))}
    looks = [look[content] for content in contents]
    same = [looks.index(one) for one in looks]
    similar = data.draw(st.sets(TWO.filter(lambda pair: pair[1] < 4)))
    near = {(a, b) for a, b in combinations(range(n), 2) if (*sorted((looks[a], looks[b])),) in similar}
    table = table_of(n, near)
    dense = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))[np.array(same)]
    dense &= np.array(same) == np.arange(n)
    apart = frozenset((key(a), key(b)) for a, b in data.draw(st.sets(TWO)))
    kept = frozenset(key(a) for a in data.draw(st.sets(st.integers(0, 5))))
    found = catalog(contents, Decisions(apart, kept))
    listed = grouped(found, pairs_of(same, table))
    groups = grouped(found, pairs_of(same, table, dense if data.draw(st.booleans()) else None))
    assert groups.keeper.tolist() == listed.keeper.tolist()
    forced = {row for row in range(n) if key(contents[row]) in kept}
    kept_contents = {contents[row] for row in np.flatnonzero(groups.kept).tolist()}
    assert {contents[row] for row in forced} <= kept_contents
    allowed = table.copy()
    for a, b in combinations(range(n), 2):
        if looks[a] == looks[b]:
            allowed[a, b] = allowed[b, a] = 1.0
        if contents[a] != contents[b]:
            one, other = sorted((key(contents[a]), key(contents[b])))
            if (one, other) in apart or {a, b} <= forced:
                allowed[a, b] = allowed[b, a] = 0.0
    for row, keeper in enumerate(groups.keeper.tolist()):
        assert allowed[row, keeper] >= THRESHOLD
        assert groups.keeper[keeper] == keeper
    stay = np.flatnonzero(groups.kept)
    assert all(allowed[a, b] < THRESHOLD for a, b in combinations(stay.tolist(), 2))
    again = obeyed(found, obeyed(found, replace(pairs_of(same, table))))
    assert again.same.tolist() == obeyed(found, pairs_of(same, table)).same.tolist()


@settings(max_examples=200, deadline=None)
@given(CONTENTS, st.data())
def test_the_pairs_left_are_those_that_no_decision_names(contents: list[int], data: st.DataObject) -> None:
    """Against the definition, one pair after another; equal contents are one class."""
    n = len(contents)
    same = [contents.index(one) for one in contents]
    near = {pair for pair in combinations(sorted(set(same)), 2) if data.draw(st.booleans())}
    apart = frozenset((key(a), key(b)) for a, b in data.draw(st.sets(TWO)))
    kept = frozenset(key(a) for a in data.draw(st.sets(st.integers(0, 5))))
    found = catalog(contents, Decisions(apart, kept), references=data.draw(st.integers(0, n - 1)))
    pairs = pairs_of(same, table_of(n, near))
    hidden = pairs_of(same, table_of(n, near), np.array(same) == np.arange(n))
    stand = {row for row in range(n) if any(found.reference[other] for other in range(n) if same[other] == same[row])}
    stay = {row for row in range(n) if key(contents[row]) in kept}
    expected = []
    for i, j in zip(pairs.i.tolist(), pairs.j.tolist(), strict=True):
        both = {i, j} <= stay | stand and ({i, j} & stay)
        if not both and (key(contents[i]), key(contents[j])) not in apart | {pair[::-1] for pair in apart}:
            expected.append((i, j))
    left = obeyed(found, pairs)
    assert list(zip(left.i.tolist(), left.j.tolist(), strict=True)) == expected
    unlisted = obeyed(found, hidden).unlisted
    assert unlisted is not None
    for row in sorted(set(same)):
        alike = [other for other in unlisted.around(row).tolist() if unlisted.similarity(row, np.array([other])) >= 0.9]
        assert alike == sorted({j for i, j in expected if i == row} | {i for i, j in expected if j == row})
