"""The Parquet report is a typed table that a database reads."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import pytest
from pictures import encoded

import oneofeach
from oneofeach.stages.report.csv_table import COLUMNS


@pytest.fixture
def result(tmp_path: Path) -> oneofeach.Result:
    for name, number in {"a.png": 1, "b.jpg": 1, "c.png": 2}.items():
        (tmp_path / name).write_bytes(encoded(number, name[2:]))
    (tmp_path / "d.png").write_bytes(b"no image")
    return oneofeach.deduplicate(str(tmp_path))


def test_duckdb_reads_the_report_with_types(result: oneofeach.Result, tmp_path: Path) -> None:
    result.save(tmp_path / "report.parquet")
    table = f"'{tmp_path / 'report.parquet'}'"
    assert [row[0] for row in duckdb.sql(f"DESCRIBE FROM {table}").fetchall()] == list(COLUMNS)
    counts = duckdb.sql(f"SELECT status, count(*) FROM {table} GROUP BY status ORDER BY status").fetchall()
    assert counts == [("kept", 2), ("removed", 1), ("skipped", 1)]
    removed = duckdb.sql(f"SELECT key, keeper, similarity, width FROM {table} WHERE similarity > 0.9").fetchall()
    assert removed == [("b.jpg", "a.png", result.groups[0].duplicates[0].similarity, 64)]


def test_the_parquet_report_says_what_the_csv_says(result: oneofeach.Result, tmp_path: Path) -> None:
    result.save(tmp_path / "report.parquet")
    result.save(tmp_path / "report.csv")
    with (tmp_path / "report.csv").open(newline="") as file:
        rows = [tuple(row) for row in csv.reader(file)][1:]
    stored = duckdb.sql(f"FROM '{tmp_path / 'report.parquet'}'").fetchall()
    texts = [tuple(f"{v:.4f}" if isinstance(v, float) else "" if v is None else str(v) for v in row) for row in stored]
    assert texts == rows


def test_reports_leave_out_what_was_only_compared_with(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(1))
    result = oneofeach.deduplicate([encoded(1), encoded(2)], against=str(tmp_path / "a.png"))
    result.save(tmp_path / "report.csv")
    assert [line.split(",")[:3] for line in (tmp_path / "report.csv").read_text().splitlines()[1:]] == [
        ["[0]", "removed", str(tmp_path / "a.png")],
        ["[1]", "kept", ""],
    ]
