"""Clusters so dense that not all pairs are listed: every answer must be the same as if they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crowds import told, versions
from here import Here
from outcomes import assert_same

import oneofeach
from oneofeach import matching
from oneofeach.engines.ray.collect import tables_of
from oneofeach.engines.ray.comparing import Comparing
from oneofeach.engines.ray.job import Job, opened
from oneofeach.engines.ray.outcome import Grouping
from oneofeach.engines.ray.settings import Settings
from oneofeach.flow import group
from oneofeach.stages.fingerprints.oneofeach import OneOfEach

FLOOR = 0.85
CROWDED = {"shard_rows": 9, "block_rows": 17, "verify_pairs": 40, "listed_pairs": 1, "dense_row": 1}


@pytest.fixture(params=[3, 10])
def crowded(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With few of them nearly all rows are a crowd, with many some of each picture are."""
    monkeypatch.setattr("oneofeach.engines.ray.density.FEWEST", request.param)


def job(source: Any, root: Path, against: Any = None, order: int = 0, **tuning: int) -> Job:
    return opened(source, against, Settings(str(root), "oneofeach-1", FLOOR, **(CROWDED | tuning)), Here(order=order))


def listed(done: Job) -> float:
    return sum(counts["rows"] for counts in done.candidates().values())


@pytest.mark.usefixtures("crowded")
def test_a_crowd_changes_no_group_and_no_evidence(tmp_path: Path) -> None:
    images = versions(1, 60)
    done, all_listed = job(images, tmp_path / "some"), job(images, tmp_path / "all", listed_pairs=10**6)
    done.run(), all_listed.run()
    assert listed(done) < listed(all_listed)
    catalog, pairs = tables_of(done)
    assert pairs.unlisted is not None
    for threshold in (FLOOR, 0.95, 0.99):
        local = oneofeach.deduplicate(images, threshold)
        assert told(group(catalog, pairs, threshold)) == told(local)


@pytest.mark.usefixtures("crowded")
@pytest.mark.parametrize("driver_edges", [0, 10**6])
@pytest.mark.parametrize("keep", ["highest-resolution,least-compressed,first", "last", "sharpest"])
def test_who_falls_in_a_crowd_is_who_falls_in_the_sequential_definition(
    tmp_path: Path, driver_edges: int, keep: str
) -> None:
    images = versions(2, 50)
    done = job(images, tmp_path, order=1, driver_edges=driver_edges)
    done.run()
    assert done.crowded
    for threshold in (FLOOR, 0.93, 0.99):
        assert_same(Grouping(done, threshold, keep), oneofeach.deduplicate(images, threshold, keep))


@pytest.mark.usefixtures("crowded")
@pytest.mark.parametrize("driver_edges", [0, 10**6])
def test_a_crowd_is_compared_with_others_in_full(tmp_path: Path, driver_edges: int) -> None:
    images, others = versions(4, 40), versions(4, 75)[45:]
    done = job(images, tmp_path, others, driver_edges=driver_edges)
    done.run()
    assert done.crowded
    local = oneofeach.deduplicate(images, FLOOR, against=others)
    catalog, pairs = tables_of(done)
    assert told(group(catalog, pairs, FLOOR)) == told(local)
    assert_same(Grouping(done, FLOOR, "first"), oneofeach.deduplicate(images, FLOOR, "first", against=others))
    every = job(images, tmp_path / "all", others, listed_pairs=10**6)
    every.run()
    assert Comparing(done).run() == Comparing(every).run()


def clones(count: int) -> list[np.ndarray]:
    """One picture with a little noise, another one in each; its key stays as it is in most of them."""
    rng, (y, x) = np.random.default_rng(0), np.mgrid[:64, :64]
    base = np.stack([128 + 90 * np.sin(x / 9 + y / 14), 128 + 90 * np.cos(y / 11), 255 * x / 64], axis=-1)
    return [np.clip(base + rng.normal(0, 2, base.shape), 0, 255).astype(np.uint8) for _ in range(count)]


def test_clones_that_share_their_keys_cost_less_than_two_measurements_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[int] = []
    similarity = OneOfEach.similarity

    def counting(self: OneOfEach, *args: Any) -> Any:
        measured.append(len(args[2]))
        return similarity(self, *args)

    images = clones(1500)
    monkeypatch.setattr(matching, "LISTED", 3000)
    local = oneofeach.deduplicate(images, FLOOR)
    monkeypatch.setattr(OneOfEach, "similarity", counting)
    done = job(images, tmp_path, shard_rows=1000, block_rows=400, listed_pairs=3000, dense_row=500)
    done.run()
    assert_same(Grouping(done, FLOOR, local.keep), local)
    assert len({key.tobytes() for key in local.catalog.bits[:, :8]}) < 100
    assert len(set(local.pairs.same.tolist())) == len(images)
    assert local.counts["kept"] == 1
    assert sum(measured) < 2 * len(images)
    assert listed(done) < len(images)
