"""What applied runs kept: which images the index prefers after clean, apply and undo."""

from __future__ import annotations

import json
import shutil
from contextlib import nullcontext
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from pictures import picture

from oneofeach.apps.cli import apply as applying
from oneofeach.apps.cli import run
from oneofeach.index import Index
from oneofeach.stages.acting import perform as performing
from oneofeach.stages.acting.actions import ALL
from oneofeach.stages.acting.journals import journals


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two of the same bytes, a pair that only looks alike, and a single image."""
    monkeypatch.setenv("ONEOFEACH_JOURNALS", str(tmp_path / "journals"))
    root = tmp_path / "photos"
    root.mkdir()
    picture(1).save(root / "a.png")
    shutil.copy(root / "a.png", root / "b.png")
    picture(2).save(root / "big.png")
    picture(2).resize((128, 96)).save(root / "half.png")
    picture(3).save(root / "single.png")
    return root


def kept(photos: Path) -> set[str]:
    """The names of the images that the index prefers; for files of the same bytes, all of them."""
    files = sorted(photos.glob("*.png"))
    contents = np.array([list(sha256(file.read_bytes()).digest()) for file in files], np.uint8)
    with Index() as index:
        mask = index.kept(contents)
        assert index.status().kept == len({bytes(content) for content in contents[mask]}), "nothing else is preferred"
    return {file.name for file, preferred in zip(files, mask, strict=True) if preferred}


def groups(capsys: pytest.CaptureFixture[str], photos: Path, *options: str) -> list[dict[str, object]]:
    capsys.readouterr()
    assert run(["find", str(photos), "--json", *options]) == 0
    found = json.loads(capsys.readouterr().out)["groups"]
    return [{"keeper": g["keeper"]["key"], "duplicates": [d["key"] for d in g["duplicates"]]} for g in found]


def keepers(capsys: pytest.CaptureFixture[str], photos: Path, *options: str) -> list[str]:
    capsys.readouterr()
    assert run(["find", str(photos), "--keep", "last", "--json", *options]) == 0
    return [group["keeper"]["key"] for group in json.loads(capsys.readouterr().out)["groups"]]


def test_all_that_an_applied_run_left_in_place_is_kept_and_undo_takes_it_back(photos, capsys):
    assert run(["clean", str(photos), "--action", "hardlink", "--yes"]) == 0
    assert "left  half.png: not the same as its keeper byte for byte" in capsys.readouterr().out
    assert kept(photos) == {"a.png", "b.png", "big.png", "half.png", "single.png"}, "no step removes any of these"
    assert keepers(capsys, photos) == ["b.png", "half.png"]
    assert run(["undo"]) == 0
    assert kept(photos) == set()
    assert keepers(capsys, photos) == keepers(capsys, photos, "--no-index") == ["b.png", "half.png"]


def test_a_run_whose_steps_all_fail_keeps_nothing(photos, capsys, monkeypatch):
    def fail(*arguments: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(ALL["reflink"], "do", fail)
    assert run(["clean", str(photos), "--action", "reflink", "--yes"]) == 4
    assert "0 done, 0 refused, 1 failed" in capsys.readouterr().out
    assert kept(photos) == set()


@pytest.mark.parametrize("changed", ["b.png", "a.png"])
def test_an_applied_plan_does_not_keep_what_was_to_go_and_was_refused(photos, changed):
    file = str(photos.parent / "plan.jsonl")
    assert run(["clean", str(photos), "--plan", file]) == 0
    assert kept(photos) == set(), "a plan alone keeps nothing"
    picture(4).save(photos / changed)
    assert run(["apply", file]) == 4
    assert kept(photos) == {"big.png", "single.png", "a.png" if changed == "b.png" else "b.png"}, (
        "the content that was to stay, and nothing that was to go"
    )
    assert run(["undo"]) == 0
    assert kept(photos) == set()


def test_what_could_not_be_restored_still_has_its_keeper(photos, monkeypatch):
    shutil.copy(photos / "a.png", photos / "c.png")
    assert run(["clean", str(photos), "--yes"]) == 0
    assert kept(photos) == {"a.png", "big.png", "single.png"}
    picture(5).save(photos / "c.png")
    assert run(["undo"]) == 4
    assert (photos / "b.png").exists()
    assert kept(photos) == {"a.png", "b.png", "big.png", "single.png"}, "a.png stands for c.png still"
    (photos / "c.png").unlink()
    assert run(["undo"]) == 0
    assert kept(photos) == set()


def test_what_stands_for_a_step_of_another_run_stays_kept(photos):
    assert run(["clean", str(photos), "--yes"]) == 0
    (first,) = (journal.id for journal in journals())
    shutil.copy(photos / "a.png", photos / "later.png")
    assert run(["clean", str(photos), "--yes"]) == 0
    assert not (photos / "later.png").exists()
    assert run(["undo", first]) == 0
    assert (photos / "b.png").exists()
    assert kept(photos) == {"a.png", "b.png", "big.png", "single.png"}, "a.png stands for later.png still"
    assert run(["undo"]) == 0
    assert kept(photos) == set()


def test_what_was_deleted_for_good_keeps_its_keeper_when_another_run_is_undone(photos):
    assert run(["clean", str(photos), "--action", "delete", "--yes"]) == 0
    shutil.copy(photos / "a.png", photos / "later.png")
    assert run(["clean", str(photos), "--yes"]) == 0
    assert run(["undo"]) == 0  # what is deleted is never offered, so the newest is the second run
    assert kept(photos) == {"a.png", "later.png", "big.png", "single.png"}


def test_a_single_image_that_an_applied_run_kept_is_not_overturned_by_a_better_one(photos, capsys):
    picture(3).resize((64, 48)).save(photos / "single.png")
    assert run(["clean", str(photos), "--yes"]) == 0
    picture(3).save(photos / "larger.png")
    single = {"keeper": "single.png", "duplicates": ["larger.png"]}
    assert groups(capsys, photos) == [single]
    assert groups(capsys, photos, "--reconsider") == [{"keeper": "larger.png", "duplicates": ["single.png"]}]
    assert run(["undo"]) == 0
    assert groups(capsys, photos)[-1] == {"keeper": "larger.png", "duplicates": ["single.png"]}


def test_a_plan_keeps_nothing_until_it_is_applied_and_then_what_it_left_in_place(photos, capsys):
    file = str(photos.parent / "plan.jsonl")
    assert run(["clean", str(photos), "--plan", file]) == 0
    assert kept(photos) == set()
    picture(6).save(photos / "new.png")
    assert run(["apply", file]) == 0
    assert kept(photos) == {"a.png", "big.png", "single.png"}, "what came after the plan is new"


def test_ctrl_c_in_the_middle_remembers_what_was_done_by_then(photos, monkeypatch):
    file = str(photos.parent / "plan.jsonl")
    assert run(["clean", str(photos), "--plan", file]) == 0

    def stop(stage: str, done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(performing, "BATCH", 1)
        patch.setattr(applying, "progress_bar", lambda: nullcontext(stop))
        assert run(["apply", file]) == 130
    assert len(list(photos.glob("*.png"))) < 5, "something was done"
    assert kept(photos) >= {"a.png", "big.png", "single.png"}
    assert run(["apply", file]) == 0
    assert kept(photos) == {"a.png", "big.png", "single.png"}


def test_older_runs_become_one_and_stay_kept(tmp_path):
    names = [sha256(bytes([number])).digest() for number in range(12)]
    with Index(tmp_path / "i.sqlite") as index:
        for number, content in enumerate(names):
            index.runs.planned(f"plan-{number:02}", [content])
            assert content not in index.runs.load()
            index.runs.applied(f"plan-{number:02}")
        assert index.runs.load() == set(names)
        index.runs.taken_back("plan-11")
        assert index.runs.load() == set(names[:-1])
        index.runs.taken_back("plan-00")
        assert index.runs.load() == set(names[:-1]), "too old to be taken back by itself"
