from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import dataset
import pytest

from oneofeach.errors import InvalidRule, MissingExtra
from oneofeach.stages.acting.names import QUARANTINE
from oneofeach.stages.acting.places import top_of_volume
from oneofeach.stages.acting.plan import plan
from oneofeach.stages.acting.steps import Caption, Step


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {"a.png": "A", "a.txt": "cat, dog", "b.png": "B", "b.txt": "Dog , bird", "b.png.json": "{}"}
    more = {"b-masklabel.png": "M", "sub/a.png": "A", "sub/c.png": "C", "sub/c.caption": "a cat on a long red sofa"}
    return dataset.make(tmp_path / "photos", {**files, **more})


def names(step: Step | Caption) -> list[str]:
    assert isinstance(step, Step)
    return [os.path.basename(file.path) for file in step.files]


def test_a_step_carries_all_that_a_person_and_the_executor_need(root: Path) -> None:
    made = dataset.planned(root, {"b.png": "a.png"})
    (one,) = made.removals
    assert names(one) == ["b.png", "b-masklabel.png", "b.png.json", "b.txt"]
    assert [file.target for file in one.files] == [str(root / QUARANTINE / "t" / name) for name in names(one)]
    assert one.keeper == replace(dataset.look(str(root / "a.png")))
    assert one.files == tuple(replace(dataset.look(f.path), target=f.target) for f in one.files)
    assert (one.action, one.similarity, one.tier) == ("quarantine", 0.97, "similar")
    assert (one.rule, one.reason) == ("first", "position 1 over position 2 (first)")
    assert (made.id, made.action, made.roots, made.left, made.notes) == ("t", "quarantine", (str(root),), (), ())
    assert made.settings == {"similarity_threshold": 0.95, "keep": "first", "captions": "own"}
    assert made.counts == {"quarantine": 1}
    assert made.bytes_freed == sum(len((root / name).read_bytes()) for name in names(one))


def test_steps_follow_the_order_of_their_keepers(root: Path) -> None:
    made = dataset.planned(root, {"sub/c.png": "a.png", "b.png": "sub/a.png"})
    assert [names(step)[0] for step in made.steps] == ["c.png", "b.png"]


def test_tiers_tell_the_same_bytes_from_the_same_pixels(root: Path) -> None:
    goes = {"sub/a.png": "a.png", "b.png": "a.png"}
    one, other = plan(dataset.outcome(root, goes, similarity=1.0)).removals
    assert [one.tier, other.tier] == ["same pixels", "same bytes"]


def test_every_plan_has_an_id_of_its_own(root: Path) -> None:
    found = dataset.outcome(root, {"b.png": "a.png"})
    assert plan(found).id != plan(found).id


@pytest.mark.parametrize("action", ["hardlink", "reflink", "symlink"])
def test_links_are_planned_for_the_same_bytes_only_and_leave_sidecars(root: Path, action: str) -> None:
    dataset.make(root, {"sub/a.txt": "cat"})
    made = dataset.planned(root, {"b.png": "a.png", "sub/a.png": "a.png"}, action)
    (one,) = made.removals
    assert (names(one), one.file.target, one.action) == (["a.png"], "", action)
    assert made.left == (("b.png", f"not the same as its keeper byte for byte: no {action}"),)


def test_files_that_are_linked_already_are_left(root: Path) -> None:
    os.link(root / "a.png", root / "twin.png")
    made = dataset.planned(root, {"twin.png": "a.png", "sub/a.png": "a.png"}, "hardlink")
    assert made.left == (("twin.png", "already the same file as its keeper"),)
    assert len(made.removals) == 1


def test_trash_is_planned_only_where_it_can_be_used(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "send2trash", None)
    with pytest.raises(MissingExtra, match=r"oneofeach\[trash\]"):
        dataset.planned(root, {"b.png": "a.png"}, "trash")
    assert dataset.planned(root, {"b.png": "a.png"}, "delete").steps


@pytest.mark.parametrize("action", ["trash", "delete"])
def test_other_removals_take_the_sidecars_and_need_no_target(root: Path, action: str) -> None:
    (one,) = dataset.planned(root, {"b.png": "a.png"}, action).removals
    assert names(one) == ["b.png", "b-masklabel.png", "b.png.json", "b.txt"]
    assert {file.target for file in one.files} == {""}


def test_unknown_actions_and_caption_rules_are_refused(root: Path) -> None:
    with pytest.raises(InvalidRule, match="Unknown action: burn\nChoose one of: quarantine, trash"):
        dataset.planned(root, {}, "burn")
    with pytest.raises(InvalidRule, match="Unknown caption rule: best\nChoose one of: own, longest, merge-tags"):
        dataset.planned(root, {}, captions="best")


