"""A caption that was written on the page is that of its image, and of no other."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pictures import encoded
from reviewing import scanned, session_of

import oneofeach
from oneofeach.apps.review.captioning import captioned, with_captions
from oneofeach.apps.review.session import Session
from oneofeach.stages.acting.plans import Plan
from oneofeach.stages.sources import items_of
from oneofeach.stages.sources.captions import captions_of


def written(folder: Path, texts: dict[str, str]) -> Session:
    """A review of the folder in which captions were written: key → text."""
    session = session_of(*scanned(folder))
    rows = {item.key: row for row, item in enumerate(session.catalog.items)}
    for key, text in texts.items():
        session.caption(rows[key], text)
    return session


def planned(session: Session, captions: str = "own") -> Plan:
    outcome = session.outcome()
    return with_captions(oneofeach.plan(outcome, captions=captions), session, outcome)


def read(folder: Path) -> dict[str, str]:
    items = items_of(str(folder))
    captions = captions_of(items)
    return {item.key: captions.get(row, "") for row, item in enumerate(items)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures of one stem, and a smaller copy of the first."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, number in {"a.png": 1, "a.jpg": 2, "b.png": 1}.items():
        (folder / name).write_bytes(encoded(number, name[2:]))
    return folder


@pytest.mark.parametrize("rule", ["own", "merge-tags"])
@pytest.mark.parametrize("before", ["of both", None])
def test_another_image_of_the_stem_keeps_what_it_had(folder: Path, before: str | None, rule: str) -> None:
    if before is not None:
        (folder / "a.txt").write_text(before)
    (folder / "b.txt").write_text("more")
    names = sorted(path.name for path in folder.iterdir())
    made = planned(written(folder, {"a.png": "of a.png"}), rule)
    assert any("a.png.txt is a new file" in note for note in made.notes)
    journal = oneofeach.perform(made)
    assert read(folder) == {"a.png": "of a.png", "a.jpg": before or ""}
    oneofeach.undo(journal)
    assert sorted(path.name for path in folder.iterdir()) == names
    assert read(folder) == {"a.png": before or "", "a.jpg": before or "", "b.png": "more"}


def test_a_caption_shared_with_what_goes_is_changed_in_its_place(folder: Path) -> None:
    (folder / "a.jpg").write_bytes(encoded(1, "jpg"))
    (folder / "a.txt").write_text("of both")
    oneofeach.perform(planned(written(folder, {"a.png": "of a.png"})))
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == ["a.png", "a.txt"]
    assert (folder / "a.txt").read_text() == "of a.png"


def test_of_two_caption_files_the_one_that_the_page_shows_is_changed(folder: Path) -> None:
    (folder / "a.jpg").unlink()
    (folder / "a.caption").write_text("not shown")
    (folder / "a.txt").write_text("shown")
    oneofeach.perform(planned(written(folder, {"a.png": "changed"})))
    assert ((folder / "a.caption").read_text(), (folder / "a.txt").read_text()) == ("not shown", "changed")


def test_a_caption_is_written_before_anything_goes(folder: Path) -> None:
    made = planned(written(folder, {"a.png": "of a.png"}))
    assert [step.action for step in made.steps] == ["caption", "quarantine"]


def test_a_caption_that_is_no_utf_8_is_replaced_and_comes_back_byte_by_byte(folder: Path) -> None:
    (folder / "a.jpg").unlink()
    (folder / "a.txt").write_bytes("café".encode("latin-1"))
    journal = oneofeach.perform(planned(written(folder, {"a.png": "café"})))
    assert (folder / "a.txt").read_bytes() == "café".encode()
    oneofeach.undo(journal)
    assert (folder / "a.txt").read_bytes() == "café".encode("latin-1")


def test_a_caption_that_was_written_and_emptied_again_makes_no_file(folder: Path) -> None:
    assert not planned(written(folder, {"a.png": ""})).captions


def test_a_caption_written_for_an_image_that_goes_is_named_in_the_plan(folder: Path) -> None:
    (folder / "a.jpg").unlink()
    made = planned(written(folder, {"b.png": "of b.png"}))
    assert not made.captions
    assert made.notes == ("b.png goes, and the caption that was written for it: write it for the one that stays",)


def test_a_caption_is_written_for_what_only_a_suggestion_would_remove(folder: Path) -> None:
    session = written(folder, {"b.png": "of b.png"})
    outcome = session.outcome(decided_only=True)
    made = with_captions(oneofeach.plan(outcome), session, outcome)
    assert [(step.file.path, step.text) for step in made.captions] == [(str(folder / "b.txt"), "of b.png")]
    assert not made.removals


def test_two_images_of_a_stem_are_exported_with_the_captions_that_were_written(folder: Path, tmp_path: Path) -> None:
    (folder / "a.txt").write_text("of both")
    texts = {"a.png": "of a.png", "a.jpg": "of a.jpg"}
    session = written(folder, texts)
    for format in ("folder", "kohya"):
        out = oneofeach.export(captioned(session.outcome(), session), tmp_path / format, format)
        assert {Path(key).suffix: text for key, text in read(out).items()} == {".png": "of a.png", ".jpg": "of a.jpg"}


def test_a_table_with_lists_of_captions_is_refused_rather_than_changed(tmp_path: Path) -> None:
    rows = [{"image": {"bytes": encoded(1), "path": "a.png"}, "caption": ["one", "two"]}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "t.parquet")
    session = session_of(*scanned(tmp_path / "t.parquet"))
    session.caption(0, "written")
    with pytest.raises(oneofeach.Refused, match="folder or webdataset"):
        oneofeach.export(captioned(session.outcome(), session), tmp_path / "out", "parquet")


def test_annotations_are_never_dropped_for_a_caption(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(1))
    whole = {"images": [{"id": 1, "file_name": "a.png"}], "annotations": [{"id": 1, "image_id": 1}], "categories": []}
    (tmp_path / "all.json").write_text(json.dumps(whole))
    session = session_of(*scanned(tmp_path / "all.json"))
    session.caption(0, "written")
    outcome = captioned(session.outcome(), session)
    with pytest.raises(oneofeach.Refused, match="take the caption back"):
        oneofeach.export(outcome, tmp_path / "out", "coco")
    out = oneofeach.export(outcome, tmp_path / "out", "folder")
    assert (out / "all" / "a.txt").read_text() == "written"
