"""What a cluster leaves for any number of images: the matches of a comparison, and names for all that it does."""

from __future__ import annotations

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
from oneofeach.tables import IDENTICAL

FLOOR, KEEP = 0.9, "highest-resolution"
SMALL = {"shard_rows": 9, "block_rows": 13, "hot_pairs": 60, "verify_pairs": 11}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return write_mixture(tmp_path_factory.mktemp("mixture"), 40)


def job(source: Any, root: Path, cluster: Here, against: Any = None) -> Job:
    return opened(source, against, Settings(str(root), "oneofeach-1", FLOOR, **SMALL), cluster)


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
    export = Export(str(tmp_path / "out"))
    export.run(grouping, export.begin(grouping))
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
    assert run(["export", source[1], "s3://bucket/out", *options]) == 4
    assert run(["find", source[1], "--table", *options]) == 4
    assert run(["compare", *source[:2], "--table", *options]) == 4
    told = capsys.readouterr().err
    assert told.count("not known to the cluster") == 3
    assert "--no-index" in told


@pytest.mark.parametrize("format", ["folder", "webdataset"])
def test_an_export_obeys_what_was_decided_earlier(
    source: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    monkeypatch.setattr("oneofeach.engines.ray.engine.Cluster", lambda *_: Here())
    group = next(group for group in oneofeach.deduplicate(source[1]).groups if group.duplicates[0].similarity < 1.0)
    pair, index = [group.key, group.duplicates[0].key], str(tmp_path / "index.db")
    assert run(["not-duplicates", *(f"{source[1]}/{key}" for key in pair), "--index", index]) == 0
    options = ["--engine", "ray", "--format", format, "--index", index]
    assert run(["export", source[1], str(tmp_path / "out"), *options]) == 3
    lines = (tmp_path / "out" / "manifest.csv").read_text().splitlines()
    assert set(pair) <= {line.partition(",")[0] for line in lines if ",kept," in line}