def test_protected_duplicates_are_left_with_the_reason(root: Path) -> None:
    made = dataset.planned(root, {"b.png": "a.png", "sub/c.png": "a.png"}, protect=("sub",))
    assert [names(step)[0] for step in made.steps] == ["b.png"]
    assert made.left == (("sub/c.png", "protected by sub"),)
    assert made.protect == ("sub",)


def test_links_are_left_with_the_reason(root: Path) -> None:
    (root / "l.png").symlink_to("a.png")
    made = dataset.planned(root, {"l.png": "b.png", "sub/c.png": "l.png"})
    assert made.left == tuple((key, "it or its keeper is a symbolic link") for key in ("l.png", "sub/c.png"))


def test_images_that_are_no_files_are_left_with_the_reason(root: Path) -> None:
    found = dataset.outcome(root, {"b.png": "a.png", "sub/a.png": "sub/c.png"})
    items = [replace(i, input=b"x") if i.key in ("b.png", "sub/c.png") else i for i in found.catalog.items]
    made = plan(replace(found, catalog=replace(found.catalog, items=items)))
    export = "not a file of its own: `oneofeach export` writes the unique images anew"
    assert made.left == (("b.png", export), ("sub/a.png", "its keeper is not a file of its own"))


def test_images_outside_the_named_roots_are_left(root: Path) -> None:
    made = dataset.planned(root, {"b.png": "a.png"}, roots=(str(root / "sub"),))
    assert made.left == (("b.png", "not inside the folders of the plan"),)


def test_every_removed_image_is_a_step_or_left(root: Path) -> None:
    goes = {"b.png": "a.png", "sub/a.png": "a.png", "sub/c.png": "a.png"}
    made = dataset.planned(root, goes, "hardlink", protect=("sub/c*",))
    assert len(made.removals) + len(made.left) == len(goes)


def test_a_sidecar_stays_with_an_image_that_stays(tmp_path: Path) -> None:
    root = dataset.make(tmp_path, {"a.png": "A", "a.jpg": "J", "a.txt": "t", "k.png": "K"})
    (one,) = dataset.planned(root, {"a.png": "k.png"}).removals
    assert names(one) == ["a.png"]
    both = dataset.planned(root, {"a.png": "k.png", "a.jpg": "k.png"}).removals
    assert [names(step) for step in both] == [["a.jpg", "a.txt"], ["a.png", "a.txt"]]
    assert [step.sidecars[0].shared for step in both] == [(str(root / "a.png"),), (str(root / "a.jpg"),)]
    assert len({step.sidecars[0].target for step in both}) == 1
    assert dataset.planned(root, {"a.png": "k.png", "a.jpg": "k.png"}).bytes_freed == 3


def test_a_sidecar_stays_with_an_image_that_could_not_be_read(tmp_path: Path) -> None:
    root = dataset.make(tmp_path, {"a.jpg": "J", "a.cr2": "raw", "a.xmp": "<x/>", "k.png": "K"})
    (one,) = dataset.planned(root, {"a.jpg": "k.png"}).removals
    assert names(one) == ["a.jpg"]


def test_a_sidecar_that_vanished_is_no_part_of_the_unit(root: Path) -> None:
    found = dataset.outcome(root, {"b.png": "a.png"})
    (root / "b.txt").unlink()
    assert names(plan(found).steps[0]) == ["b.png", "b-masklabel.png", "b.png.json"]


def test_a_sidecar_that_cannot_be_read_leaves_its_image(root: Path) -> None:
    found = dataset.outcome(root, {"b.png": "a.png", "sub/c.png": "a.png"})
    (root / "b.txt").unlink()
    (root / "b.txt").mkdir()
    made = plan(found)
    assert made.left == (("b.png", f"a sidecar cannot be read: Is a directory: {root / 'b.txt'}"),)
    assert len(made.steps) == 1


def test_several_sources_keep_their_relative_paths_apart(tmp_path: Path) -> None:
    roots = tuple(str(dataset.make(tmp_path / name, {"x.png": name, "y.png": name})) for name in ("one", "two"))
    found = dataset.outcome(tmp_path, {"one/x.png": "one/y.png", "two/x.png": "two/y.png"})
    made = dataset.named(plan(found, roots=roots))
    assert [step.file.target for step in made.removals] == [f"{root}/{QUARANTINE}/t/x.png" for root in roots]
    made = dataset.named(plan(found, roots=roots, quarantine=str(tmp_path / "q")))
    assert [step.file.target for step in made.removals] == [f"{tmp_path}/q/t/x.png", f"{tmp_path}/q/t/x (2).png"]


