from __future__ import annotations

import errno
import os
import shutil
import sys
import types
from dataclasses import replace
from pathlib import Path

import dataset
import pytest

from oneofeach.errors import InvalidRule, MissingExtra
from oneofeach.stages.acting import disk, links
from oneofeach.stages.acting.actions import action_named
from oneofeach.stages.acting.disk import rename_new, sentence
from oneofeach.stages.acting.journal import Journal
from oneofeach.stages.acting.names import QUARANTINE
from oneofeach.stages.acting.perform import perform
from oneofeach.stages.acting.plans import Plan
from oneofeach.stages.acting.steps import Caption, File
from oneofeach.stages.acting.undo import undo, undoable
from oneofeach.stages.acting.witness import content_of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {"a.png": "A", "b.png": "B", "same.png": "A", "b.txt": "y", "a.txt": "cat"}
    return dataset.make(tmp_path / "photos", files)


@pytest.fixture
def journals(tmp_path: Path) -> str:
    (tmp_path / "journals").mkdir()
    return str(tmp_path / "journals")


def one(journal: Journal, outcome: str) -> str:
    """The reason of a journal's only step, whose outcome is as told."""
    (result,) = journal.results.values()
    assert result.outcome == outcome, result
    return result.reason


@pytest.mark.parametrize("action", ["hardlink", "symlink", "reflink"])
def test_links_take_the_place_of_the_file_and_undo_brings_a_real_one_back(
    root: Path, journals: str, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "clone", shutil.copyfile)
    before = dataset.snapshot(root)
    journal = perform(dataset.plan(root, dataset.step(root, "same.png", "a.png", action)), journals)
    one(journal, "done")
    assert (root / "same.png").read_text() == "A"
    assert os.path.samefile(root / "same.png", root / "a.png") == (action != "reflink")
    assert os.path.islink(root / "same.png") == (action == "symlink")
    if action == "reflink":
        assert dataset.snapshot(root) == before
    assert [unit.number for unit in undoable(journal)] == [1]
    after = undo(journal)
    assert (after.restored, after.not_restored) == (1, [])
    assert dataset.snapshot(root) == before
    assert not os.path.samefile(root / "same.png", root / "a.png")
    assert undo(after).restored == 1


def test_symbolic_links_are_relative_and_survive_a_move_of_the_folder(root: Path, journals: str) -> None:
    perform(dataset.plan(root, dataset.step(root, "same.png", "a.png", "symlink")), journals)
    assert os.readlink(root / "same.png") == "a.png"
    moved = root.rename(root.parent / "moved")
    assert (moved / "same.png").read_text() == "A"


def test_links_are_made_for_the_same_bytes_only(root: Path, journals: str) -> None:
    before = dataset.snapshot(root)
    for action in ("hardlink", "symlink", "reflink"):
        journal = perform(dataset.plan(root, dataset.step(root, "b.png", "a.png", action), name=action), journals)
        assert "is not the same as its keeper byte for byte" in one(journal, "refused")
    os.link(root / "a.png", root / "twin.png")
    plan = dataset.plan(root, dataset.step(root, "twin.png", "a.png", "hardlink"))
    assert "one and the same file" in one(perform(plan, journals), "refused")
    (root / "twin.png").unlink()
    assert dataset.snapshot(root) == before


@pytest.mark.parametrize(
    ("function", "action"), [("link", "hardlink"), ("symlink", "symlink"), ("replace", "hardlink")]
)
@pytest.mark.parametrize("code", [errno.EPERM, errno.EXDEV, errno.ENOSPC, errno.EMLINK])
def test_a_link_that_cannot_be_made_leaves_the_file(
    root: Path, journals: str, monkeypatch: pytest.MonkeyPatch, function: str, action: str, code: int
) -> None:
    before = dataset.snapshot(root)
    plan = dataset.plan(root, dataset.step(root, "same.png", "a.png", action))

    def fail(*args: object) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, function, fail)
        journal = perform(plan, journals)
    assert one(journal, "failed") == sentence(OSError(code, ""))
    assert dataset.snapshot(root) == before
    assert undo(journal).not_restored == []
    assert dataset.snapshot(root) == before


