"""Quarantine steps that one call of a kernel moves: each is checked, and refused alone, as if it were moved alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import dataset
import pytest

from oneofeach import kernels
from oneofeach.stages.acting import changing, disk
from oneofeach.stages.acting.journal import Journal
from oneofeach.stages.acting.names import QUARANTINE
from oneofeach.stages.acting.perform import perform
from oneofeach.stages.acting.plans import Plan
from oneofeach.stages.acting.undo import undo
from oneofeach.stages.acting.witness import mark_of

pytestmark = pytest.mark.skipif(
    not hasattr(kernels.compiled, "move_files"), reason="made by the kernels of Linux alone"
)

FILES = {"keep.png": "K", "a.png": "A", "b.png": "B", "b.txt": "b", "c.png": "C", "d.png": "D"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return dataset.make(tmp_path / "photos", FILES)


def planned(root: Path) -> Plan:
    steps = [dataset.step(root, f"{name}.png", "keep.png", sidecars=["b.txt"] * (name == "b")) for name in "abcd"]
    return dataset.plan(root, *steps)


def applied(plan: Plan, folder: Path, just_before: Callable[[], object], patch: pytest.MonkeyPatch) -> Journal:
    """The plan done while something else changes files just before the kernel moves them."""
    kernel = disk.moving_kernel()
    assert kernel is not None
    asked: list[int] = []

    def late(moves: list[disk.Move], patience: int) -> tuple[int, int]:
        if not asked:
            just_before()
        asked.append(len(moves))
        return kernel(moves, patience)

    folder.mkdir()
    with patch.context() as watched:
        watched.setattr(changing, "moving_kernel", lambda: late)
        journal = perform(plan, str(folder))
    assert sum(asked) > 1
    return journal


def swap(path: Path) -> None:
    """Another file of the same size and time in its place."""
    other = path.with_name("other")
    other.write_text("X")
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)


def edit(path: Path) -> None:
    """Other bytes in the same file, and its time set back."""
    was = path.stat()
    path.write_text("X")
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


@pytest.mark.parametrize("change", [swap, edit])
@pytest.mark.parametrize("name", ["a.png", "b.png", "b.txt", "d.png"])
def test_a_file_that_changed_at_the_last_moment_stays_with_its_unit_and_the_rest_goes(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, change: Callable[[Path], None]
) -> None:
    before = dataset.snapshot(root)
    journal = applied(planned(root), tmp_path / "journals", lambda: change(root / name), monkeypatch)
    (refused,) = journal.refused
    assert refused.outcome == "refused"
    assert refused.reason == f"the file {root / name} has changed since the plan was made"
    assert journal.counts["done"] == 3
    stays = {"keep.png", name, *(("b.png", "b.txt") if name.startswith("b") else ())}
    assert set(dataset.contents_names(root)) == stays
    assert (root / name).read_text() == "X"
    assert undo(journal).restored == 3
    assert {other: look for other, look in dataset.snapshot(root).items() if other != name} == {
        other: look for other, look in before.items() if other != name
    }


def test_nothing_goes_once_its_keeper_changed(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = dataset.snapshot(root)
    journal = applied(planned(root), tmp_path / "journals", lambda: swap(root / "keep.png"), monkeypatch)
    reason = f"the keeper {root / 'keep.png'} has changed since the plan was made"
    assert [(result.outcome, result.reason) for result in journal.refused] == [("refused", reason)] * 4
    (root / "keep.png").write_text("K")
    assert dataset.contents(root) == FILES
    assert {look[3] for look in dataset.snapshot(root).values()} == {look[3] for look in before.values()} | {
        (root / QUARANTINE / "t").stat().st_mode
    }


def test_what_took_the_place_in_quarantine_is_never_overwritten(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset.make(root / QUARANTINE / "t", {"b.txt": "older"})
    journal = applied(planned(root), tmp_path / "journals", lambda: None, monkeypatch)
    (failed,) = journal.refused
    assert failed.outcome == "failed"
    assert failed.reason == "a file of that name is there already, and nothing is ever overwritten"
    assert dataset.contents_names(root) == ["b.png", "b.txt", "keep.png"]
    assert (root / QUARANTINE / "t" / "b.txt").read_text() == "older"


def test_a_keeper_of_a_step_in_the_same_call_cannot_go(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset.make(root / QUARANTINE / "t", {"older": ""})  # or the first would make the folder, by itself
    circle = [dataset.step(root, name, keeper) for name, keeper in (("a.png", "c.png"), ("c.png", "a.png"))]
    plan = dataset.plan(root, dataset.step(root, "d.png", "keep.png"), *circle)
    journal = applied(plan, tmp_path / "journals", lambda: None, monkeypatch)
    assert [result.reason for result in journal.refused] == [
        f"{root / 'c.png'} is kept in place of a file that is gone already"
    ]
    assert dataset.contents_names(root) == ["b.png", "b.txt", "c.png", "keep.png"]


def test_the_kernel_tells_how_far_it_came(root: Path) -> None:
    names = ["a", "b", "c", "d"]
    moves = [
        (
            str(root / f"{n}.png"),
            str(root / n),
            mark_of(str(root / f"{n}.png")),
            str(root / "keep.png"),
            mark_of(str(root / "keep.png")),
        )
        for n in names
    ]
    kernel = disk.moving_kernel()
    assert kernel is not None
    assert kernel([], 10**9) == (0, 0)
    assert kernel(moves, 0) == (1, 0)
    assert kernel(moves[:1], 10**9) == (0, 0)
    swap(root / "c.png")
    assert kernel(moves[1:], 10**9) == (1, 0), "what is no more as it was seen is not touched"
    assert dataset.contents(root) == {"a": "A", "b": "B", "c.png": "X", "b.txt": "b", "d.png": "D", "keep.png": "K"}
    swap(root / "keep.png")
    assert kernel(moves[3:], 10**9) == (0, 1), "renamed, and then its keeper seen to be another file"
    (root / "d").rename(root / "d.png")
    with pytest.raises(TypeError):
        kernel([moves[3][:4]], 10**9)  # type: ignore[list-item]
    with pytest.raises(ValueError, match="null"):
        kernel([(str(root / "d.png"), "/nul\0here", *moves[3][2:])], 10**9)
    assert (root / "d.png").exists()