def test_roots_are_the_scanned_folders(root: Path) -> None:
    found = dataset.outcome(root, {"b.png": "a.png"})
    assert plan(found).roots == (str(root),)
    listed = [replace(item, key=str(item.input)) for item in found.catalog.items]
    assert plan(replace(found, catalog=replace(found.catalog, items=listed))).roots == (str(root),)


def test_the_quarantine_lies_at_the_top_of_the_volume() -> None:
    volumes = {"/p": 1, "/p/disk": 2, "/p/disk/a": 2, "/p/disk/a/b": 2, "/p/c": 1}
    assert top_of_volume("/p", "/p/disk/a/b", volumes.__getitem__) == "/p/disk"
    assert top_of_volume("/p", "/p/c", volumes.__getitem__) == "/p"
    assert top_of_volume("/p", "/p", volumes.__getitem__) == "/p"


def captions(root: Path, goes: dict[str, str], rule: str, **choice: Any) -> list[tuple[str, str | None, str]]:
    made = dataset.planned(root, goes, captions=rule, **choice)
    return [(os.path.relpath(step.file.path, root), step.before, step.text) for step in made.captions]


def test_captions_stay_as_they_are_by_default(root: Path) -> None:
    assert captions(root, {"b.png": "a.png"}, "own") == []


def test_tags_are_merged_into_the_keepers_caption_before_the_others_go(root: Path) -> None:
    made = dataset.planned(root, {"b.png": "a.png"}, captions="merge-tags")
    one, other = made.steps
    assert isinstance(one, Caption)
    assert (one.before, one.text, one.rule) == ("cat, dog", "cat, dog, bird", "merge-tags")
    assert (one.file, one.keeper) == (dataset.look(str(root / "a.txt")), str(root / "a.png"))
    assert one.sources == (dataset.look(str(root / "b.txt")),)
    assert isinstance(other, Step)


def test_the_longest_caption_wins_and_a_missing_one_is_written_beside_the_keeper(root: Path) -> None:
    goes = {"b.png": "sub/a.png", "sub/c.png": "sub/a.png"}
    text = "a cat on a long red sofa"
    assert captions(root, goes, "longest") == [("sub/a.txt", None, text)]
    assert captions(root, {"sub/c.png": "sub/a.png"}, "longest") == [("sub/a.caption", None, text)]
    assert captions(root, {"sub/c.png": "a.png"}, "longest") == [("a.txt", "cat, dog", text)]
    assert captions(root, {"a.png": "sub/c.png"}, "longest") == []


def test_a_caption_that_goes_while_none_stays_is_told_in_one_note(root: Path) -> None:
    which = f"{root / 'sub/a.png'} stays without a caption, and that of a duplicate goes"
    hint = ": --captions longest or merge-tags passes it on"
    assert dataset.planned(root, {"b.png": "sub/a.png", "sub/c.png": "sub/a.png"}).notes == (which + hint,)
    for told_of_nothing in ({"sub/a.png": "a.png"}, {"b.png": "a.png"}):
        assert dataset.planned(root, told_of_nothing).notes == ()
    assert dataset.planned(root, {"b.png": "sub/a.png"}, "trash").notes == (which + hint,)
    assert dataset.planned(root, {"b.png": "sub/a.png"}, captions="longest").notes == ()
    assert dataset.planned(root, {"b.png": "sub/a.png"}, protect=("sub",)).notes == ()
    assert dataset.planned(root, {"b.png": "sub/a.png"}, "hardlink").notes == ()
    dataset.make(root, {"x.png": "X"})
    two = dataset.planned(root, {"b.png": "sub/a.png", "sub/c.png": "x.png"}).notes
    assert sorted(note.partition(" stays")[2] for note in two) == [
        " without a caption, and that of a duplicate goes (1 more such)" + hint
    ]


def test_a_caption_is_merged_only_for_duplicates_that_go(root: Path) -> None:
    assert captions(root, {"b.png": "a.png"}, "merge-tags", protect=("b.png",)) == []


def test_a_caption_without_new_tags_is_not_touched(root: Path) -> None:
    (root / "b.txt").write_text("DOG,cat ")
    assert captions(root, {"b.png": "a.png"}, "merge-tags") == []


def test_byte_order_marks_are_no_part_of_a_tag(root: Path) -> None:
    (root / "b.txt").write_bytes("\ufeffcat, new".encode())
    (root / "a.txt").write_bytes("\ufeffcat".encode())
    assert captions(root, {"b.png": "a.png"}, "merge-tags") == [("a.txt", "\ufeffcat", "cat, new")]
    (root / "b.txt").write_bytes("\ufeffcat".encode())
    assert captions(root, {"b.png": "a.png"}, "merge-tags") == []


