"""The table of all images that a cluster leaves, against the result of the local engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest

import oneofeach
from oneofeach.engines.ray.outcome import Grouping


def rows_of(grouping: Grouping) -> list[dict[str, Any]]:
    root = Path(grouping.job.settings.root)
    return pyarrow.parquet.read_table(root / grouping.folder / "rows").sort_by("row").to_pylist()


def assert_same(grouping: Grouping, local: oneofeach.Result) -> None:
    """Status, keeper, similarity and evidence of every row are those of the local engine."""
    counts, rows, groups = grouping.run(), rows_of(grouping), local.assignment
    assert counts == local.counts
    assert [row["key"] for row in rows] == [item.key for item in local.catalog.items]
    assert [row["error"] for row in rows] == [local.catalog.errors.get(n, "") for n in range(len(rows))]
    assert [row["status"] == "removed" for row in rows] == groups.removed.tolist()
    for number in np.flatnonzero(groups.removed):
        row, pair = rows[number], groups.pair[number]
        assert row["keeper"] == groups.keeper[number]
        assert row["keeper_key"] == rows[row["keeper"]]["key"]
        assert row["similarity"] == groups.similarity[number]
        assert row["identical"] == (pair < 0)
        if pair >= 0:
            assert row["distance"] == local.pairs.evidence[pair]["distance"]
            assert row["verified"] == pytest.approx(local.pairs.evidence[pair]["verified"], abs=0)
