"""clean, apply, undo and journals as a person meets them: words, exit codes, files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import dataset
import pytest
from pictures import picture

from oneofeach.apps.cli import run


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A keeper with a caption, an exact copy, a smaller one with a caption, and a single image."""
    monkeypatch.setenv("ONEOFEACH_JOURNALS", str(tmp_path / "journals"))
    root = tmp_path / "photos"
    (root / "sub").mkdir(parents=True)
    one = picture(1)
    one.save(root / "a.png")
    shutil.copy(root / "a.png", root / "copy.png")
    one.resize((one.width // 2, one.height // 2)).save(root / "sub" / "small.png")
    picture(2).save(root / "single.png")
    (root / "a.txt").write_text("cat, dog")
    (root / "sub" / "small.txt").write_text("Dog, bird")
    return root


def test_clean_shows_the_plan_applies_it_and_undo_takes_it_back(photos, capsys):
    before = dataset.snapshot(photos)
    assert run(["clean", str(photos), "--yes", "--captions", "merge-tags"]) == 0
    out = capsys.readouterr().out.replace(str(photos), "P")
    assert "keep  P/a.png\n      change caption P/a.txt (merge-tags): 'cat, dog, bird'\n" in out
    assert "      quarantine P/copy.png  1.0000, same bytes; position" in out
    assert "      quarantine P/sub/small.png with small.txt  " in out
    assert "Plan: quarantine 2 images with 1 sidecar, change 1 caption, leave 0 duplicates; " in out
    assert "Planned 3: 3 done, 0 refused, 0 failed, 0 stuck, 0 open.\nTake it back with: oneofeach undo 2" in out
    assert {*dataset.contents_names(photos)} == {"a.png", "a.txt", "single.png"}
    assert (photos / "a.txt").read_text() == "cat, dog, bird"
    assert run(["undo"]) == 0
    assert ": 3 restored, 0 not.\n" in capsys.readouterr().out
    assert dataset.snapshot(photos) == before


def test_undo_is_not_offered_for_what_is_deleted_for_good(photos, capsys):
    assert run(["clean", str(photos), "--yes", "--action", "delete"]) == 0
    out = capsys.readouterr().out
    assert "Planned 2: 2 done, 0 refused" in out
    assert "Take it back" not in out
    assert run(["undo"]) == 4


def test_without_a_place_for_the_journal_nothing_is_changed(photos, monkeypatch, capsys):
    before = dataset.snapshot(photos)
    monkeypatch.setenv("ONEOFEACH_JOURNALS", str(photos / "a.png" / "journals"))
    assert run(["clean", str(photos), "--yes"]) == 4
    assert "No journal can be kept in" in capsys.readouterr().err
    assert dataset.snapshot(photos) == before


def test_a_saved_plan_says_the_same_and_can_be_edited(photos, tmp_path, capsys):
    before = dataset.snapshot(photos)
    file = tmp_path / "plan.jsonl"
    assert run(["clean", str(photos), "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert run(["clean", str(photos), "--plan", str(file)]) == 0
    assert capsys.readouterr().out.splitlines()[:-1] == shown.splitlines()[:-1]
    assert dataset.snapshot(photos) == before
    header, *steps = file.read_text().splitlines()
    assert len(steps) == 2
    file.write_text(f"{header}\n{next(line for line in steps if 'small' in line)}\n")
    assert run(["apply", str(file)]) == 0
    assert (photos / "copy.png").exists()
    assert not (photos / "sub" / "small.png").exists()


def test_a_refused_step_is_a_plain_sentence_and_exit_code_4(photos, tmp_path, capsys):
    file = tmp_path / "plan.jsonl"
    run(["clean", str(photos), "--plan", str(file)])
    (photos / "copy.png").write_bytes(b"edited")
    capsys.readouterr()
    assert run(["apply", str(file)]) == 4
    out = capsys.readouterr().out
    path = photos / "copy.png"
    assert f"{path}: refused: the file {path} has changed since the plan was made\n" in out
    assert "Planned 2: 1 done, 1 refused, 0 failed, 0 stuck, 0 open." in out


def test_nothing_happens_unasked(photos, capsys):
    before = dataset.snapshot(photos)
    command = [sys.executable, "-m", "oneofeach", "clean", str(photos)]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert ended.returncode == 4
    assert "nobody is there to agree to the plan\nAdd --yes" in ended.stderr
    assert dataset.snapshot(photos) == before


def test_a_no_changes_nothing(photos, capsys, monkeypatch):
    before = dataset.snapshot(photos)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda question, err: question == "?")
    assert run(["clean", str(photos)]) == 0
    assert capsys.readouterr().out.endswith("No file was changed.\n")
    assert dataset.snapshot(photos) == before


def test_a_source_to_compare_with_is_never_changed(photos, tmp_path, capsys):
    kept = tmp_path / "kept"
    shutil.copytree(photos, kept)
    before = dataset.snapshot(kept)
    assert run(["clean", str(photos), "--against", str(kept), "--yes"]) == 0
    assert "Planned 4: 4 done" in capsys.readouterr().out
    assert dataset.snapshot(kept) == before
    assert dataset.contents_names(photos) == []


def test_protected_files_are_left_by_clean_and_by_apply(photos, tmp_path, capsys):
    file = tmp_path / "plan.jsonl"
    assert run(["clean", str(photos), "--protect", "sub", "--plan", str(file)]) == 0
    assert "left  sub/small.png: protected by sub" in capsys.readouterr().out
    assert run(["apply", str(file), "--protect", "copy.*"]) == 4
    assert "copy.png is protected by copy.*" in capsys.readouterr().out


def test_links_are_made_once(photos, capsys):
    assert run(["clean", str(photos), "--action", "hardlink", "--yes"]) == 0
    assert os.path.samefile(photos / "a.png", photos / "copy.png")
    assert run(["clean", str(photos), "--action", "hardlink", "--yes"]) == 0
    assert "left  copy.png: already the same file as its keeper" in capsys.readouterr().out


def test_journals_are_listed_with_what_can_be_undone(photos, capsys):
    assert run(["journals"]) == 0
    assert "nothing was applied yet" in capsys.readouterr().out
    run(["clean", str(photos), "--yes"])
    capsys.readouterr()
    assert run(["journals"]) == 0
    assert f"quarantine in {photos}\n    2 done; 0 undone, 2 can be undone" in capsys.readouterr().out
    assert run(["journals", "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert one["counts"] == {"done": 2, "refused": 0, "failed": 0, "stuck": 0, "open": 0}
    assert run(["undo", one["id"], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["undone"] == 2


@pytest.mark.parametrize(("numbers", "words"), [([3], "line 3"), ([2, 4], "lines 2, 4")])
def test_journals_name_damaged_lines(photos, capsys, numbers, words):
    run(["clean", str(photos), "--yes"])
    (path,) = (photos.parent / "journals").glob("*.jsonl")
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"".join(b"?\n" if n in numbers else line + b"\n" for n, line in enumerate(lines, 1)))
    capsys.readouterr()
    assert run(["journals"]) == 0
    assert f"Damaged in {path}: {words}. What stood there cannot be undone" in capsys.readouterr().out


def test_undo_names_what_it_cannot_take_back(photos, capsys):
    run(["clean", str(photos), "--yes"])
    (photos / "copy.png").write_bytes(b"new")
    capsys.readouterr()
    assert run(["undo"]) == 4
    out = capsys.readouterr().out
    assert ": 1 restored, 1 not.\n" in out
    assert "copy.png: something else stands in its place; it is kept as" in out
    assert (photos / "copy.png").read_bytes() == b"new"
    assert run(["undo", "nonsense"]) == 4
    assert "No journal of that name: nonsense" in capsys.readouterr().err


def test_deleted_files_are_not_offered_for_undo(photos, capsys):
    assert run(["clean", str(photos), "--yes", "--action", "delete"]) == 0
    assert dataset.contents_names(photos) == ["a.png", "a.txt", "single.png"]
    assert run(["undo"]) == 4
    assert "There is nothing to undo" in capsys.readouterr().err


def test_a_later_and_better_copy_does_not_overturn_what_was_kept(photos, capsys):
    assert run(["clean", str(photos), "--yes"]) == 0
    one = picture(1)
    one.resize((one.width * 2, one.height * 2)).save(photos / "big.png")
    capsys.readouterr()
    assert run(["clean", str(photos), "--dry-run"]) == 0
    assert "kept by an earlier run over new (kept-earlier)" in capsys.readouterr().out
    assert run(["clean", str(photos), "--dry-run", "--reconsider"]) == 0
    assert f"quarantine {photos / 'a.png'} with a.txt" in capsys.readouterr().out
    assert run(["undo"]) == 0
    capsys.readouterr()
    assert run(["clean", str(photos), "--dry-run"]) == 0
    assert f"quarantine {photos / 'a.png'} with a.txt" in capsys.readouterr().out


def test_undo_never_takes_back_another_apply_than_the_newest_unasked(photos, tmp_path, capsys):
    assert run(["clean", str(photos), "--yes"]) == 0
    other = tmp_path / "other"
    other.mkdir()
    for name in ("x.png", "y.png"):
        picture(7).save(other / name)
    assert run(["clean", str(other), "--yes", "--action", "delete"]) == 0
    capsys.readouterr()
    assert run(["undo"]) == 4
    told = capsys.readouterr().err
    assert f"delete in {other}" in told
    name = told.split()[-1]
    assert run(["undo", name]) == 0
    assert "2 restored, 0 not" in capsys.readouterr().out
    assert run(["undo"]) == 4
    assert "There is nothing to undo" in capsys.readouterr().err


def test_a_quarantine_that_the_next_scan_would_find_is_refused(photos, capsys):
    for place in ("aside", "sub/aside", "."):
        assert run(["clean", str(photos), "--yes", "--quarantine", str(photos / place)]) == 4
        assert "The quarantine is in the scanned folder" in capsys.readouterr().err
    for place in (photos / ".aside", photos.parent / "aside"):
        assert run(["clean", str(photos), "--dry-run", "--quarantine", str(place)]) == 0


def test_unreadable_images_give_exit_code_3(photos):
    (photos / "bad.png").write_bytes(b"no picture")
    assert run(["clean", str(photos), "--yes"]) == 3
    assert run(["clean", str(photos), "--action", "burn"]) == 2
