"""What must be on disk before what, so that no power cut loses anything: the order of writes, syncs and renames.

A crash test cannot see a missing sync, because the kernel of a killed process goes on; a recording of the calls can.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import dataset
import pytest

from oneofeach.stages.acting import changing, disk
from oneofeach.stages.acting import perform as performing
from oneofeach.stages.acting.actions import ALL
from oneofeach.stages.acting.journal import Journal
from oneofeach.stages.acting.journals import journals, read
from oneofeach.stages.acting.names import QUARANTINE
from oneofeach.stages.acting.perform import perform
from oneofeach.stages.acting.plans import Plan
from oneofeach.stages.acting.undo import undo

pytestmark = pytest.mark.skipif(os.name == "nt", reason="folders cannot be synced there")

Event = tuple[str, Any]


@dataclass
class Recording:
    """Records of the journal that were written, paths that were synced, (source, target) of renames; in order.

    together: let a kernel rename many files in one call.
    """

    together: bool
    events: list[Event] = field(default_factory=list)

    def arm(self, patch: pytest.MonkeyPatch) -> None:
        exclusive, kernel, write, fsync = disk._exclusive_rename(), disk.moving_kernel(), os.write, os.fsync
        assert exclusive is not None

        def rename(source: str, target: str) -> int:
            self.events.append(("rename", (source, target)))
            return exclusive(source, target)

        def moved(moves: list[disk.Move], patience: int) -> tuple[int, int]:
            assert kernel is not None
            self.events += [("rename", move[:2]) for move in moves]
            return kernel(moves, patience)

        def written(descriptor: int, data: bytes) -> int:
            self.events += [("record", json.loads(line)) for line in bytes(data).splitlines()]
            return write(descriptor, data)

        def synced(descriptor: int) -> None:
            fsync(descriptor)
            self.events.append(("sync", os.readlink(f"/proc/self/fd/{descriptor}")))

        patch.setattr(disk, "_exclusive_rename", lambda: rename)
        patch.setattr(changing, "moving_kernel", lambda: moved if self.together and kernel else None)
        patch.setattr(os, "write", written)
        patch.setattr(os, "fsync", synced)

    def all(self, kind: str) -> list[tuple[int, Any]]:
        return [(at, what) for at, (name, what) in enumerate(self.events) if name == kind]

    def at(self, event: Event, start: int = 0) -> int:
        return self.events.index(event, start)

    def record(self, **wanted: Any) -> int:
        """Where a record with these values was written."""
        return next(at for at, record in self.all("record") if wanted.items() <= record.items())


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    files = {"a.png": "A", "b.png": "B", "b.txt": "b", "c.png": "C", "sub/d.png": "D", "e.png": "E"}
    root = dataset.make(tmp_path / "photos", files)
    first = dataset.step(root, "b.png", "a.png", sidecars=["b.txt"])
    return dataset.plan(root, first, *(dataset.step(root, name, "a.png") for name in ("c.png", "sub/d.png", "e.png")))


@pytest.fixture
def folder(tmp_path: Path) -> str:
    (tmp_path / "journals").mkdir()
    return str(tmp_path / "journals")


@pytest.fixture(params=[True, False], ids=["together", "one by one"])
def recording(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Recording:
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("paths of descriptors are read from /proc")
    monkeypatch.setattr(performing, "BATCH", 2)
    made = Recording(request.param)
    made.arm(monkeypatch)
    return made


def test_every_intent_is_on_disk_before_its_file_moves(plan: Plan, folder: str, recording: Recording) -> None:
    path = perform(plan, folder).path
    for number, step in enumerate(plan.removals, 1):
        intent = recording.record(n=number)
        moved = recording.at(("rename", (step.file.path, step.file.target)))
        assert intent < recording.at(("sync", path), intent) < moved
        assert recording.at(("sync", folder)) < moved


def test_folders_that_nothing_else_touches_are_on_disk_before_their_step_is_called_done(
    tmp_path: Path, folder: str, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(performing, "BATCH", 1)
    names = [f"{folder}/b.png" for folder in "xyz"]
    root = dataset.make(tmp_path / "photos", {"a.png": "A", **dict.fromkeys(names, "B")})
    dataset.make(root / QUARANTINE / "t", dict.fromkeys((f"{name}.older" for name in names), ""))
    plan = dataset.plan(root, *(dataset.step(root, name, "a.png") for name in names))
    path = perform(plan, folder).path
    for number, step in enumerate(plan.removals, 1):
        done, moved = recording.record(n=number, outcome="done"), recording.all("rename")[number - 1][0]
        for changed in (os.path.dirname(step.file.path), os.path.dirname(step.file.target)):
            assert moved < recording.at(("sync", changed), moved) < done
    assert recording.all("sync")[-1][1] == path, "and the last words of the journal are, too"
    assert recording.all("record")[-1][0] < recording.all("sync")[-1][0]
    assert path not in {os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")}, "it is closed"


def test_nothing_is_called_done_before_its_folders_are_on_disk(plan: Plan, folder: str, recording: Recording) -> None:
    perform(plan, folder)
    for number, step in enumerate(plan.removals, 1):
        done = recording.record(n=number, outcome="done")
        for file in step.files:
            moved = max(at for at, pair in recording.all("rename") if pair == (file.path, file.target))
            for changed in (os.path.dirname(file.path), os.path.dirname(file.target)):
                assert moved < recording.at(("sync", changed), moved) < done
    made = recording.at(("rename", (plan.steps[0].file.path, plan.steps[0].file.target)))
    assert recording.at(("sync", plan.roots[0]), made) < recording.record(outcome="done")  # the quarantine's own name


def test_what_a_batch_changes_is_noted_before_the_second_after_it_changes_anything(
    plan: Plan, folder: str, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(performing, "BATCH", 1)
    path = perform(plan, folder).path
    for number, step in enumerate(plan.removals[2:], 1):
        noted = recording.record(n=number, outcome="done")
        moved = recording.at(("rename", (step.file.path, step.file.target)))
        assert noted < recording.at(("sync", path), noted) < moved


def test_all_that_is_noted_is_on_disk_at_the_end(plan: Plan, folder: str, recording: Recording) -> None:
    journal = perform(plan, folder)
    assert recording.events[-1] == ("sync", journal.path)
    undo(journal)
    assert recording.events[-1] == ("sync", journal.path)


def test_nothing_is_called_restored_before_its_folders_are_on_disk(
    plan: Plan, folder: str, recording: Recording
) -> None:
    journal = perform(plan, folder)
    recording.events.clear()
    undo(journal)
    for number, step in enumerate(plan.removals, 1):
        restored = recording.record(n=number, undo="restored")
        back = recording.at(("rename", (step.file.target, step.file.path)))
        assert back < recording.at(("sync", os.path.dirname(step.file.path)), back) < restored
        assert back < recording.at(("sync", os.path.dirname(step.file.target)), back) < restored


@pytest.mark.parametrize("batch", [1, 2])
def test_a_caption_is_on_disk_before_what_it_comes_from_is_gone_for_good(
    tmp_path: Path, folder: str, recording: Recording, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(performing, "BATCH", batch)
    root = dataset.make(tmp_path / "p", {"a.png": "A", "b.png": "B", "b.txt": "two words"})
    perform(dataset.planned(root, {"b.png": "a.png"}, "delete", captions="longest"), folder)
    written = next(at for at, (_, target) in recording.all("rename") if target == str(root / "a.txt"))
    gone = next(at for at, (source, _) in recording.all("rename") if source == str(root / "b.png"))
    assert written < recording.at(("sync", str(root)), written) < gone


class Cut(BaseException):
    """The process ends here."""


def cut_off(plan: Plan, folder: str, patch: pytest.MonkeyPatch, after: bool) -> Journal:
    """The journal of an apply that ended within its first step, before or after the change."""
    action = ALL[plan.action]
    real = type(action).do

    def do(self: Any, unit: Any, witness: Any) -> Any:
        if after:
            real(self, unit, witness)
        raise Cut

    with patch.context() as cutting:
        cutting.setattr(type(action), "do", do)
        cutting.setattr(changing, "moving_kernel", lambda: None)
        with pytest.raises(Cut):
            perform(plan, folder)
    (journal,) = journals(folder)
    assert len(journal.open_units) == len(journal.units) == min(len(plan.steps), performing.BATCH)
    assert not journal.closed
    return journal


@pytest.mark.parametrize("after", [False, True])
def test_a_step_that_was_cut_off_is_put_back_and_done_again(
    plan: Plan, folder: str, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    before = dataset.snapshot(Path(plan.roots[0]))
    cut = cut_off(plan, folder, monkeypatch, after)
    journal = perform(plan, folder)
    assert journal.path == cut.path
    assert journal.counts == {"done": 4, "refused": 0, "failed": 0, "stuck": 0, "open": 0}
    again = read(journal.path)
    assert again.open_units == []
    assert [again.outcomes[number] for number in range(1, 9)] == ["again"] * 4 + ["done"] * 4
    undo(journal)
    assert dataset.snapshot(Path(plan.roots[0])) == before


def test_a_change_that_was_finished_before_the_cut_counts_as_done(
    plan: Plan, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = tuple(replace(step, action="delete", file=replace(step.file, target="")) for step in plan.steps[1:2])
    cut_off(replace(plan, action="delete", steps=steps), folder, monkeypatch, after=True)
    journal = perform(replace(plan, action="delete", steps=steps), folder)
    assert journal.counts["done"] == 1
    assert read(journal.path).outcomes == {1: "done"}


def test_a_keeper_of_a_step_from_before_the_cut_cannot_go(
    plan: Plan, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(plan.roots[0])
    gone = replace(plan.removals[1], action="delete", file=replace(plan.removals[1].file, target=""))
    cut_off(replace(plan, action="delete", steps=(gone,)), folder, monkeypatch, after=True)
    circle = dataset.step(root, "a.png", "e.png")
    journal = perform(replace(plan, action="delete", steps=(gone, circle)), folder)
    assert [result.reason for result in journal.refused] == [
        f"{root / 'a.png'} is kept in place of a file that is gone already"
    ]


def test_a_keeper_of_a_step_that_was_done_before_the_cut_cannot_go(
    plan: Plan, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(performing, "BATCH", 1)
    first, second = plan.removals[1], dataset.step(Path(plan.roots[0]), "sub/d.png", "e.png")

    def stop(stage: str, done: int, planned: int) -> None:
        if done:
            raise Cut

    with pytest.raises(Cut):
        perform(replace(plan, steps=(first, second)), folder, progress=stop)
    circle = dataset.step(Path(plan.roots[0]), "a.png", "e.png")
    journal = perform(replace(plan, steps=(first, circle)), folder)
    assert journal.results[circle.file.path].reason.endswith("is kept in place of a file that is gone already")
    assert journal.results[first.file.path].outcome == "done"


def test_what_cannot_be_settled_is_stuck_and_says_why(plan: Plan, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    step = replace(plan.removals[0], action="delete")
    deletion = replace(plan, action="delete", steps=(step,))
    cut_off(deletion, folder, monkeypatch, after=False)
    os.unlink(step.file.path)
    journal = perform(deletion, folder)
    why = "cut off by a crash: the image is gone, but not by this step; its sidecars are still there"
    assert [(result.outcome, result.reason) for result in journal.refused] == [("stuck", why)]
    assert read(journal.path).results == journal.results
    assert read(journal.path).outcomes == {1: "stuck"}


def test_duplicates_stay_when_the_caption_of_their_keeper_could_not_be_settled(
    tmp_path: Path, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = dataset.make(tmp_path / "p", {"a.png": "A", "a.txt": "one", "b.png": "B", "b.txt": "two"})
    made = dataset.planned(root, {"b.png": "a.png"}, captions="merge-tags")
    write = type(ALL["caption"])
    with monkeypatch.context() as cutting:
        cutting.setattr(write, "do", raising(Cut()))
        with pytest.raises(Cut):
            perform(made, folder)
    with monkeypatch.context() as failing:
        failing.setattr(write, "settle", raising(OSError(errno.ENOSPC, "")))
        journal = perform(made, folder)
    assert [(result.outcome, result.reason) for result in journal.refused] == [
        ("stuck", "cut off by a crash: the disk is full"),
        ("refused", "the caption of its keeper was not written"),
    ]
    assert (root / "b.png").exists()


def raising(error: BaseException) -> Callable[..., None]:
    def method(*_: object) -> None:
        raise error

    return method
