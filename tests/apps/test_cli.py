"""The command line as a person meets it: exit codes, streams, words."""

import errno
import json
import os
import shutil
import subprocess
import sys

import pytest
from pictures import copies, picture
from PIL import Image

from oneofeach.apps.cli import run


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dataset")
    copies(0, folder, "ant")
    picture(9).save(folder / "single.png")
    return folder


def test_find_prints_every_group_and_a_sum_that_adds_up(dataset, capsys):
    assert run(["find", str(dataset)]) == 0
    out = capsys.readouterr().out
    assert "keep  ant.jpg" in out
    assert "drop  ant_small.webp" in out
    assert out.strip().endswith("4 images: 2 kept, 2 removed in 1 group, 0 skipped. No file was changed.")


def test_find_json_is_one_object_and_nothing_else_on_stdout(dataset, capsys):
    assert run(["find", str(dataset), "--json", "--similarity-threshold", "0.9"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["similarity_threshold"] == 0.9
    assert data["counts"] == {"seen": 4, "kept": 2, "removed": 2, "skipped": 0}


def test_check_exits_with_1_only_when_there_are_duplicates(dataset, tmp_path):
    assert run(["find", str(dataset), "--check"]) == 1
    picture(1).save(tmp_path / "only.png")
    assert run(["find", str(tmp_path), "--check"]) == 0


def test_unreadable_files_give_exit_code_3_and_a_line_each(tmp_path, capsys):
    picture(1).save(tmp_path / "good.png")
    (tmp_path / "bad\n.png").write_bytes(b"\x89PNG\r\n\x1a\nnonsense")
    assert run(["find", str(tmp_path)]) == 3
    assert "skip  bad\\n.png  " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "first"),
    [
        (["{folder}", "-t", "1.5"], "Invalid similarity threshold: 1.5"),
        (["{folder}", "-t", "nan"], "Invalid similarity threshold: nan"),
        (["{folder}", "-t", "high"], "Invalid similarity threshold: high"),
        (["{folder}", "-t", ""], "Invalid similarity threshold: ''"),
        (["{folder}", "--keep", "best"], "Invalid keep rule: best"),
        (["{folder}", "--keep", ""], "Invalid keep rule: ''"),
        (["{folder}", "--keep", "prefer=["], "Invalid keep rule: prefer=["),
        (["{folder}", "--report", ""], "Unknown report format: ''"),
        (["{folder}", "--fingerprint", ""], "Unknown fingerprint: ''"),
        ([""], "No such file or folder: ''"),
        (["{folder}", "--report", "a.doc"], "Unknown report format: a.doc"),
        (["{folder}", "--fingerprint", "x"], "Unknown fingerprint: x"),
        (["{folder}/gone"], "No such file or folder: {folder}/gone"),
        (["{folder}/empty"], "Image list is empty"),
    ],
)
def test_bad_usage_gives_exit_code_2_a_first_line_and_a_hint(dataset, capsys, arguments, first):
    (dataset / "empty").mkdir(exist_ok=True)
    assert run(["find", *(text.format(folder=dataset) for text in arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.strip().split("\n")
    assert lines[0] == first.format(folder=dataset)
    assert len(lines) == 2


@pytest.mark.parametrize(
    "arguments", [["find"], ["find", "--nonsense", "."], ["nonsense"], ["find", ".", "--workers", "0"]]
)
def test_usage_errors_show_the_usage_and_no_traceback(arguments, capsys):
    assert run(arguments) == 2
    err = capsys.readouterr().err
    assert "Usage: oneofeach" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", [["find", "--report"], ["explore", "--page"], ["clean", "--plan"]])
@pytest.mark.parametrize("place", ["none/a.json", "folder.json"])
def test_a_file_that_cannot_be_written_is_named_as_the_user_named_it(dataset, tmp_path, capsys, command, place):
    (tmp_path / "folder.json").mkdir()
    path = str(tmp_path / place)
    assert run([*command, path, str(dataset)]) == 2
    error = capsys.readouterr().err
    reason = "No such file or directory" if "none" in place else "Is a directory"
    assert error == (
        f"Cannot be written: {path} ({reason})\nMake its folder first if there is none, or choose another place.\n"
    )
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder.json"]


def test_the_html_report_tells_the_size_of_a_file_of_a_few_bytes(tmp_path):
    for name in ("a", "b"):
        Image.new("RGB", (64, 64), (200, 30, 30)).save(tmp_path / f"{name}.png")
    size = (tmp_path / "a.png").stat().st_size
    assert run(["find", str(tmp_path), "--report", str(tmp_path / "r.html")]) == 0
    assert f"{size} bytes" in (tmp_path / "r.html").read_text()


def test_reports_are_written_and_named(dataset, tmp_path, capsys):
    report = tmp_path / "r.html"
    assert run(["find", str(dataset), "--report", str(report), "--report", str(tmp_path / "r.csv")]) == 0
    assert report.exists()
    assert f"Report: {report}" in capsys.readouterr().err


def test_doctor_names_versions_kernels_and_decoders(capsys):
    assert run(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "kernels" in out
    assert "JPEG" in out
    assert "HEIC" in out


@pytest.mark.skipif(os.name == "nt", reason="pipes as on POSIX")
def test_a_reader_that_goes_and_a_full_disk_are_no_tracebacks(dataset):
    command = [sys.executable, "-m", "oneofeach", "find", str(dataset), "--check"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 141
    if os.path.exists("/dev/full"):
        with open("/dev/full", "w") as full:
            done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert (done.returncode, done.stderr.splitlines()[0]) == (2, "No space left on device: the output")


def test_a_full_disk_is_told_with_the_file_that_was_written(dataset, tmp_path, monkeypatch, capsys):
    def full(source, target):
        raise OSError(errno.ENOSPC, "No space left on device", source, None, str(target))

    monkeypatch.setattr(shutil, "copy2", full)
    assert run(["export", str(dataset), str(tmp_path / "out"), "--no-index"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("No space left on device: ")
    assert str(tmp_path) in told[0]
    assert told[1] == "Make room there, then run it again."
