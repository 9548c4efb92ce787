from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import dataset
import pytest

from oneofeach.errors import Refused
from oneofeach.stages.acting import perform as performing
from oneofeach.stages.acting.journal import Journal
from oneofeach.stages.acting.journals import read
from oneofeach.stages.acting.lock import locked
from oneofeach.stages.acting.names import QUARANTINE
from oneofeach.stages.acting.perform import perform
from oneofeach.stages.acting.plans import Plan
from oneofeach.stages.acting.undo import undo


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {"a.png": "A", "b.png": "B", "c.png": "C", "same.png": "A", "a.txt": "x", "b.txt": "y", "sub/d.png": "D"}
    return dataset.make(tmp_path / "photos", files)


@pytest.fixture
def journals(tmp_path: Path) -> str:
    folder = tmp_path / "journals"
    folder.mkdir()
    return str(folder)


def test_journals_go_to_the_folder_of_the_user_unless_another_is_named(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEOFEACH_JOURNALS", str(tmp_path / "own"))
    plan = dataset.plan(root, dataset.step(root, "same.png", "a.png"))
    assert os.path.dirname(perform(plan).path) == str(tmp_path / "own")


def reasons(journal: Journal) -> list[str]:
    return [result.reason for result in journal.refused]


def refused(plan: Plan, journals: str, why: str) -> None:
    """Every step of the plan is refused for this reason, and nothing is touched."""
    root = Path(plan.roots[0])
    before = dataset.snapshot(root)
    journal = perform(plan, journals)
    assert journal.counts["refused"] == journal.planned == len(plan.steps)
    assert all(why in reason for reason in reasons(journal)), reasons(journal)
    assert dataset.snapshot(root) == before


def test_quarantine_moves_the_image_and_its_sidecars_and_nothing_else(root: Path, journals: str) -> None:
    before = dataset.snapshot(root)
    journal = perform(dataset.plan(root, dataset.step(root, "b.png", "a.png", sidecars=["b.txt"])), journals)
    assert journal.counts == {"done": 1, "refused": 0, "failed": 0, "stuck": 0, "open": 0}
    assert [result.reason for result in journal.results.values()] == [""]
    after = dataset.snapshot(root)
    for name in ("b.png", "b.txt"):
        before[f"{QUARANTINE}/t/{name}"] = before.pop(name)
    assert after == before


def test_the_journal_on_disk_says_the_same_as_the_one_returned(root: Path, journals: str) -> None:
    steps = dataset.step(root, "b.png", "a.png"), dataset.step(root, "c.png", "a.png")
    (root / "c.png").write_text("edited")
    journal = perform(dataset.plan(root, *steps, protect=["*.tif"]), journals)
    again = read(journal.path)
    assert again.results == journal.results
    assert again.units == journal.units
    assert again.counts == journal.counts
    assert (again.id, again.roots, again.protect) == ("t", (str(root),), ("*.tif",))
    assert again.closed
    assert os.stat(journal.path).st_mode & 0o777 == 0o600


def edited(plan: Plan, **changes: object) -> Plan:
    """The first step of the plan, changed as a person may change it."""
    return replace(plan, steps=(replace(plan.steps[0], **changes),))  # type: ignore[arg-type]


def test_every_refusal_is_one_exact_sentence(root: Path, journals: str) -> None:
    one = dataset.plan(root, dataset.step(root, "b.png", "a.png"))
    first, hard = one.removals[0], dataset.step(root, "b.png", "a.png", "hardlink")
    captions = dataset.planned(root, {"b.png": "a.png"}, captions="merge-tags")
    (caption, going), b = captions.steps, root / "b.png"
    cases = [
        (replace(one, roots=(str(root / "sub"),)), f"{b} is not inside the folders of the plan"),
        (
            edited(one, file=replace(first.file, path=f"{root}/sub/")),
            f"{root}/sub/ is not inside the folders of the plan",
        ),
        (edited(one, file=replace(first.file, path=f"{root}/..")), f"{root}/.. is not inside the folders of the plan"),
        (edited(one, file=replace(first.file, target="t/b.png")), "the target t/b.png is not an absolute path"),
        (replace(one, protect=("b.*",)), f"{b} is protected by b.*"),
        (edited(one, keeper=first.file), f"{b} and its keeper are one and the same file"),
        (replace(one, steps=(hard,)), f"{b} is not the same as its keeper byte for byte: no hardlink"),
        (edited(one, action="burn"), "unknown action: burn"),
        (edited(one, file=replace(first.file, size=2)), f"the file {b} has changed since the plan was made"),
        (edited(captions, keeper="/no.png"), "the keeper /no.png is missing"),
        (edited(captions, before=None), f"the caption {root / 'a.txt'} was written since the plan was made"),
        (
            edited(captions, file=replace(caption.file, size=9)),
            f"the caption {root / 'a.txt'} has changed since the plan was made",
        ),
        (
            edited(captions, sources=(replace(going.sidecars[0], size=9),)),
            f"the caption {root / 'b.txt'} has changed since the plan was made",
        ),
    ]
    before = dataset.snapshot(root)
    for number, (plan, why) in enumerate(cases):
        journal = perform(replace(plan, id=f"case-{number}"), journals)
        assert reasons(journal) == [why]
        assert dataset.snapshot(root) == before


def test_a_new_caption_has_no_mode_to_go_back_to(root: Path, journals: str) -> None:
    (root / "a.txt").unlink()
    journal = perform(dataset.planned(root, {"b.png": "a.png"}, captions="longest"), journals)
    assert journal.units[1].was == (0, 0, 0)
    status = (root / QUARANTINE).lstat()
    assert journal.units[2].was == (0o100600, status.st_uid, status.st_gid)
    assert journal.counts["done"] == 2


def test_an_edited_file_is_left_alone_and_the_rest_goes_on(root: Path, journals: str) -> None:
    plan = dataset.plan(root, dataset.step(root, "b.png", "a.png"), dataset.step(root, "c.png", "a.png"))
    (root / "b.png").write_text("edited")
    journal = perform(plan, journals)
    assert journal.counts["done"] == 1
    assert reasons(journal) == [f"the file {root / 'b.png'} has changed since the plan was made"]
    assert (root / "b.png").read_text() == "edited"
    assert not (root / "c.png").exists()


def test_an_edit_that_keeps_size_and_mtime_is_seen(root: Path, journals: str) -> None:
    plan = dataset.plan(root, dataset.step(root, "b.png", "a.png"))
    was = (root / "b.png").stat()
    (root / "b.png").write_text("X")
    os.utime(root / "b.png", ns=(was.st_atime_ns, was.st_mtime_ns))
    refused(plan, journals, "has changed")


def test_a_touched_file_is_left_alone(root: Path, journals: str) -> None:
    plan = dataset.plan(root, dataset.step(root, "b.png", "a.png"))
    os.utime(root / "b.png", ns=(1, 1))
    refused(plan, journals, "has changed")


def test_a_changed_keeper_refuses_the_step(root: Path, journals: str) -> None:
    plan = dataset.plan(root, dataset.step(root, "b.png", "a.png"))
    (root / "a.png").write_text("Z")
    refused(plan, journals, f"the keeper {root / 'a.png'} has changed")


def test_a_missing_keeper_refuses_the_step(root: Path, journals: str) -> None:
    plan = dataset.plan(root, dataset.step(root, "b.png", "a.png"))
    (root / "a.png").unlink()
    refused(plan, journals, f"the keeper {root / 'a.png'}: the file is missing")


def test_a_changed_sidecar_refuses_the_whole_unit(root: Path, journals: str) -> None:
    plan = dataset.plan(root, dataset.step(root, "b.png", "a.png", sidecars=["b.txt"]))
    (root / "b.txt").write_text("new words")
    refused(plan, journals, f"the sidecar {root / 'b.txt'} has changed")


def test_a_missing_file_refuses_its_step(root: Path, journals: str) -> None:
    plan = dataset.plan(root, dataset.step(root, "b.png", "a.png"))
    (root / "b.png").unlink()
    refused(plan, journals, "the file is missing")


def test_the_last_copy_never_goes(root: Path, journals: str) -> None:
    plan = dataset.plan(root, dataset.step(root, "b.png", "a.png"), dataset.step(root, "a.png", "b.png"))
    journal = perform(plan, journals)
    assert journal.counts["done"] == 1
    assert reasons(journal) == [f"{root / 'a.png'} is kept in place of a file that is gone already"]
    assert (root / "a.png").read_text() == "A"


def test_the_last_copy_never_goes_across_batches(root: Path, journals: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(performing, "BATCH", 1)
    plan = dataset.plan(root, dataset.step(root, "b.png", "a.png"), dataset.step(root, "a.png", "b.png"))
    assert reasons(perform(plan, journals)) == [f"{root / 'a.png'} is kept in place of a file that is gone already"]
    assert (root / "a.png").exists()


def test_no_keeper_goes_after_others_went_for_it(root: Path, journals: str) -> None:
    plan = dataset.plan(root, dataset.step(root, "b.png", "a.png"), dataset.step(root, "a.png", "c.png"))
    journal = perform(plan, journals)
    assert reasons(journal) == [f"{root / 'a.png'} is kept in place of a file that is gone already"]
    chain = dataset.plan(root, dataset.step(root, "c.png", "sub/d.png"), name="u")
    assert perform(chain, journals).counts["done"] == 1


def test_a_suggested_keeper_may_go_when_the_plan_says_so(root: Path, journals: str) -> None:
    assert perform(dataset.plan(root, dataset.step(root, "a.png", "b.png")), journals).counts["done"] == 1
    assert not (root / "a.png").exists()


def test_a_file_is_never_its_own_keeper(root: Path, journals: str) -> None:
    refused(dataset.plan(root, dataset.step(root, "a.png", "a.png")), journals, "one and the same file")


def test_a_file_seen_through_a_linked_folder_is_not_its_own_keeper(root: Path, journals: str) -> None:
    (root / "alias").symlink_to(root / "sub")
    refused(dataset.plan(root, dataset.step(root, "sub/d.png", "alias/d.png")), journals, "one and the same file")


def test_a_hard_linked_name_seen_through_a_linked_folder_is_not_its_own_keeper(root: Path, journals: str) -> None:
    (root / "alias").symlink_to(root / "sub")
    os.link(root / "sub/d.png", root / "third.png")
    refused(dataset.plan(root, dataset.step(root, "sub/d.png", "alias/d.png")), journals, "one and the same file")


def test_one_of_two_hard_linked_names_may_go(root: Path, journals: str) -> None:
    os.link(root / "a.png", root / "link.png")
    plan = dataset.plan(root, dataset.step(root, "b.png", "a.png"), dataset.step(root, "link.png", "a.png"))
    assert perform(plan, journals).counts["done"] == 2
    assert (root / "a.png").read_text() == "A"


def test_a_symbolic_link_is_neither_moved_nor_relied_on(root: Path, journals: str) -> None:
    (root / "link.png").symlink_to(root / "a.png")
    plan = dataset.plan(root, dataset.step(root, "link.png", "b.png"), dataset.step(root, "b.png", "link.png"))
    refused(plan, journals, "is not a plain file")


@pytest.mark.parametrize("glob", ["b.png", "*.png", "photos", "B.PNG", "*/photos/*"])
def test_protected_files_are_refused_by_the_plan_and_by_the_call(root: Path, journals: str, glob: str) -> None:
    steps = [dataset.step(root, "b.png", "a.png")]
    refused(dataset.plan(root, *steps, protect=[glob]), journals, f"is protected by {glob}")
    before = dataset.snapshot(root)
    assert "protected" in reasons(perform(dataset.plan(root, *steps, name="u"), journals, protect=[glob]))[0]
    assert dataset.snapshot(root) == before


def test_a_protected_sidecar_protects_its_unit(root: Path, journals: str) -> None:
    plan = dataset.plan(root, dataset.step(root, "b.png", "a.png", sidecars=["b.txt"]), protect=["*.txt"])
    refused(plan, journals, "b.txt is protected")


def test_protection_holds_through_a_linked_folder(root: Path, journals: str) -> None:
    (root / "alias").symlink_to(root / "sub")
    plan = dataset.plan(root, dataset.step(root, "alias/d.png", "a.png"), protect=["sub"])
    refused(plan, journals, "is protected by sub")


def test_files_outside_the_folders_of_the_plan_are_refused(root: Path, journals: str) -> None:
    dataset.make(root.parent / "other", {"x.png": "X"})
    outside = dataset.step(root, "../other/x.png", "a.png")
    plain = replace(outside, file=replace(outside.file, path=str(root.parent / "other" / "x.png")))
    refused(dataset.plan(root, outside, plain), journals, "not inside the folders of the plan")
    assert (root.parent / "other" / "x.png").exists()


def test_a_relative_target_is_refused(root: Path, journals: str) -> None:
    one = dataset.step(root, "b.png", "a.png")
    for target in ("elsewhere/b.png", f"{root}/../b.png"):
        refused(
            dataset.plan(root, replace(one, file=replace(one.file, target=target)), name=f"x{len(target)}"),
            journals,
            "is not an absolute path",
        )


def test_an_unknown_action_is_refused(root: Path, journals: str) -> None:
    plan = dataset.plan(root, dataset.step(root, "b.png", "a.png", action="shred"))
    refused(plan, journals, "unknown action: shred")


def test_nothing_in_the_quarantine_is_ever_overwritten(root: Path, journals: str) -> None:
    plan = dataset.plan(root, dataset.step(root, "b.png", "a.png", sidecars=["b.txt"]))
    taken = dataset.make(root, {f"{QUARANTINE}/t/b.txt": "precious"})
    before = dataset.snapshot(taken)
    journal = perform(plan, journals)
    assert journal.counts["failed"] == 1
    assert reasons(journal) == ["a file of that name is there already, and nothing is ever overwritten"]
    assert {k: v for k, v in dataset.snapshot(root).items()} == before
    assert undo(journal).not_restored == []
    assert dataset.snapshot(root) == before


def test_a_sidecar_of_two_images_stays_while_one_of_them_stays(tmp_path: Path, journals: str) -> None:
    root = dataset.make(tmp_path / "p", {"a.jpg": "J", "a.png": "P", "a.txt": "both", "k.png": "K"})
    before = dataset.snapshot(root)
    both = dataset.planned(root, {"a.jpg": "k.png", "a.png": "k.png"})
    one = replace(both, steps=both.steps[:1])
    first = perform(one, journals)
    assert dataset.contents(root) == {"a.png": "P", "a.txt": "both", "k.png": "K"}
    second = perform(replace(both, id="u", steps=both.steps[1:]), journals)
    assert dataset.contents(root) == {"k.png": "K"}
    assert undo(second).restored == 1
    assert undo(first).restored == 1
    assert dataset.snapshot(root) == before


def test_a_second_apply_on_the_folder_is_refused(root: Path, journals: str) -> None:
    plan = dataset.plan(root, dataset.step(root, "b.png", "a.png"))
    before = dataset.snapshot(root)
    for held in (root, root.parent, root / "sub"):
        with locked([str(held)], journals), pytest.raises(Refused, match="Another apply or undo is at work"):
            perform(plan, journals)
    assert dataset.snapshot(root) == before
    assert os.listdir(journals) == []


def test_applies_on_folders_beside_each_other_do_not_wait(root: Path, journals: str) -> None:
    with locked([str(root / "sub")], journals), locked([str(root.parent / "journals")], journals):
        pass


def test_progress_is_told_and_may_end_the_run(root: Path, journals: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(performing, "BATCH", 1)
    plan = dataset.plan(root, *(dataset.step(root, name, "a.png") for name in ("b.png", "c.png", "sub/d.png")))
    seen: list[tuple[str, int, int]] = []

    def progress(stage: str, done: int, planned: int) -> None:
        seen.append((stage, done, planned))
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        perform(plan, journals, progress=progress)
    assert seen == [("apply", 0, 3), ("apply", 1, 3)]
    assert not (root / "b.png").exists()
    assert (root / "sub/d.png").exists()
    journal = perform(plan, journals, progress=lambda *told: seen.append(told))
    assert seen[2:] == [("apply", 1, 3), ("apply", 2, 3), ("apply", 3, 3)]
    assert journal.counts["done"] == 3
    assert os.listdir(journals) == ["t.jsonl"]


def test_a_plan_applied_again_starts_a_new_journal(root: Path, journals: str) -> None:
    plan = dataset.plan(root, dataset.step(root, "b.png", "a.png"))
    before = dataset.snapshot(root)
    undo(perform(plan, journals))
    again = perform(plan, journals)
    assert again.counts["done"] == 1
    assert again.id == "t-2"
    third = perform(plan, journals)
    assert third.counts["refused"] == 1
    undo(again)
    assert dataset.snapshot(root) == before


def test_a_full_disk_under_the_journal_changes_nothing(
    root: Path, journals: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = dataset.plan(root, dataset.step(root, "b.png", "a.png"))
    before = dataset.snapshot(root)
    write = os.write

    def half(descriptor: int, data: bytes) -> int:
        if len(data) < 40:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[: len(data) // 2])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(Refused, match="Cannot write the journal"):
            perform(plan, journals)
    assert dataset.snapshot(root) == before
    assert perform(plan, journals).counts["done"] == 1