def test_a_caption_that_cannot_be_read_is_left_and_noted(root: Path) -> None:
    (root / "b.txt").write_bytes("vögel".encode("latin-1"))
    made = dataset.planned(root, {"b.png": "a.png"}, captions="longest")
    assert not made.captions
    assert made.notes[0].startswith(f"{root / 'a.txt'}: left as it is, because a caption cannot be read")


def test_the_caption_of_another_image_is_never_written(tmp_path: Path) -> None:
    root = dataset.make(tmp_path, {"a.png": "A", "a.jpg": "J", "b.png": "B", "b.txt": "cat", "c.png": "C"})
    made = dataset.planned(root, {"b.png": "a.png"}, captions="longest")
    assert made.notes == (f"{root / 'a.txt'}: left as it is, it is also the caption of {root / 'a.jpg'}",)
    assert not made.captions
    both = {"b.png": "a.png", "a.jpg": "c.png"}
    assert captions(root, both, "longest") == [("a.txt", None, "cat")]
    (root / "a.txt").write_text("")
    assert captions(root, {"b.png": "a.png"}, "longest") == []
    assert captions(root, {"a.jpg": "a.png"}, "merge-tags") == []


def test_a_protected_caption_is_left_and_noted(root: Path) -> None:
    made = dataset.planned(root, {"b.png": "a.png"}, captions="merge-tags", protect=("a.txt",))
    assert made.notes == (f"{root / 'a.txt'}: left as it is, protected by a.txt",)
    assert not made.captions
    assert len(made.removals) == 1


def test_an_id_is_the_time_and_a_random_part(root: Path) -> None:
    assert re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{6}", plan(dataset.outcome(root, {})).id)


def test_tags_are_merged_into_a_caption_that_is_not_there_yet(root: Path) -> None:
    assert captions(root, {"b.png": "sub/a.png"}, "merge-tags") == [("sub/a.txt", None, "Dog, bird")]


def test_a_caption_that_two_duplicates_share_is_one_source(tmp_path: Path) -> None:
    files = {"a.png": "A", "a.jpg": "J", "a.txt": "cat", "k.png": "K", "k.jpg": "L", "k.txt": "dog"}
    root = dataset.make(tmp_path, files)
    goes = {"a.png": "k.png", "a.jpg": "k.png", "k.jpg": "k.png"}
    (caption,) = dataset.planned(root, goes, captions="merge-tags").captions
    assert (caption.text, caption.sources) == ("dog, cat", (dataset.look(str(root / "a.txt")),))


def test_a_caption_outside_the_roots_is_left_and_noted(root: Path) -> None:
    made = dataset.planned(root, {"sub/c.png": "a.png"}, captions="longest", roots=(str(root / "sub"),))
    assert made.notes == (f"{root / 'a.txt'}: left as it is, not inside the folders of the plan",)
    assert (len(made.captions), len(made.removals)) == (0, 1)


def test_the_note_about_an_unreadable_caption_says_why(root: Path) -> None:
    (root / "b.txt").write_bytes(b"\xff")
    made = dataset.planned(root, {"b.png": "a.png"}, captions="longest")
    why = f"{root / 'b.txt'} is no UTF-8: save it as such"
    assert made.notes == (f"{root / 'a.txt'}: left as it is, because a caption cannot be read ({why})",)


def test_addresses_are_no_files(root: Path) -> None:
    found = dataset.outcome(root, {"b.png": "a.png", "sub/a.png": "a.png"})
    changed = {"b.png": "s3://photos/b.png", "sub/a.png": str(root / "sub/a.png")}
    items = [replace(i, input=changed.get(i.key, i.input), mtime_ns=0) for i in found.catalog.items]
    made = plan(replace(found, catalog=replace(found.catalog, items=items)))
    assert [key for key, _ in made.left] == ["b.png"]
    items = [replace(i, mtime_ns=-1 if i.key == "b.png" else 5) for i in found.catalog.items]
    made = plan(replace(found, catalog=replace(found.catalog, items=items)))
    assert [key for key, _ in made.left] == ["b.png"]


def test_the_roots_of_listed_relative_paths_are_their_folders(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root.parent)
    found = dataset.outcome(root, {"b.png": "a.png"})
    items = [replace(i, key=f"photos/{i.key}", input=f"photos/{i.key}") for i in found.catalog.items]
    assert plan(replace(found, catalog=replace(found.catalog, items=items))).roots == (str(root),)


def test_a_reason_without_a_rule_gives_none(root: Path) -> None:
    class Silent:
        def reason(self, keeper: int, goer: int) -> str:
            return "by hand"

    made = plan(replace(dataset.outcome(root, {"b.png": "a.png"}), ranking=Silent()))
    assert (made.removals[0].rule, made.removals[0].reason) == ("", "by hand")
