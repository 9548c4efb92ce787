"""A damaged index through every door that opens one: the run goes on and is right, or says what to do."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from pictures import encoded

import oneofeach
from oneofeach.apps.cli import run
from oneofeach.index import users_own
from oneofeach.index.schema import PAGE


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    root.mkdir()
    for number in range(3):
        for suffix in ("png", "jpg"):
            (root / f"{number}.{suffix}").write_bytes(encoded(number, suffix))
            os.utime(root / f"{number}.{suffix}", (1_600_000_000, 1_600_000_000))
    return root


@pytest.fixture
def index(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Knows all of it, and that 0.jpg always stays."""
    path = tmp_path / "index.sqlite"
    monkeypatch.setenv("ONEOFEACH_INDEX", str(path))
    assert run(["find", str(photos)]) == 0
    assert run(["keep", str(photos / "0.jpg")]) == 0
    return path


def damage(path: Path, table: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    data = bytearray(path.read_bytes())
    data[(page - 1) * PAGE : page * PAGE] = b"\xa5" * PAGE
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("command", "damaged", "says"),
    [
        ("find PHOTOS", "block", "6 images: 3 kept, 3 removed"),
        ("find PHOTOS", "matched", "6 images: 3 kept, 3 removed"),
        ("find PHOTOS --isolated", "descriptors", "6 images: 3 kept, 3 removed"),
        ("find OTHER --against PHOTOS", "file", "3 images: 2 kept, 1 removed"),
        ("clean PHOTOS --yes", "block", "Planned 3: 3 done"),
        ("export PHOTOS OUT", "block", "3 of 6 images written"),
        ("compare PHOTOS OTHER", "block", "2 of 6 images of A are among the 3 of B"),
        ("explore PHOTOS", "matched", "0.95"),
        ("index status", "image", "0 images of 0 known files"),
        ("index prune", "image", "0 files and 0 images forgotten"),
        ("decisions list", "version", "1 decision."),
    ],
)
def test_every_command_goes_on_with_a_new_index(
    photos: Path,
    index: Path,
    tmp_path: Path,
    command: str,
    damaged: str,
    says: str,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "other").mkdir()
    for number in (2, 8, 9):
        (tmp_path / "other" / f"{number}.bmp").write_bytes(encoded(number, "bmp"))
    damage(index, damaged)
    capsys.readouterr()
    names = {"PHOTOS": str(photos), "OUT": str(tmp_path / "out"), "OTHER": str(tmp_path / "other")}
    assert run([names.get(word, word) for word in command.split()]) == 0
    assert says in capsys.readouterr().out
    if command != "decisions list":  # which does not look there
        assert "begun anew with all that was decided" in caplog.text
        assert index.with_name("index.sqlite.damaged-1").exists()
    with users_own() as own:
        assert own is not None
        assert own.path == str(index)
        assert len(own.decisions.load().kept) == 1


def test_what_was_decided_is_obeyed_in_the_run_that_finds_the_damage(
    photos: Path, index: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(index, "block")
    capsys.readouterr()
    assert run(["find", str(photos), "--json"]) == 0
    keepers = [group["keeper"]["key"] for group in json.loads(capsys.readouterr().out)["groups"]]
    assert keepers == ["0.jpg", "1.png", "2.png"]


@pytest.mark.parametrize("damaged", ["block", "version", "header"])
def test_a_question_to_a_damaged_index_is_refused_until_it_is_filled(
    photos: Path, index: Path, damaged: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if damaged == "header":
        index.write_bytes(bytes(PAGE) + index.read_bytes()[PAGE:])
    else:
        damage(index, damaged)
    capsys.readouterr()
    with oneofeach.Index(index) as opened:
        with pytest.raises(oneofeach.IndexDamaged, match="run `oneofeach find` on your folders"):
            opened.query(photos / "0.png")
        oneofeach.scan(str(photos), index=opened)
        assert len(opened.query(photos / "0.png")) == 2


def test_the_command_that_asks_says_what_to_do(photos: Path, index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damage(index, "descriptors")
    capsys.readouterr()
    assert run(["query", str(photos / "0.png")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "run `oneofeach find` on your folders, then ask again" in err


def test_what_a_person_did_not_decide_is_told_when_it_is_lost(
    photos: Path, index: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(index, "always_kept")
    capsys.readouterr()
    assert run(["clean", str(photos), "--yes"]) == 2, "what was always to be kept could go"
    assert "not all could be read" in capsys.readouterr().err
    assert len(list(photos.iterdir())) == 6


def test_files_that_were_moved_are_told_before_the_index_fails(
    photos: Path, index: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise oneofeach.IndexDamaged("lost\nhint")

    monkeypatch.setattr(oneofeach.Index, "mark_kept", fail)
    capsys.readouterr()
    assert run(["clean", str(photos), "--yes"]) == 2
    assert "Planned 3: 3 done" in capsys.readouterr().out
