"""The commands around datasets: index, query, compare, export, explore, evaluate, watch."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pictures import encoded

import oneofeach
from oneofeach.apps.cli import run
from oneofeach.comparison import compare, split_of


def write(root: Path, numbers: dict[str, int]) -> Path:
    for name, number in numbers.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(number, path.suffix[1:]))
        os.utime(path, (1_600_000_000, 1_600_000_000))
    return root


@pytest.fixture
def train(tmp_path: Path) -> Path:
    return write(tmp_path / "train", {"cat/1.png": 1, "cat/2.png": 2, "dog/3.png": 3, "dog/4.png": 4})


@pytest.fixture
def test(tmp_path: Path) -> Path:
    return write(tmp_path / "test", {"cat/a.jpg": 1, "dog/b.png": 9})


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_find_fills_the_index_and_index_commands_look_after_it(train: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["find", str(train)]) == 0
    capsys.readouterr()
    assert run(["index", "status", "--json"]) == 0
    assert printed(capsys)["images"] == 4
    (train / "cat" / "1.png").unlink()
    assert run(["index", "verify", "--all"]) == 0
    assert "gone" in capsys.readouterr().out
    assert run(["index", "prune"]) == 0
    assert capsys.readouterr().out == "1 file and 1 image forgotten.\n"


def test_without_an_index_nothing_is_written(train: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEOFEACH_INDEX", str(tmp_path / "none" / "index.sqlite"))
    assert run(["find", str(train), "--no-index"]) == 0
    assert not (tmp_path / "none").exists()


def test_a_default_index_that_cannot_be_opened_is_done_without(
    train: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ONEOFEACH_INDEX", str(train / "cat" / "1.png" / "index.sqlite"))
    assert run(["find", str(train)]) == 0
    assert "Without an index" in capsys.readouterr().err
    assert run(["find", str(train), "--index", str(train / "cat" / "1.png" / "index.sqlite")]) == 2


def test_paths_come_from_standard_input(
    train: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = b"\0".join(os.fsencode(path) for path in sorted(train.rglob("*.png")))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(names)))
    assert run(["find", "--files-from", "-", "--json"]) == 0
    assert printed(capsys)["counts"]["seen"] == 4
    assert run(["find"]) == 2


def test_what_is_in_the_other_set_goes_and_the_other_set_is_not_counted(
    train: Path, test: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["find", str(test), "--against", str(train), "--json"]) == 0
    found = printed(capsys)
    assert found["counts"] == {"seen": 2, "kept": 1, "removed": 1, "skipped": 0}
    (group,) = found["groups"]
    assert group["keeper"]["key"] == str(train / "cat" / "1.png")
    assert [one["key"] for one in group["duplicates"]] == [os.path.join("cat", "a.jpg")]


def test_find_tells_duplicates_within_a_source_from_those_across(
    train: Path, test: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(train, {"dog/copy.png": 3})
    assert run(["find", str(train), str(test)]) == 0
    out = capsys.readouterr().out
    assert f"1 within {train}" in out
    assert f"1 of {test} are in {train}" in out


def test_compare_names_leaks_by_class_and_fails_a_check(
    train: Path, test: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["compare", str(test), str(train), "--check", "--json"]) == 1
    found = printed(capsys)
    assert found["counts"] == {"seen": 2, "found": 1, "compared": 4, "skipped": 0}
    assert found["matches"][0]["match"] == str(train / "cat" / "1.png")
    assert found["by_class"] == {"cat": {"images": 1, "found": 1}, "dog": {"images": 1, "found": 0}}
    assert run(["compare", str(train / "dog"), str(test), "--check"]) == 0
    assert "0 of 2 images of A are among the 2 of B" in capsys.readouterr().out


def test_compare_counts_tables_by_label_and_takes_the_parts_of_a_split_together(
    train: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part, numbers in enumerate(([1, 9], [3, 8])):
        rows = pa.table({"image": [encoded(n) for n in numbers], "label": ["cat" if n < 9 else "dog" for n in numbers]})
        pq.write_table(rows, tmp_path / f"test-0000{part}-of-00002.parquet")
    parts = sorted(map(str, tmp_path.glob("*.parquet")))
    assert run(["compare", parts[0], str(train), "--json"]) == 0
    found = printed(capsys)
    assert found["by_class"] == {"cat": {"images": 1, "found": 1}, "dog": {"images": 1, "found": 0}}
    result = compare(parts, str(train))
    assert result.by(split_of) == {str(tmp_path / "test.parquet"): (4, 2)}


def test_an_empty_or_missing_side_of_a_comparison_is_an_error_never_a_clean_check(
    train: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    for command in (["compare", str(train)], ["find", str(train), "--against"]):
        assert run([*command, str(tmp_path / "empty"), "--check"]) == 2
        assert capsys.readouterr().err.startswith(f"Image list is empty\nNo image was found in {tmp_path / 'empty'}")
        assert run([*command, str(tmp_path / "none"), "--check"]) == 2
        assert "No such file or folder" in capsys.readouterr().err
    with pytest.raises(oneofeach.EmptyImageList, match="B has no image"):
        compare([encoded(1)], [])
    assert oneofeach.deduplicate([encoded(1)], against=[]).counts["kept"] == 1, "an empty list was given on purpose"


def test_a_folder_of_shards_is_refused_with_what_to_give_instead(
    train: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", str(train), str(tmp_path / "out"), "--format", "webdataset"]) == 0
    capsys.readouterr()
    assert run(["find", str(tmp_path / "out")]) == 2
    assert f"give these themselves: {tmp_path / 'out' / '*.tar'}" in capsys.readouterr().err


def test_query_finds_what_the_index_has_and_only_that(
    train: Path, test: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["find", str(train)]) == 0
    capsys.readouterr()
    assert run(["query", str(test / "cat" / "a.jpg"), str(test / "dog" / "b.png"), "--json", "--check"]) == 1
    known, new = map(json.loads, capsys.readouterr().out.splitlines())
    assert known["matches"][0]["places"] == [str(train / "cat" / "1.png")]
    assert new["matches"] == []
    (test / "bad.png").write_bytes(b"x")
    assert run(["query", str(test / "bad.png")]) == 3
    assert "found" not in capsys.readouterr().out


@pytest.mark.parametrize("command", [["query"], ["index", "status"], ["index", "verify"], ["index", "prune"]])
def test_a_question_to_an_index_that_is_not_there_is_an_error_and_makes_none(
    command: list[str], train: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked, index = [str(train)] if command == ["query"] else [], tmp_path / "mistyped.sqlite"
    assert run([*command, *asked, "--index", str(index)]) == 2
    error = capsys.readouterr().err.splitlines()
    assert error[0].endswith(f"No such index: {index}")
    assert error[1].endswith(f"oneofeach find FOLDER --index {index}")
    assert not index.exists()


def test_an_open_index_answers_for_what_was_added_since(train: Path, tmp_path: Path) -> None:
    with oneofeach.Index(tmp_path / "i.sqlite") as index:
        assert index.query(encoded(1)) == []
        oneofeach.scan(str(train), index=index)
        (match,) = index.query(encoded(1, "jpg"))
        assert match.places == (str(train / "cat" / "1.png"),)
        assert 0.95 <= match.similarity <= 1.0


def test_export_writes_the_unique_set(train: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(train, {"dog/copy.png": 3})
    assert run(["export", str(train), str(tmp_path / "out"), "--format", "webdataset"]) == 0
    assert "4 of 5 images written" in capsys.readouterr().out
    assert (tmp_path / "out" / "shard-000000.tar").exists()
    assert run(["export", str(train), str(tmp_path / "out")]) == 4
    assert run(["export", str(train), str(tmp_path / "x"), "--format", "cd"]) == 2
    assert run(["export", str(train), str(train / "unique")]) == 4
    assert run(["export", str(train), str(train / "dog"), str(tmp_path / "x.tar")]) == 2
    assert run(["export", str(train)]) == 2


def test_explore_counts_per_threshold_and_shows_the_borders(
    train: Path, test: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    assert run(["explore", str(train), str(test), "--json", "--page", str(page)]) == 0
    rows = printed(capsys)["thresholds"]
    removed = [row["removed"] for row in rows]
    assert (rows[0]["threshold"], rows[-1]["threshold"]) == (0.8, 1.0)
    assert removed == sorted(removed, reverse=True)
    assert removed[0] == 1
    assert page.read_text().count("<figure>") == 1


def test_evaluate_suggests_a_threshold_from_labeled_pairs(
    train: Path, test: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = str(train / "cat" / "1.png"), str(test / "cat" / "a.jpg")
    truth = tmp_path / "truth.csv"
    truth.write_text(f"a,b,duplicate\n{one},{other},1\n{one},{train / 'cat' / '2.png'},0\n{one},nowhere,1\n")
    assert run(["evaluate", str(train), str(test), str(truth), "--json"]) == 0
    captured = capsys.readouterr()
    score = json.loads(captured.out)["scores"][0]
    assert (score["found"], score["wrong"], score["missed"], score["recall"]) == (1, 0, 1, 0.5)
    assert "Not in the source: nowhere" in captured.err


def test_evaluate_suggests_nothing_where_nothing_is_precise_and_wants_labels(
    train: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(train, {"same.png": 1})
    truth = tmp_path / "truth.csv"
    truth.write_text(f"{os.path.join('cat', '1.png')},same.png,0\n")
    assert run(["evaluate", str(train), str(truth)]) == 0
    assert "Suggested" not in (out := capsys.readouterr().out)
    assert "No threshold has a precision of 0.99" in out
    for text, said in (("", "There is no labeled pair"), ("nowhere,same.png,0\n", "No labeled pair is in the source")):
        truth.write_text(text)
        assert run(["evaluate", str(train), str(truth)]) == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"\x89PNG\r\n", "a,b,1\n".encode("utf-16")])
def test_labels_that_are_no_text_are_an_error_with_what_to_do(
    content: bytes, train: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = tmp_path / "truth.csv"
    truth.write_bytes(content)
    assert run(["evaluate", str(train), str(truth)]) == 2
    error = capsys.readouterr().err
    assert f"The labels are no text in UTF-8: {truth}" in error
    assert "save it as CSV" in error


def test_what_an_applied_run_kept_stays_until_it_is_undone(train: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(train, {"cat/1.jpg": 1})
    assert run(["clean", str(train), "--yes", "--keep", "last"]) == 0
    assert not (train / "cat" / "1.jpg").exists()
    write(train, {"zzz.jpg": 1})
    capsys.readouterr()
    assert run(["find", str(train), "--keep", "last", "--json"]) == 0
    (group,) = printed(capsys)["groups"]
    assert group["keeper"]["key"] == os.path.join("cat", "1.png"), "kept before, though it is not the last"
    assert run(["find", str(train), "--keep", "last", "--json", "--reconsider"]) == 0
    assert printed(capsys)["groups"][0]["keeper"]["key"] == "zzz.jpg"
    (train / "zzz.jpg").unlink()
    assert run(["undo"]) == 0
    write(train, {"zzz.jpg": 1})
    capsys.readouterr()
    assert run(["find", str(train), "--keep", "last", "--json"]) == 0
    assert printed(capsys)["groups"][0]["keeper"]["key"] == "zzz.jpg"


def test_watch_reports_what_arrives_and_touches_nothing(train: Path, test: Path) -> None:
    command = [sys.executable, "-m", "oneofeach", "watch", str(train), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        while "Watching" not in process.stderr.readline():
            assert process.poll() is None
        time.sleep(0.5)  # the watch begins just after it says so
        (train / "new.jpg").write_bytes((test / "cat" / "a.jpg").read_bytes())
        line = json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()
    assert line["image"] == str(train / "new.jpg")
    assert line["matches"][0]["places"] == [str(train / "cat" / "1.png")]
    assert (train / "new.jpg").exists()