def test_a_missing_right_to_make_symbolic_links_is_said_plainly(
    root: Path, journals: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoRight(OSError):
        winerror = 1314

    def fail(*args: object) -> None:
        raise NoRight(errno.EINVAL, "A required privilege is not held by the client")

    before = dataset.snapshot(root)
    monkeypatch.setattr(os, "symlink", fail)
    journal = perform(dataset.plan(root, dataset.step(root, "same.png", "a.png", "symlink")), journals)
    assert one(journal, "failed") == ("this account may not create symbolic links (on Windows: turn on Developer Mode)")
    assert dataset.snapshot(root) == before


def test_a_link_that_leads_elsewhere_is_refused_before_it_replaces_anything(
    root: Path, journals: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dataset.snapshot(root)
    real = os.symlink
    monkeypatch.setattr(os, "symlink", lambda source, path: real("b.png", path))
    journal = perform(dataset.plan(root, dataset.step(root, "same.png", "a.png", "symlink")), journals)
    assert one(journal, "refused") == "the link does not lead to the keeper"
    monkeypatch.setattr(os, "link", lambda source, path: shutil.copyfile(source, path))
    journal = perform(dataset.plan(root, dataset.step(root, "same.png", "a.png", "hardlink"), name="u"), journals)
    assert one(journal, "refused") == "the link is not the same file as the keeper"
    monkeypatch.setattr(links, "clone", lambda source, path: shutil.copyfile(root / "b.png", path))
    journal = perform(dataset.plan(root, dataset.step(root, "same.png", "a.png", "reflink"), name="v"), journals)
    assert one(journal, "refused") == "the link does not lead to the same content"
    assert dataset.snapshot(root) == before


def test_an_unfinished_link_that_cannot_be_removed_is_named(
    root: Path, journals: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise OSError(errno.EACCES, "no")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        patch.setattr(os, "unlink", fail)
        journal = perform(dataset.plan(root, dataset.step(root, "same.png", "a.png", "hardlink")), journals)
    hidden = root / ".oneofeach-t-1-0"
    assert one(journal, "stuck") == (
        f"no permission to change this folder; the unfinished file {hidden} could not be removed "
        "(no permission to change this folder)"
    )
    assert (root / "same.png").read_text() == "A"
    assert undo(journal).restored == 1
    assert not hidden.exists()


def test_undo_of_a_link_refuses_when_the_bytes_have_changed(root: Path, journals: str) -> None:
    journal = perform(dataset.plan(root, dataset.step(root, "same.png", "a.png", "hardlink")), journals)
    (root / "a.png").write_text("edited through one name, seen through both")
    (result,) = undo(journal).not_restored
    assert result.reason == "its bytes have changed since, through the link or by hand"
    (root / "same.png").unlink()
    (result,) = undo(journal).not_restored
    assert result.reason == "it is missing"


def test_undo_of_a_hard_link_needs_no_keeper(root: Path, journals: str) -> None:
    before = dataset.snapshot(root)
    journal = perform(dataset.plan(root, dataset.step(root, "same.png", "a.png", "hardlink")), journals)
    (root / "a.png").unlink()
    assert undo(journal).restored == 1
    assert dataset.snapshot(root)["same.png"] == before["same.png"]


def test_reflinks_work_or_say_that_the_file_system_cannot(root: Path, journals: str) -> None:
    before = dataset.snapshot(root)
    journal = perform(dataset.plan(root, dataset.step(root, "same.png", "a.png", "reflink")), journals)
    (result,) = journal.results.values()
    assert result.outcome == "done" or result.reason == "this file system cannot do that", result
    assert dataset.snapshot(root) == before


def test_delete_is_for_good_and_leaves_nothing_behind(root: Path, journals: str) -> None:
    journal = perform(dataset.plan(root, dataset.step(root, "b.png", "a.png", "delete", ["b.txt"])), journals)
    one(journal, "done")
    assert dataset.contents(root) == {"a.png": "A", "same.png": "A", "a.txt": "cat"}
    assert undoable(journal) == []
    (result,) = undo(journal).not_restored
    assert result.reason == "it was deleted for good"


def test_a_deletion_that_fails_puts_everything_back(root: Path, journals: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = dataset.snapshot(root)

    def fail(path: str) -> None:
        raise OSError(errno.EPERM, "no")

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", fail)
        journal = perform(dataset.plan(root, dataset.step(root, "b.png", "a.png", "delete", ["b.txt"])), journals)
    assert one(journal, "failed") == "no permission to change this file or folder"
    assert dataset.snapshot(root) == before


def test_a_deletion_that_stops_at_a_sidecar_says_so(root: Path, journals: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.unlink

    def fail(path: str) -> None:
        if content_of(path) == content_of(str(root / "keep-me")):
            raise OSError(errno.EPERM, "no")
        real(path)

    (root / "keep-me").write_text("y")
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", fail)
        journal = perform(dataset.plan(root, dataset.step(root, "b.png", "a.png", "delete", ["b.txt"])), journals)
    assert one(journal, "stuck").startswith("deleted, but not all of its sidecars")


def trash(monkeypatch: pytest.MonkeyPatch, send: object) -> None:
    module = types.ModuleType("send2trash")
    module.send2trash = send  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "send2trash", module)


def test_trash_takes_the_unit(root: Path, journals: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bin = root.parent / "bin"
    bin.mkdir()
    trash(monkeypatch, lambda path: shutil.move(path, bin))
    journal = perform(dataset.plan(root, dataset.step(root, "b.png", "a.png", "trash", ["b.txt"])), journals)
    one(journal, "done")
    assert sorted(os.listdir(bin)) == ["b.png", "b.txt"]
    (result,) = undo(journal).not_restored
    assert result.reason == "it was sent to the system's trash; restore it from there"


def test_trash_that_does_not_take_the_file_is_not_believed(
    root: Path, journals: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dataset.snapshot(root)
    trash(monkeypatch, lambda path: None)
    journal = perform(dataset.plan(root, dataset.step(root, "b.png", "a.png", "trash", ["b.txt"])), journals)
    assert "the system's trash did not take" in one(journal, "refused")
    assert dataset.snapshot(root) == before


def test_trash_that_fails_at_a_sidecar_says_where_the_image_is(
    root: Path, journals: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send(path: str) -> None:
        if path.endswith(".txt"):
            raise RuntimeError("no trash on this share")
        os.unlink(path)

    trash(monkeypatch, send)
    journal = perform(dataset.plan(root, dataset.step(root, "b.png", "a.png", "trash", ["b.txt"])), journals)
    reason = one(journal, "stuck")
    assert reason.endswith(f"no trash on this share; {root / 'b.png'} is there already")


def test_a_missing_trash_package_names_the_command(root: Path, journals: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = dataset.snapshot(root)
    monkeypatch.setitem(sys.modules, "send2trash", None)
    with pytest.raises(MissingExtra, match=r"pip install 'oneofeach\[trash\]'"):
        perform(dataset.plan(root, dataset.step(root, "b.png", "a.png", "trash")), journals)
    with pytest.raises(MissingExtra):
        dataset.planned(root, {"b.png": "a.png"}, "trash")
    assert dataset.snapshot(root) == before


def test_another_volume_is_refused_and_nothing_is_copied(
    root: Path, journals: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dataset.snapshot(root)
    here = dataset.step(root, "b.png", "a.png", sidecars=["b.txt"])
    shm = Path("/dev/shm")
    if shm.is_dir() and os.access(shm, os.W_OK) and shm.stat().st_dev != root.stat().st_dev:
        target = shm / f"oneofeach-test-{os.getpid()}"
    else:
        target = root.parent / "elsewhere"
        monkeypatch.setattr(disk, "_exclusive_rename", lambda: lambda source, target: errno.EXDEV)
    try:
        far = replace(here, file=replace(here.file, target=str(target / "b.png")))
        journal = perform(dataset.plan(root, far), journals)
        assert one(journal, "failed") == "the target is on another volume; files are only ever renamed, never copied"
        assert dataset.snapshot(root) == before
        halfway = replace(here, sidecars=(replace(here.sidecars[0], target=str(target / "b.txt")),))
        one(perform(dataset.plan(root, halfway, name="u"), journals), "failed")
        assert dataset.contents(root) == {"a.png": "A", "b.png": "B", "same.png": "A", "b.txt": "y", "a.txt": "cat"}
    finally:
        shutil.rmtree(target, ignore_errors=True)


def test_a_rename_that_cannot_be_taken_back_says_where_the_file_is(
    root: Path, journals: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    exclusive = disk._exclusive_rename()
    assert exclusive is not None
    before = dataset.snapshot(root)

    def once(source: str, target: str) -> int:
        return errno.EACCES if "b.txt" in source or QUARANTINE in source else exclusive(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(disk, "_exclusive_rename", lambda: once)
        journal = perform(dataset.plan(root, dataset.step(root, "b.png", "a.png", sidecars=["b.txt"])), journals)
    target = root / QUARANTINE / "t" / "b.png"
    assert one(journal, "stuck") == (
        f"no permission to change this folder; {root / 'b.png'} could not be put back "
        f"(no permission to change this folder): it is {target}"
    )
    assert target.read_text() == "B"
    assert undo(journal).restored == 1
    assert dataset.snapshot(root) == before


@pytest.mark.parametrize("system", ["native", "refuses the flag", "links only", "neither"])
def test_a_rename_never_overwrites_on_any_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    root = dataset.make(tmp_path, {"a": "A", "b": "B"})

    def no_links(*args: object, **options: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    if system == "refuses the flag":
        monkeypatch.setattr(disk, "_exclusive_rename", lambda: lambda source, target: errno.EINVAL)
    elif system != "native":
        monkeypatch.setattr(disk, "_exclusive_rename", lambda: None)
    if system == "neither":
        monkeypatch.setattr(os, "link", no_links)
    with pytest.raises(FileExistsError):
        rename_new(str(root / "a"), str(root / "b"))
    rename_new(str(root / "a"), str(root / "c"))
    assert dataset.contents(root) == {"b": "B", "c": "A"}
    with pytest.raises(FileNotFoundError):
        rename_new(str(root / "a"), str(root / "d"))


def caption(root: Path, before: str | None, text: str = "cat, dog") -> Plan:
    path = str(root / "a.txt")
    file = dataset.look(path) if before is not None else File(path, -1, -1, "")
    step = Caption(file, str(root / "a.png"), text, before, (dataset.look(str(root / "b.txt")),), "longest")
    going = dataset.step(root, "b.png", "a.png", sidecars=["b.txt"])
    return replace(dataset.plan(root, going), steps=(step, going))


def test_a_caption_is_written_first_and_undone_to_the_letter(root: Path, journals: str) -> None:
    before = dataset.snapshot(root)
    journal = perform(caption(root, "cat"), journals)
    assert journal.counts["done"] == 2
    after = dataset.snapshot(root)
    assert (after["a.txt"][1], after["a.txt"][3]) == (b"cat, dog", before["a.txt"][3])
    assert undo(journal).restored == 2
    assert dataset.snapshot(root) == before


def test_a_new_caption_is_removed_by_undo(root: Path, journals: str) -> None:
    (root / "a.txt").unlink()
    before = dataset.snapshot(root)
    journal = perform(caption(root, None), journals)
    assert (root / "a.txt").read_text() == "cat, dog"
    assert undo(journal).restored == 2
    assert dataset.snapshot(root) == before


def test_no_caption_is_overwritten_that_was_edited_or_appeared_since(root: Path, journals: str) -> None:
    plan = caption(root, "cat")
    (root / "a.txt").write_text("my own words")
    journal = perform(plan, journals)
    assert [r.reason for r in journal.refused] == [
        f"the caption {root / 'a.txt'} has changed since the plan was made",
        "the caption of its keeper was not written",
    ]
    journal = perform(replace(caption(root, None), id="u"), journals)
    assert journal.refused[0].reason == f"the caption {root / 'a.txt'} was written since the plan was made"
    assert (root / "a.txt").read_text() == "my own words"
    assert (root / "b.png").exists()


def test_a_caption_is_not_written_from_an_edited_source_or_for_a_missing_keeper(root: Path, journals: str) -> None:
    plan = caption(root, "cat")
    (root / "b.txt").write_text("edited")
    journal = perform(plan, journals)
    assert journal.refused[0].reason == f"the caption {root / 'b.txt'} has changed since the plan was made"
    plan = replace(caption(root, "cat"), id="u")
    (root / "a.png").unlink()
    assert perform(plan, journals).refused[0].reason == f"the keeper {root / 'a.png'} is missing"
    assert (root / "a.txt").read_text() == "cat"


def test_undo_leaves_a_caption_that_was_edited_since(root: Path, journals: str) -> None:
    journal = perform(caption(root, "cat"), journals)
    (root / "a.txt").write_text("better words")
    (result,) = undo(journal).not_restored
    assert result.reason == "the caption was edited or removed since"
    assert (root / "a.txt").read_text() == "better words"
    assert (root / "b.png").exists()


def test_a_caption_that_cannot_be_written_leaves_the_old_one(
    root: Path, journals: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dataset.snapshot(root)
    plan = caption(root, "cat")
    real = os.fsync

    def full(descriptor: int) -> None:
        if ".oneofeach" in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.ENOSPC, "full")
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        journal = perform(plan, journals)
    assert [result.reason for result in journal.refused] == [
        "the disk is full",
        "the caption of its keeper was not written",
    ]
    assert dataset.snapshot(root) == before


def test_unknown_actions_have_no_name() -> None:
    with pytest.raises(InvalidRule, match="Unknown action: caption\n"):
        action_named("caption")
