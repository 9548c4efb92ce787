from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from here import Here
from hypothesis import given, settings
from hypothesis import strategies as st
from mixture import assert_equal, write_folder, write_mixture
from outcomes import assert_same, rows_of
from pictures import encoded

import oneofeach
from oneofeach.engines.ray import Export, Ray
from oneofeach.engines.ray.collect import tables_of
from oneofeach.engines.ray.job import Job, opened
from oneofeach.engines.ray.order import before, records, sorted_by
from oneofeach.engines.ray.outcome import Grouping
from oneofeach.engines.ray.settings import Settings
from oneofeach.errors import InvalidRule, OneOfEachError
from oneofeach.plugins import Walk
from oneofeach.stages.preference import NAMES, rank
from oneofeach.tables import FACTS, Catalog, Item

FLOOR = 0.8
SMALL = {"shard_rows": 9, "block_rows": 13, "hot_pairs": 60, "verify_pairs": 11}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return write_mixture(tmp_path_factory.mktemp("mixture"), 40)


@pytest.fixture(scope="module")
def result(source: list[str]) -> oneofeach.Result:
    return oneofeach.deduplicate(source, FLOOR)


@pytest.fixture(scope="module")
def work(source: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder with the pairs found."""
    root = tmp_path_factory.mktemp("work")
    job(source, root).run()
    return root


def job(source: Any, root: Path, against: Any = None, **tuning: int) -> Job:
    return opened(source, against, Settings(str(root), "oneofeach-1", FLOOR, **(SMALL | tuning)), Here())


@pytest.mark.parametrize("driver_edges", [0, 3, 1000])
@pytest.mark.parametrize(
    ("threshold", "keep"),
    [
        (0.8, "highest-resolution,least-compressed,first"),
        (0.95, "shortest-name,last"),
        (0.9, "prefer=*two*,oldest"),
        (0.85, "longest-caption,largest-file"),
    ],
)
def test_rounds_on_the_cluster_end_where_the_sequential_definition_does(
    source: list[str], work: Path, result: oneofeach.Result, threshold: float, keep: str, driver_edges: int
) -> None:
    own_folder = keep.replace(",", "," + " " * (1 + driver_edges % 7))  # the same rules, written differently
    grouping = Grouping(job(source, work, driver_edges=driver_edges), threshold, own_folder)
    assert_same(grouping, result.at(threshold, keep))
    assert any(name.startswith("round") for name in grouping.job.stages) == (driver_edges < 1000)


def test_images_that_are_only_compared_with_stay_and_take_others_with_them(source: list[str], tmp_path: Path) -> None:
    against = source[1:]
    local = oneofeach.deduplicate(source[0], FLOOR, against=against)
    assert local.counts["removed"] > 5
    done = job(source[0], tmp_path, against, driver_edges=0)
    done.run()
    grouping = Grouping(done, FLOOR, "first")
    assert_same(grouping, oneofeach.deduplicate(source[0], FLOOR, "first", against=against))
    assert {row["status"] for row in rows_of(grouping)[-80:]} == {"compared with"}


def test_a_file_is_preferred_to_the_links_to_it(tmp_path: Path) -> None:
    write_folder(tmp_path / "pictures", 0, 3)
    for name, target in (("0.0.png", "0.png"), ("1.0.png", "1.png"), ("again.png", "1.png")):
        (tmp_path / "pictures" / name).symlink_to(tmp_path / "pictures" / target)
    source = [encoded(9), str(tmp_path / "pictures")]
    local = oneofeach.deduplicate(source, FLOOR)
    reasons = [one.reason for group in local.groups for one in group.duplicates]
    assert reasons.count("file over link to it (linked)") == 3
    done = job(source, tmp_path / "work")
    done.run()
    assert_same(Grouping(done, FLOOR, "highest-resolution"), local.at(FLOOR, "highest-resolution"))
    assert_equal(tables_of(done), (local.catalog, local.pairs))


def test_threshold_zero_is_left_to_one_machine(source: list[str], work: Path) -> None:
    with pytest.raises(OneOfEachError, match=r"one image stands for all others\n"):
        Grouping(job(source, work), 0.0, "first").run()


def test_rules_and_thresholds_that_no_cluster_knows_are_told_before_anything_is_read(tmp_path: Path) -> None:
    for threshold, keep, error in ((0.0, "first", OneOfEachError), (0.9, "nonsense", InvalidRule)):
        with pytest.raises(error):
            Ray(work_folder=str(tmp_path / "work")).decide(Walk(str(tmp_path)), threshold, keep)
        with pytest.raises(error):
            Ray(work_folder=str(tmp_path / "work")).export(Walk(str(tmp_path)), threshold, keep, Export("out"))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_records_sort_rows_as_the_keep_rules_do(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 9))
    few = st.integers(0, 2)
    facts = np.zeros(size, FACTS)
    for name in ("bytes", "width", "height", "quality", "sharpness", "mtime_ns"):
        facts[name] = [data.draw(few) for _ in range(size)]
    keys = [data.draw(st.sampled_from(["a/x.png", "b/xx.png", "b/y.png"])) for _ in range(size)]
    nothing = np.zeros((size, 0), np.uint8)
    reference = np.array([data.draw(st.booleans()) for _ in range(size)])
    links = np.array([data.draw(st.booleans()) for _ in range(size)])
    items = [Item(key, key) for key in keys]
    catalog = Catalog("", items, facts, nothing, nothing, reference=reference, links=links)
    captions = {row: "caption"[: data.draw(few)] for row in range(size) if data.draw(st.booleans())}
    rules = st.sampled_from([*NAMES[:-1], "prefer=b/*"])
    keep = ",".join(data.draw(st.lists(rules, min_size=1, max_size=4)))
    whole = np.arange(size)
    plain = Catalog("", catalog.items, facts, nothing, nothing)
    found = records(plain, keep, captions, whole, ~reference, links)
    order = rank(catalog, keep, captions).order
    assert sorted_by(found).tolist() == order.tolist()
    place = np.argsort(order)
    a, b = np.divmod(np.arange(size * size), size)
    assert (before(found[a], found[b]) == (place[a] < place[b])).all()
