from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import dataset
import pytest

from oneofeach.errors import Refused
from oneofeach.stages.acting.journals import journals, read
from oneofeach.stages.acting.perform import perform
from oneofeach.stages.acting.plans import Plan
from oneofeach.stages.acting.undo import undo


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    root = dataset.make(tmp_path / "photos", {"a.png": "A", "b.png": "B", "c.png": "C", "d.png": "D"})
    return dataset.plan(root, *(dataset.step(root, name, "a.png") for name in ("b.png", "c.png", "d.png")))


@pytest.fixture
def folder(tmp_path: Path) -> str:
    (tmp_path / "journals").mkdir()
    return str(tmp_path / "journals")


def damage(path: str, where: Callable[[bytes], bool], by: bytes = b"\0\0garbage\xff") -> bytes:
    """Write over every line that is meant, as a failing disk may; the lines that were there."""
    lines = Path(path).read_bytes().splitlines(keepends=True)
    Path(path).write_bytes(b"".join(by + b"\n" if where(line) else line for line in lines))
    return b"".join(line for line in lines if where(line))


def test_all_but_the_damaged_lines_of_a_journal_are_undone_and_no_line_is_lost(plan: Plan, folder: str) -> None:
    root = Path(plan.roots[0])
    before = dataset.snapshot(root)
    journal = perform(plan, folder)
    intents = json.loads(Path(journal.path).read_bytes().splitlines()[2])
    assert intents["do"]["source"] == str(root / "c.png")
    lost = damage(journal.path, lambda line: b'"do"' in line and b'"n": 2' in line)
    length = os.path.getsize(journal.path)
    after = undo(read(journal.path))
    assert (after.damaged, after.restored, after.not_restored) == ([3], 2, [])
    assert dataset.snapshot(root).keys() == before.keys() - {"c.png"} | {".oneofeach-quarantine/t/c.png"}
    assert os.path.getsize(journal.path) > length, "what was there is never cut away"
    again = Path(journal.path).read_bytes().replace(b"\0\0garbage\xff\n", lost)
    Path(journal.path).write_bytes(again)
    assert undo(read(journal.path)).not_restored == []
    assert dataset.snapshot(root) == before


def test_a_damaged_outcome_counts_as_cut_off_and_is_undone_all_the_same(plan: Plan, folder: str) -> None:
    before = dataset.snapshot(Path(plan.roots[0]))
    journal = perform(plan, folder)
    damage(journal.path, lambda line: b'"outcome"' in line)
    assert [unit.number for unit in read(journal.path).open_units] == [1, 2, 3]
    assert undo(journal.path).restored == 3
    assert dataset.snapshot(Path(plan.roots[0])) == before


def test_a_journal_without_its_first_line_is_still_listed_and_undone(plan: Plan, folder: str) -> None:
    before = dataset.snapshot(Path(plan.roots[0]))
    journal = perform(plan, folder)
    damage(journal.path, lambda line: b"oneofeach_journal" in line)
    (found,) = journals(folder)
    assert (found.id, found.roots, found.damaged, found.planned) == ("t", plan.roots, [1], 3)
    assert undo(found).restored == 3
    assert dataset.snapshot(Path(plan.roots[0])) == before


def test_a_journal_without_its_first_lines_is_undone_as_far_as_it_can_be_read(plan: Plan, folder: str) -> None:
    journal = perform(plan, folder)
    half = b'{"n": 1, "do": {"action": "quarantine"}, "was": [1, 2, 3]}'
    damage(journal.path, lambda line: b'"n": 1' in line and b'"do"' in line, half)
    damage(journal.path, lambda line: b"oneofeach_journal" in line)
    (found,) = journals(folder)
    assert (found.damaged, undo(found).restored) == ([1, 2], 2)


def test_a_caption_with_a_character_that_no_path_can_have_comes_back(tmp_path: Path, folder: str) -> None:
    root = dataset.make(tmp_path / "photos", {"a.png": "A", "b.png": "B", "a.txt": "cat\0", "b.txt": "dog"})
    before = dataset.snapshot(root)
    journal = perform(dataset.planned(root, {"b.png": "a.png"}, captions="merge-tags"), folder)
    assert (root / "a.txt").read_text() == "cat\0, dog"
    after = undo(journal.path)
    assert (after.restored, after.damaged) == (2, [])
    assert dataset.snapshot(root) == before


@pytest.mark.parametrize("wrong", [b'{"n": 2, "do": {"action": "quarantine"}, "was": [1, 2, 3]}', b'{"n": "2"}', b"[]"])
def test_a_line_that_is_no_record_is_damage_too(plan: Plan, folder: str, wrong: bytes) -> None:
    journal = perform(plan, folder)
    damage(journal.path, lambda line: b'"do"' in line and b'"n": 2' in line, wrong)
    again = read(journal.path)
    assert (again.damaged, sorted(again.units), again.last) == ([3], [1, 3], 3)
    assert again.intend(plan.steps[0], (0, 0, 0)).number == 4


def test_a_file_without_any_intent_is_no_journal(tmp_path: Path) -> None:
    for text in ("", "no\n", "{}\n", "no\n{}\n"):
        (tmp_path / "x.jsonl").write_text(text)
        with pytest.raises(Refused, match="Not a journal of version 1"):
            read(str(tmp_path / "x.jsonl"))
    assert journals(str(tmp_path)) == []


def test_a_finished_plan_that_is_applied_again_says_that_it_was_done(plan: Plan, folder: str) -> None:
    first = perform(plan, folder)
    second = perform(plan, folder)
    assert {result.reason for result in second.refused} == {"already done, see journal t"}
    assert second.counts["refused"] == 3
    undo(first)
    third = perform(plan, folder)
    assert third.counts["done"] == 3
    assert {result.reason for result in perform(plan, folder).refused} == {"already done, see journal t-3"}


def test_the_journal_of_a_plan_whose_name_begins_alike_is_never_gone_on_with(plan: Plan, folder: str) -> None:
    class Cut(BaseException):
        pass

    def stop(*_: object) -> None:
        raise Cut

    other = replace(plan, id="t2")
    with pytest.raises(Cut):
        perform(other, folder, progress=stop)
    cut = Path(folder, "t2.jsonl").read_bytes()
    assert perform(plan, folder).id == "t"
    assert Path(folder, "t2.jsonl").read_bytes() == cut


def test_undo_names_a_file_once_and_a_sidecar_by_its_path(tmp_path: Path, folder: str) -> None:
    root = dataset.make(tmp_path / "p", {"a.png": "A", "b.png": "B", "b.txt": "b"})
    journal = perform(dataset.plan(root, dataset.step(root, "b.png", "a.png", sidecars=["b.txt"])), folder)
    moved = Path(journal.units[1].step.file.target)
    moved.unlink()
    moved.with_suffix(".txt").unlink()
    (result,) = undo(journal).not_restored
    gone = "it is neither in its place nor in the quarantine"
    assert (result.source, result.reason) == (str(root / "b.png"), f"{root / 'b.txt'}: {gone}; {gone}")
