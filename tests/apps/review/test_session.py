"""A session without a browser: decisions, undo, what survives a threshold, a restart, a rename."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from reviewing import SESSIONS, decide, session_of, tables

from oneofeach import flow, matching
from oneofeach.apps.review.bulk import Bulk
from oneofeach.apps.review.choices import Stale
from oneofeach.apps.review.memory import forget
from oneofeach.apps.review.session import Session
from oneofeach.errors import InvalidThreshold, Refused
from oneofeach.index import Index
from oneofeach.tables import Catalog, Decisions, Pairs

JOINS = [(0, 1, 0.99), (0, 2, 0.96), (3, 4, 0.951), (5, 6, 0.97), (7, 8, 0.945)]


@pytest.fixture(autouse=True)
def closing() -> Iterator[None]:
    yield
    while SESSIONS:
        SESSIONS.pop().close()


def session(store: str | Path = ":memory:", **options: object) -> Session:
    return session_of(*tables(10, JOINS), store, **options)


def removed(session: Session) -> list[int]:
    return np.flatnonzero(session.standing.groups.removed).tolist()


def accept_all(session: Session) -> None:
    bulk = Bulk(session)
    bulk.accept(bulk.sample("alike", "")[0], "tier alike")


def test_groups_next_to_the_threshold_come_first() -> None:
    assert session().views.numbers("all").tolist() == [3, 0, 5]


def test_pairs_on_both_sides_of_the_threshold_are_at_the_border() -> None:
    reviewed = session()
    cards = [reviewed.shown(number).rows.tolist() for number in reviewed.views.numbers("border").tolist()]
    assert cards == [[3, 4], [7, 8], [0, 1, 2], [5, 6]]


def test_a_decision_survives_every_threshold() -> None:
    reviewed = session()
    decide(reviewed, 0, "keep", 2)
    decide(reviewed, 3, "apart")
    for threshold in (0.8, 0.9, 0.999, 0.95):
        reviewed.cut(threshold)
        assert [row for row in removed(reviewed) if row < 5] == [0, 1]


def decided_elsewhere(apart: Sequence[tuple[int, int]] = (), kept: Sequence[int] = ()) -> tuple[Catalog, Pairs]:
    catalog, pairs = tables(10, JOINS)
    names = [bytes(content) for content in catalog.facts["content"]]
    pairs_apart = frozenset((min(names[a], names[b]), max(names[a], names[b])) for a, b in apart)
    return replace(catalog, decisions=Decisions(pairs_apart, frozenset(names[row] for row in kept))), pairs


def test_what_was_decided_on_the_command_line_is_obeyed() -> None:
    reviewed = session_of(*decided_elsewhere(apart=[(5, 6)], kept=[2, 4]))
    assert removed(reviewed) == [0, 3]
    assert sorted(reviewed.views.numbers("all").tolist()) == [2, 4]
    assert reviewed.outcome().groups[0].reason.endswith("(always-kept)")


def test_a_choice_against_it_is_refused() -> None:
    reviewed = session_of(*decided_elsewhere(apart=[(1, 2)], kept=[4]))
    with pytest.raises(Refused, match=r"image4.png stays.*\n.*--forget"):
        decide(reviewed, 4, "keep", 3)
    with pytest.raises(Refused, match=r"image2\.png stays"):
        decide(reviewed, 0, "keep", 1)
    decide(reviewed, 0, "keep", 0)
    decide(reviewed, 4, "accept")
    assert [row for row in removed(reviewed) if row < 5] == [1, 2, 3]


def test_an_older_choice_gives_way_to_it(tmp_path: Path) -> None:
    before = session(tmp_path / "store.sqlite")
    decide(before, 3, "keep", 3)
    decide(before, 0, "keep", 1)
    before.memory.close()
    reviewed = session_of(*decided_elsewhere(apart=[(1, 2)], kept=[4]), tmp_path / "store.sqlite")
    assert [row for row in removed(reviewed) if row < 5] == [0]
    assert [one.stays.tolist() for one in reviewed.decided] == [[True, True], [False, True, True]]


def test_a_decided_card_keeps_its_place() -> None:
    reviewed = session()
    assert reviewed.views.numbers("all").tolist() == [3, 0, 5]
    number = decide(reviewed, 0, "all")
    assert reviewed.views.numbers("all").tolist() == [3, number, 5]


def test_images_set_free_are_grouped_anew_at_the_end_of_the_list() -> None:
    catalog, pairs = tables(4, [(0, 1, 0.97), (0, 2, 0.96), (2, 3, 0.98), (1, 3, 0.9)])
    reviewed = session_of(catalog, pairs)
    assert [reviewed.shown(number).rows.tolist() for number in reviewed.views.numbers("all")] == [[0, 1, 2]]
    decide(reviewed, 0, "apart")
    cards = [reviewed.shown(number).rows.tolist() for number in reviewed.views.numbers("all").tolist()]
    assert cards == [[0, 1, 2], [2, 3]]


def test_an_image_may_stay_besides_the_suggested_one_but_one_has_to() -> None:
    reviewed = session()
    number = decide(reviewed, 0, "toggle", 2)
    assert reviewed.shown(number).stays.tolist() == [True, False, True]
    number = reviewed.decide(number, reviewed.shown(number).version, "toggle", 2)
    with pytest.raises(Refused, match="One image has to stay"):
        reviewed.decide(number, reviewed.shown(number).version, "toggle", 0)


def test_undo_takes_back_one_decision_after_another() -> None:
    reviewed = session()
    before = removed(reviewed), reviewed.views.numbers("all").tolist()
    for keeper, action in ((0, "apart"), (3, "all"), (5, "accept")):
        decide(reviewed, keeper, action)
    assert [reviewed.undo() for _ in range(3)] == [5, 3, 0]
    assert (removed(reviewed), reviewed.views.numbers("all").tolist()) == before
    assert reviewed.undo() is None


def test_undo_brings_back_the_decision_before() -> None:
    reviewed = session()
    number = decide(reviewed, 0, "keep", 1)
    reviewed.decide(number, reviewed.shown(number).version, "all")
    reviewed.undo()
    assert removed(reviewed) == [0, 2, 4, 6]


def test_a_card_that_changed_meanwhile_is_not_decided() -> None:
    reviewed = session()
    version = reviewed.shown(0).version
    decide(reviewed, 0, "keep", 1)
    with pytest.raises(Stale):
        reviewed.decide(0, version, "accept")


def test_a_restart_finds_every_decision_again(tmp_path: Path) -> None:
    first = session(tmp_path / "store")
    decide(first, 0, "keep", 1)
    decide(first, 3, "apart")
    first.cut(0.93)
    expected = removed(first)
    first.memory.close()
    again = session(tmp_path / "store")
    assert (again.standing.threshold, removed(again)) == (0.93, expected)
    again.undo()
    assert 4 in removed(again)


def test_decisions_follow_the_content_when_files_are_renamed_and_reordered(tmp_path: Path) -> None:
    catalog, pairs = tables(3, [(0, 1, 0.97), (0, 2, 0.96)])
    first = session_of(catalog, pairs, tmp_path / "store")
    decide(first, 0, "keep", 2)
    first.memory.close()
    moved, moved_pairs = tables(3, [(1, 2, 0.97), (0, 2, 0.96)])
    moved = replace(moved, facts=catalog.facts[::-1].copy(), items=[replace(i, key=f"new{i.key}") for i in moved.items])
    assert removed(session_of(moved, moved_pairs, tmp_path / "store")) == [1, 2]


def test_of_identical_files_the_chosen_one_stays(tmp_path: Path) -> None:
    catalog, pairs = tables(3, [], same=[0, 0, 0])
    catalog.facts["content"][:] = catalog.facts["content"][0]
    first = session_of(catalog, pairs, tmp_path / "store")
    decide(first, 0, "keep", 1)
    assert removed(first) == [0, 2]
    first.memory.close()
    assert removed(session_of(catalog, pairs, tmp_path / "store")) == [0, 2]


def test_identical_pictures_can_be_kept_apart() -> None:
    catalog, pairs = tables(3, [(0, 2, 0.97)], same=[0, 0, 2])
    reviewed = session_of(catalog, pairs)
    decide(reviewed, 0, "apart")
    assert removed(reviewed) == []


def test_a_bulk_decision_needs_a_filtered_tier_and_a_sample_that_was_seen() -> None:
    reviewed = session()
    bulk = Bulk(reviewed)
    with pytest.raises(Refused, match="filtered tier"):
        bulk.sample("all", "")
    ticket, total, shown = bulk.sample("alike", "")
    assert (total, sorted(shown)) == (3, [0, 3, 5])
    with pytest.raises(Stale):
        bulk.accept("another ticket", "rule")
    ticket, _, _ = bulk.sample("alike", "")
    assert bulk.accept(ticket, "tier alike") == 3
    assert not len(reviewed.standing.deck.keepers)


def test_one_undo_takes_back_a_whole_bulk_step(tmp_path: Path) -> None:
    reviewed = session(tmp_path / "store")
    accept_all(reviewed)
    rule = reviewed.memory._connection.execute("SELECT rule FROM decision").fetchone()[0]
    assert "sample of 3 seen" in rule
    reviewed.undo()
    assert reviewed.standing.deck.keepers.tolist() == [0, 3, 5]


def test_a_sample_is_void_once_something_else_was_decided() -> None:
    reviewed = session()
    bulk = Bulk(reviewed)
    ticket, _, _ = bulk.sample("alike", "")
    decide(reviewed, 0, "all")
    with pytest.raises(Stale):
        bulk.accept(ticket, "tier alike")


def test_other_keep_rules_choose_other_keepers_and_leave_decisions_alone() -> None:
    reviewed = session()
    decide(reviewed, 3, "keep", 3)
    reviewed.cut(keep="last")
    assert removed(reviewed) == [0, 4, 5]


def test_a_threshold_below_the_stored_pairs_is_refused() -> None:
    with pytest.raises(Refused, match="not looked for"):
        session().cut(0.5)
    with pytest.raises(InvalidThreshold):
        session().cut(float("nan"))


def test_a_read_only_review_stores_nothing(tmp_path: Path) -> None:
    reviewed = session(tmp_path / "store", read_only=True)
    with pytest.raises(Refused, match="read-only"):
        decide(reviewed, 0, "accept")
    reviewed.cut(0.9)
    reviewed.memory.close()
    assert session(tmp_path / "store").standing.threshold == 0.95


def test_images_seen_add_up_after_every_decision() -> None:
    reviewed = session()
    decide(reviewed, 0, "keep", 1)
    decide(reviewed, 3, "apart")
    counts = reviewed.outcome().counts
    assert counts["seen"] == counts["kept"] + counts["removed"] + counts["skipped"] == 10


def test_only_decided_images_go_when_asked_for() -> None:
    reviewed = session()
    decide(reviewed, 0, "accept")
    assert reviewed.outcome(decided_only=True).counts["removed"] == 2
    assert reviewed.outcome(decided_only=False).counts["removed"] == 4


def test_the_plan_tells_a_person_s_choice_from_a_rule() -> None:
    reviewed = session()
    decide(reviewed, 0, "keep", 2)
    reasons = {one.row: one.reason for group in reviewed.outcome().groups for one in group.duplicates}
    assert reasons[0] == "chosen in the review"
    assert reasons[4].endswith("(first)")


def test_images_that_are_only_compared_with_are_never_counted_or_removed() -> None:
    catalog, pairs = tables(4, [(0, 3, 0.97), (1, 2, 0.99)])
    catalog = replace(catalog, reference=np.array([False, False, False, True]))
    reviewed = session_of(catalog, pairs)
    counts = reviewed.outcome().counts
    assert (counts["seen"], removed(reviewed)) == (3, [0, 2])
    decide(reviewed, 3, "keep", 0)
    assert removed(reviewed) == [2]


def test_what_was_decided_one_by_one_labels_pairs_and_bulk_steps_do_not() -> None:
    reviewed = session()
    decide(reviewed, 0, "accept")
    number = decide(reviewed, 3, "apart")
    assert (reviewed.proposal().labels, reviewed.proposal().wrong) == (3, 1)
    reviewed.decide(number, reviewed.shown(number).version, "keep", 3)
    assert (reviewed.proposal().labels, reviewed.proposal().wrong) == (3, 0)
    accept_all(reviewed)
    assert reviewed.proposal().labels == 3
    reviewed.undo()
    reviewed.undo()
    assert reviewed.proposal().wrong == 1


def test_a_pair_below_the_threshold_can_be_called_a_duplicate_or_not() -> None:
    reviewed = session()
    near = next(n for n in reviewed.views.numbers("border").tolist() if reviewed.shown(n).kind == "near")
    version = reviewed.shown(near).version
    reviewed.decide(near, version, "keep", 7)
    assert removed(reviewed) == [1, 2, 4, 6, 8]
    reviewed.undo()
    reviewed.decide(near, version, "accept")
    reviewed.cut(0.9)
    assert removed(reviewed) == [1, 2, 4, 6]


def test_in_a_crowd_what_was_called_apart_stays_apart_and_every_similarity_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(matching, "LISTED", 0)
    monkeypatch.setattr(matching, "LISTED_PER_ROW", 0)
    noise = np.random.default_rng(0)
    base = np.kron(noise.integers(0, 256, (6, 6, 3)), np.ones((16, 16, 1)))
    images = [np.clip(base + noise.normal(0, 4, base.shape), 0, 255).astype(np.uint8) for _ in range(12)]
    catalog = flow.scan(images)
    pairs = flow.match(catalog)
    assert pairs.unlisted is not None
    reviewed = session_of(catalog, pairs)
    rows = reviewed.shown(int(reviewed.views.numbers("all")[0])).rows
    against = np.full(len(rows), rows[0])
    assert (reviewed.standing.measured.similarity(rows, against) >= 0.95).all()
    assert all(one.evidence for group in reviewed.outcome().groups for one in group.duplicates)
    decide(reviewed, int(rows[0]), "apart")
    for threshold in (0.95, 0.9, 0.8):
        reviewed.cut(threshold)
        assert not removed(reviewed)
    reviewed.undo()
    assert removed(reviewed)


def shared(index: Index, store: Path, threshold: float = 0.95) -> Session:
    """A review as it is opened over an index, with what the index knows."""
    catalog, pairs = tables(10, JOINS)
    catalog = replace(catalog, decisions=index.decisions.load())
    return session_of(catalog, pairs, store, index=index, threshold=threshold)


def content(*rows: int) -> set[bytes]:
    return {bytes(tables(10, JOINS)[0].facts["content"][row]) for row in rows}


def decide_three(index: Index, store: Path) -> None:
    """One image kept, a pair called apart, and a suggestion accepted."""
    reviewed = shared(index, store)
    decide(reviewed, 0, "keep", 2)
    decide(reviewed, 3, "apart")
    decide(reviewed, 5, "accept")
    reviewed.close()


def test_what_is_decided_by_hand_binds_every_other_door_until_it_is_undone(tmp_path: Path) -> None:
    with Index(tmp_path / "index.sqlite") as index:
        decide_three(index, tmp_path / "store")
        known = index.decisions.load()
        assert known.kept == content(2)
        assert known.apart == {tuple(sorted(content(3, 4)))}
        again = shared(index, tmp_path / "store")
        assert [again.undo() for _ in range(3)] == [5, 3, 0]
        again.close()
        assert index.decisions.load() == Decisions()


def test_another_choice_takes_the_place_of_the_first_in_the_index_too_even_later(tmp_path: Path) -> None:
    with Index(tmp_path / "index.sqlite") as index:
        first = shared(index, tmp_path / "store")
        number = decide(first, 0, "keep", 2)
        first.close()
        again = shared(index, tmp_path / "store")
        again.decide(number, again.shown(number).version, "keep", 0)
        number = again.number_of(0) or 0
        again.close()
        assert index.decisions.load().kept == content(0)
        third = shared(index, tmp_path / "store")
        third.decide(number, third.shown(number).version, "apart")
        third.close()
        assert index.decisions.load().kept == set()
        assert len(index.decisions.load().apart) == 3


def test_what_was_decided_elsewhere_is_neither_overruled_nor_taken_back(tmp_path: Path) -> None:
    with Index(tmp_path / "index.sqlite") as index:
        index.decisions.keep([(next(iter(content(2))), "by hand")])
        reviewed = shared(index, tmp_path / "store")
        with pytest.raises(Refused, match="stays"):
            decide(reviewed, 0, "keep", 0)
        decide(reviewed, 3, "keep", 4)
        reviewed.undo()
        reviewed.close()
        assert index.decisions.load().kept == content(2)


def test_what_was_forgotten_on_the_command_line_is_open_again_and_stays_forgotten(tmp_path: Path) -> None:
    with Index(tmp_path / "index.sqlite") as index:
        decide_three(index, tmp_path / "store")
        assert forget([*content(2), *content(7)], str(tmp_path / "store")) == 1
        index.decisions.forget([*content(2)])
        again = shared(index, tmp_path / "store")
        assert again.is_open(0)
        assert len(again.decided) == 2
        again.close()
        assert index.decisions.load().kept == set()
        assert len(index.decisions.load().apart) == 1


def test_nothing_is_forgotten_where_no_page_was_ever_opened(tmp_path: Path) -> None:
    assert forget([*content(2)], str(tmp_path / "store")) == 0
    assert not (tmp_path / "store").exists()


def test_an_index_that_was_lost_is_told_again_when_the_review_is_opened(tmp_path: Path) -> None:
    with Index(tmp_path / "one.sqlite") as index:
        reviewed = shared(index, tmp_path / "store")
        decide(reviewed, 0, "all")
        decide(reviewed, 3, "apart")
        reviewed.close()
        expected = index.decisions.load()
    with Index(tmp_path / "two.sqlite") as index:
        shared(index, tmp_path / "store").close()
        assert index.decisions.load() == expected
        assert expected.kept == content(0, 1, 2)


def test_an_index_that_cannot_be_written_is_said_once_and_stops_nobody(tmp_path: Path) -> None:
    lines: list[str] = []
    with Index(tmp_path / "index.sqlite") as index:
        catalog, pairs = tables(10, JOINS)
        reviewed = session_of(catalog, pairs, tmp_path / "store", index=index, say=lines.append)
    decide(reviewed, 0, "keep", 2)
    decide(reviewed, 3, "apart")
    reviewed.close()
    assert len(lines) == 1
    assert "does not know yet" in lines[0]
    assert removed(session(tmp_path / "store")) == [0, 1, 6]
