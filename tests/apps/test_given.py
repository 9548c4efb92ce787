"""What may be given to commands: lists of files, folders to ask about, images to decide on."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest
from pictures import encoded

from oneofeach.apps.cli import run


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    root.mkdir()
    for name, number in {"a.png": 1, "b.jpg": 1, "c.png": 2, "left out.png": 2}.items():
        (root / name).write_bytes(encoded(number, name[-3:]))
        os.utime(root / name, (1_600_000_000, 1_600_000_000))
    return root


@pytest.fixture
def listed(photos: Path, tmp_path: Path) -> str:
    (tmp_path / "list.txt").write_text("".join(f"{photos / name}\n" for name in ("a.png", "b.jpg", "c.png")))
    return str(tmp_path / "list.txt")


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("find", "3 images: 2 kept, 1 removed"),
        ("clean --dry-run", "Plan: quarantine 1 image"),
        ("export OUT", "2 of 3 images written"),
        ("compare OTHER", "1 of 3 images of A are among the 2 of B"),
        ("explore", "0.95         1         1         2"),
        ("evaluate TRUTH", "Suggested: --similarity-threshold 0.80"),
        ("query", "found  "),
    ],
)
def test_a_list_of_files_is_taken_by_every_command_that_takes_a_source(
    photos: Path, listed: str, tmp_path: Path, command: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").mkdir()
    for number in (2, 7):
        (tmp_path / "other" / f"{number}.bmp").write_bytes(encoded(number, "bmp"))
    (tmp_path / "truth.csv").write_text(f"{photos / 'a.png'},{photos / 'b.jpg'},1\n")
    assert run(["find", str(photos)]) == 0
    capsys.readouterr()
    names = {"OUT": tmp_path / "out", "OTHER": tmp_path / "other", "TRUTH": tmp_path / "truth.csv"}
    name, *words = command.split()
    assert run([name, "--files-from", listed, *(str(names.get(word, word)) for word in words)]) == 0
    out = capsys.readouterr().out
    assert says in out
    assert "left out" not in out or name == "query"


@pytest.mark.parametrize("command", ["find", "clean", "export OUT", "compare OTHER", "explore", "review", "query"])
def test_a_source_and_a_list_contradict_each_other(photos: Path, listed: str, tmp_path: Path, command: str) -> None:
    name, *words = command.split()
    given = [*([str(photos), "x"] if name == "compare" else [str(photos)]), *words]
    assert run([name, "--files-from", listed, *given]) == 2
    assert not (tmp_path / "OUT").exists()


def test_listed_files_are_cleaned_where_they_are(photos: Path, listed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["clean", "--files-from", listed, "--yes"]) == 0
    assert sorted(path.name for path in photos.iterdir() if path.is_file()) == ["a.png", "c.png", "left out.png"]
    assert run(["undo"]) == 0
    assert (photos / "b.jpg").exists()


def test_paths_to_export_come_from_standard_input(
    photos: Path, listed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path(listed).read_bytes())))
    assert run(["export", "--files-from", "-", str(tmp_path / "out")]) == 0
    assert len(list((tmp_path / "out").rglob("*.png"))) == 2


def test_all_images_of_a_folder_are_asked_about(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["find", str(photos)]) == 0
    capsys.readouterr()
    (photos / "new.bmp").write_bytes(encoded(2, "bmp"))
    (photos / "broken.png").write_bytes(b"no image")
    assert run(["query", str(photos), "--json"]) == 3
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = {os.path.basename(one["image"]): len(one["matches"]) for one in answers}
    assert found == {"a.png": 1, "b.jpg": 1, "c.png": 1, "left out.png": 1, "new.bmp": 1}
    assert run(["query", str(photos / "nowhere")]) == 2
    (photos / "empty").mkdir()
    assert run(["query", str(photos / "empty")]) == 2


@pytest.mark.parametrize("command", ["keep", "not-duplicates"])
def test_nothing_is_decided_about_what_is_no_image(
    photos: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "notes.txt").write_text("no image")
    for wrong, says in (
        (photos / "notes.txt", "Not an image"),
        (photos, "This is a folder"),
        (photos / "x.png", "x.png"),
    ):
        assert run([command, str(photos / "a.png"), str(wrong)]) == 2
        assert says in capsys.readouterr().err
    assert run(["decisions", "list"]) == 0
    assert capsys.readouterr().out == "0 decisions.\n"
    assert run([command, str(photos / "a.png"), str(photos / "b.jpg")]) == 0
