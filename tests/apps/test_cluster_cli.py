"""The options of clusters on the command line; what runs on a real cluster is in tests/engines/ray."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from mixture import write_mixture

from oneofeach.apps.cli import run
from oneofeach.apps.cli.cluster import Working
from oneofeach.apps.cli.progress import Reached
from oneofeach.engines.ray import weighing
from oneofeach.engines.ray.estimate import estimate, rows_of
from oneofeach.engines.ray.shards import shards_of
from oneofeach.flow import deduplicate


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return write_mixture(tmp_path_factory.mktemp("mixture"))


def test_an_estimate_measures_a_sample_and_tells_hours_memory_and_storage(
    source: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["find", *source, "--engine", "ray", "--estimate"]) == 0
    told = capsys.readouterr().out
    assert re.search(r"^images +72$", told, re.MULTILINE), told
    for line in (
        r"scan +[\d.]+ core-hours",
        r"memory +[\d.]+ MB per worker",
        r"storage +[\d.]+ kB",
        r"Measured here on",
    ):
        assert re.search(line, told), told


def test_a_url_with_a_star_is_all_that_it_names(source: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(source[0]).parent
    assert run(["find", f"file://{folder}/*.*", "--json", "--no-index"]) == 3
    urls = [f"file://{one}" for one in sorted(source) if Path(one).suffix]
    local = deduplicate(urls)
    found = json.loads(capsys.readouterr().out)
    assert found["counts"] == local.counts
    assert found["skipped"][0]["key"] == local.skipped[0][0]
    assert run(["compare", f"file://{folder}/nothing-*.tar", source[0], "--no-index"]) == 2
    assert "No such file or folder" in capsys.readouterr().err


def test_an_estimate_grows_with_the_images_and_the_join_with_their_square(source: list[str]) -> None:
    one, ten = (estimate(source, 0.95, "oneofeach-1", images=images) for images in (10**9, 10**10))
    assert ten.join_seconds == pytest.approx(100 * one.join_seconds)
    assert ten.verify_seconds > 10 * one.verify_seconds
    assert ten.part_bytes > 10 * one.part_bytes
    assert ten.memory > one.memory > 1e9, "a worker holds two blocks of millions of rows"


def test_shards_that_were_not_counted_are_taken_to_be_like_the_others(source: list[str]) -> None:
    listing = shards_of([source[0], source[0], source[1], source[2]], 512)
    assert rows_of(listing, {0: 20}) == (20 + 20 + 24 + 24, False)
    assert rows_of(listing, {0: 20, 1: 30}) == (20 + 30 + 24 + 24, True)


def test_a_work_folder_that_cannot_be_is_told(
    source: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "work"
    assert run(["find", source[1], "--no-index", "--engine", "ray", "--work-folder", str(place)]) == 2
    first, second = capsys.readouterr().err.strip().splitlines()
    assert first == f"Cannot be written: {place} (Not a directory)"
    assert "choose another place" in second


@pytest.mark.parametrize("options", [["--table"], []])
def test_images_to_compare_with_must_be_there(
    source: list[str], options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    here = ["--no-index", "--engine", "ray", "--work-folder", str(tmp_path / "work"), *options]
    for name, words in (("empty", "No image was found in"), ("nothing", "No such file or folder")):
        assert run(["compare", source[1], str(tmp_path / name), *here]) == 2
        assert words in capsys.readouterr().err


def test_an_interrupted_job_says_that_it_goes_on(tmp_path: Path) -> None:
    kept = Working(engine="ray", work_folder=str(tmp_path)).once_interrupted
    assert Reached(after=kept).sentence() == "Interrupted. No file was changed. Run it again to go on from there."
    assert Reached(after=Working(engine="ray").once_interrupted).sentence() == "Interrupted. No file was changed."


def test_this_machine_does_not_export_to_a_folder_that_is_named_like_a_url(
    source: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["export", source[1], "s3://bucket/out", "--no-index"]) == 4
    assert "let a cluster write it: --engine ray" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_an_image_that_kills_the_process_that_measures_it_is_told(
    source: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(weighing, "_CHILD", "import os; os.kill(os.getpid(), 9)")
    assert run(["find", *source, "--engine", "ray", "--estimate"]) == 2
    assert "The sample cannot be measured: it ended with -9" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--address", "auto"], "need --engine ray"),
        (["--engine", "ray", "--isolated"], "--isolated is not for Ray"),
        (["--engine", "ray", "--table"], "a --work-folder to leave it in"),
        (["--engine", "spark"], "Unknown engine: spark"),
        (["--engine", "ray", "--address", "auto"], "work folder that all of them see"),
        (["--engine", "ray", "--work-folder", "w", "--table", "--json"], "leave out --report, --json"),
        (["--engine", "ray", "--work-folder", "w", "--table", "--orientations", "all"], "upright images only"),
        (["--engine", "ray", "--work-folder", "w", "--table", "--keep", "size"], "Invalid keep rule: size"),
    ],
)
def test_options_that_contradict_each_other_are_told_apart(
    options: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pictures").mkdir()
    assert run(["find", str(tmp_path / "pictures"), *options]) in (2, 4)
    assert words in " ".join(capsys.readouterr().err.replace("│", " ").split())
