"""What a cluster writes for any number of images: the unique set, shard by shard, and the matches of a comparison."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from here import Here
from mixture import write_mixture

import oneofeach
from oneofeach.apps.cli import run
from oneofeach.apps.cli.progress import WORK
from oneofeach.comparison import compare
from oneofeach.engines.ray import Export
from oneofeach.engines.ray.comparing import Comparing
from oneofeach.engines.ray.job import Job, opened
from oneofeach.engines.ray.outcome import Grouping
from oneofeach.engines.ray.settings import Settings
from oneofeach.errors import Refused, UnknownFormat
from oneofeach.tables import IDENTICAL

FLOOR, KEEP = 0.9, "highest-resolution"
SMALL = {"shard_rows": 9, "block_rows": 13, "hot_pairs": 60, "verify_pairs": 11}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return write_mixture(tmp_path_factory.mktemp("mixture"), 40)


def job(source: Any, root: Path, cluster: Here, against: Any = None) -> Job:
    return opened(source, against, Settings(str(root), "oneofeach-1", FLOOR, **SMALL), cluster)


def exported(source: list[str], work: Path, export: Export, cluster: Here | None = None) -> dict[str, float]:
    done = job(source, work, cluster or Here())
    export.begin(done.settings.store, source)
    done.run()
    grouping = Grouping(done, FLOOR, KEEP)
    return {**grouping.run(), **export.run(done, grouping.folder)}


def digests(destination: Path) -> list[bytes]:
    """Of the images in all files of an export."""
    found = []
    for path in sorted(destination.iterdir()):
        if path.suffix == ".tar":
            with tarfile.open(path) as tar:
                members = [member for member in tar if not member.name.endswith((".txt", ".json"))]
                found += [tar.extractfile(member).read() for member in members]  # type: ignore[union-attr]
        elif path.suffix == ".parquet":
            found += [row["image"]["bytes"] for row in pyarrow.parquet.read_table(path).to_pylist()]
    return sorted(hashlib.sha256(one).digest() for one in found)


def manifest(destination: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pyarrow.parquet.read_table(destination / "manifest").sort_by("row").to_pylist()
    return rows


@pytest.mark.parametrize("format", ["webdataset", "parquet"])
def test_workers_write_the_same_images_as_the_local_engine_keeps(
    source: list[str], tmp_path: Path, format: str
) -> None:
    local = oneofeach.deduplicate(source, FLOOR, KEEP)
    counts = exported(source, tmp_path / "work", Export(str(tmp_path / "out"), format, 4))
    assert {name: counts[name] for name in local.counts} == local.counts
    kept = local.assignment.kept
    assert digests(tmp_path / "out") == sorted(bytes(one) for one in local.catalog.facts["content"][kept])
    rows = manifest(tmp_path / "out")
    assert [row["key"] for row in rows] == [item.key for item in local.catalog.items]
    assert [bool(row["written"]) for row in rows] == kept.tolist()
    assert [row["status"] for row in rows].count("skipped") == local.counts["skipped"]
    written = {row["written"].partition("#")[0] for row in rows} - {""}
    files = {path.name for path in (tmp_path / "out").iterdir() if path.is_file()}
    assert written == files
    assert counts["files"] == len(files)
    if format == "webdataset":
        with tarfile.open(tmp_path / "out" / sorted(files)[0]) as tar:
            assert sum(member.name.endswith((".jpg", ".png")) for member in tar) <= 4
            captions = [tar.extractfile(one).read() for one in tar if one.name.endswith(".txt")]  # type: ignore
        assert captions[0].startswith(b"caption ")


def test_a_stopped_export_goes_on_and_a_finished_one_does_nothing(source: list[str], tmp_path: Path) -> None:
    def stop(task: Any) -> None:
        if task.part.endswith("written/00000003.parquet"):
            raise KeyboardInterrupt

    export = Export(str(tmp_path / "out"))
    with pytest.raises(KeyboardInterrupt):
        exported(source, tmp_path / "work", export, Here(stop))
    counts = exported(source, tmp_path / "work", export)
    before = digests(tmp_path / "out")
    idle = Here()
    assert exported(source, tmp_path / "work", export, idle) == counts
    assert idle.ran == []
    assert digests(tmp_path / "out") == before


def test_a_destination_that_is_there_or_inside_the_source_is_refused(source: list[str], tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for place, words in ((tmp_path / "there", "there already"), (Path(source[1]) / "out", "inside the source")):
        with pytest.raises(Refused, match=words):
            exported(source, tmp_path / "work", Export(str(place)))
    (tmp_path / "there" / "file").touch()
    with pytest.raises(Refused, match="there already"):
        exported(source, tmp_path / "work", Export(f"file://{tmp_path}/there"))
    with pytest.raises(UnknownFormat, match=r"cannot export coco\n.*webdataset, parquet"):
        exported(source, tmp_path / "work", Export(str(tmp_path / "out"), "coco"))


def test_an_image_that_changed_since_the_scan_stops_the_export(tmp_path: Path) -> None:
    paths = write_mixture(tmp_path / "data", 8) if (tmp_path / "data").mkdir() is None else []
    done = job(paths[1], tmp_path / "work", Here())
    done.run()
    grouping = Grouping(done, FLOOR, KEEP)
    grouping.run()
    for path in Path(paths[1]).iterdir():
        path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(Refused, match="has changed since it was scanned"):
        Export(str(tmp_path / "out")).run(done, grouping.folder)


def test_the_table_of_matches_equals_the_local_comparison(source: list[str], tmp_path: Path) -> None:
    a, b = source[:2], source[2:]
    local = compare(a, b, FLOOR)
    done = job(a, tmp_path, Here(), against=b)
    done.run()
    comparing = Comparing(done)
    assert comparing.run() == local.counts
    rows = pyarrow.parquet.read_table(tmp_path / comparing.folder).sort_by("row").to_pylist()
    found = [row for row in rows if row["status"] == "found"]
    assert len(found) > 10
    assert [(row["key"], row["match_key"], row["similarity"]) for row in found] == [
        (one.key, one.match, one.similarity) for one in local.found
    ]
    identical = [one.evidence in ("identical files", IDENTICAL) for one in local.found]
    assert [row["identical"] for row in found] == identical
    assert [row["key"] for row in rows] == [item.key for item in local.catalog.items]
    assert [(row["key"], row["error"]) for row in rows if row["status"] == "skipped"] == local.skipped


def test_every_stage_that_is_reported_has_a_name_for_people(source: list[str], tmp_path: Path) -> None:
    reported = set()
    settings = Settings(str(tmp_path / "work"), "oneofeach-1", FLOOR, **SMALL, driver_edges=0)
    done = opened(source[:2], source[2:], settings, Here(), lambda stage, done, total: reported.add(stage))
    done.run()
    grouping = Grouping(done, FLOOR, KEEP)
    grouping.run()
    Export(str(tmp_path / "out")).run(done, grouping.folder)
    Comparing(done).run()
    assert "ray round" in reported
    assert reported <= WORK.keys()


def test_what_was_decided_earlier_is_not_silently_forgotten(
    source: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index = tmp_path / "index.db"
    images = sorted(str(path) for path in Path(source[1]).iterdir())
    assert run(["not-duplicates", images[0], images[1], "--index", str(index)]) == 0
    options = ["--engine", "ray", "--work-folder", str(tmp_path / "work"), "--index", str(index)]
    assert run(["export", source[1], str(tmp_path / "out"), "--format", "webdataset", *options]) == 4
    assert run(["find", source[1], "--table", *options]) == 4
    assert run(["compare", *source[:2], "--table", *options]) == 4
    told = capsys.readouterr().err
    assert told.count("not known to the cluster") == 3
    assert "--no-index" in told
