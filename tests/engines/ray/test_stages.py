from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from here import Crash, Here
from mixture import assert_equal, write_mixture, write_parquet, write_tar

import oneofeach
from oneofeach.engines.ray import scan as scanning
from oneofeach.engines.ray.collect import catalog_of, pairs_of
from oneofeach.engines.ray.job import Job, opened
from oneofeach.engines.ray.settings import Settings
from oneofeach.engines.ray.store import Store
from oneofeach.errors import EmptyImageList, Refused, SourceNotFound
from oneofeach.tables import Catalog, Pairs

FLOOR = 0.9
SMALL = {"shard_rows": 7, "block_rows": 13, "hot_pairs": 60, "verify_pairs": 11}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return write_mixture(tmp_path_factory.mktemp("mixture"))


@pytest.fixture(scope="module")
def expected(source: list[str]) -> tuple[Catalog, Pairs]:
    return local(source)


def local(source: Any, against: Any = None, floor: float = FLOOR) -> tuple[Catalog, Pairs]:
    catalog = oneofeach.scan(source, against=against)
    return catalog, oneofeach.match(catalog, floor)


def job(source: Any, root: Path, cluster: Any = None, against: Any = None, **tuning: int) -> Job:
    settings = Settings(str(root), "oneofeach-1", FLOOR, **(SMALL | tuning))
    return opened(source, against, settings, cluster or Here())


def tables(done: Job) -> tuple[Catalog, Pairs]:
    done.run()
    return catalog_of(done), pairs_of(done)


@pytest.mark.parametrize("tuning", [{}, {"shard_rows": 1000, "block_rows": 1000}, {"block_rows": 72, "hot_pairs": 9}])
def test_tables_equal_those_of_the_local_engine_for_any_shards_and_blocks(
    source: list[str], expected: tuple[Catalog, Pairs], tmp_path: Path, tuning: dict[str, int]
) -> None:
    assert len(expected[1]) > 5
    assert len(expected[0].errors) > 5
    assert_equal(tables(job(source, tmp_path, Here(order=len(tuning)), **tuning)), expected)


def test_images_to_compare_with_are_never_compared_among_themselves(source: list[str], tmp_path: Path) -> None:
    own, others = source[:1], source[1:]
    assert_equal(tables(job(own, tmp_path, against=others)), local(own, against=others))


def test_a_single_tar_a_folder_and_images_in_memory_are_sources_too(source: list[str], tmp_path: Path) -> None:
    bright = [np.full((40, 40, 3), value, np.uint8) for value in (10, 200, 200)]
    for number, one in enumerate([source[0], source[1], bright]):
        assert_equal(tables(job(one, tmp_path / str(number))), local(one))


def test_a_finished_job_does_nothing_when_it_is_run_again(
    source: list[str], expected: tuple[Catalog, Pairs], tmp_path: Path
) -> None:
    job(source, tmp_path).run()
    idle = Here()
    assert_equal(tables(job(source, tmp_path, idle)), expected)
    assert idle.ran == []


@pytest.mark.parametrize("stop_after", [3, 9, 14, 25, 40])
def test_a_stopped_job_goes_on_and_runs_no_task_twice(
    source: list[str], expected: tuple[Catalog, Pairs], tmp_path: Path, stop_after: int
) -> None:
    ran: list[str] = []

    def stop(task: Any) -> None:
        if len(ran) == stop_after:
            raise KeyboardInterrupt
        ran.append(task.part)

    with pytest.raises(KeyboardInterrupt):
        job(source, tmp_path, Here(stop, order=1)).run()
    rest = Here(order=2)
    assert_equal(tables(job(source, tmp_path, rest)), expected)
    split = {name for name in ran + rest.ran if "candidates" in name and "of" not in name}
    twice = {name for name, times in Counter(ran + rest.ran).items() if times > 1}
    assert twice <= split, "only a task that just says how to split itself may run again"


def test_another_floor_in_the_same_work_folder_scans_nothing_again(source: list[str], tmp_path: Path) -> None:
    job(source, tmp_path).run()
    cluster = Here()
    again = job(source, tmp_path, cluster)
    again.settings = replace(again.settings, floor=0.97)
    assert_equal(tables(again), local(source, floor=0.97))
    assert {name.partition("/")[0] for name in cluster.ran} == {"match-0.9700"}


def test_a_work_folder_refuses_another_source_and_a_changed_one(source: list[str], tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", 0, 3)
    job(str(tmp_path / "a.tar"), tmp_path / "work").run()
    with pytest.raises(Refused, match=r"belongs to another job.*\n.*--work-folder"):
        job(source, tmp_path / "work")
    write_tar(tmp_path / "a.tar", 0, 4)
    with pytest.raises(Refused, match="has changed"):
        job(str(tmp_path / "a.tar"), tmp_path / "work")


def test_an_empty_source_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(EmptyImageList):
        job(str(tmp_path / "empty"), tmp_path / "work")
    with pytest.raises(SourceNotFound):
        job(str(tmp_path / "missing.tar"), tmp_path / "work")


def test_a_broken_tar_and_a_broken_parquet_file_are_skipped_rows(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", 0, 6)
    whole = (tmp_path / "a.tar").read_bytes()
    (tmp_path / "a.tar").write_bytes(whole[: len(whole) // 2 + 100])
    (tmp_path / "b.parquet").write_bytes(b"PAR1 and then nothing")
    write_parquet(tmp_path / "c.parquet", 0, 6)
    source = [str(tmp_path / name) for name in ("a.tar", "b.parquet", "c.parquet")]
    found = tables(job(source, tmp_path / "work"))
    assert_equal(found, local(source))
    assert any("cannot be read" in error for error in found[0].errors.values())


def test_an_image_that_crashes_its_worker_is_found_and_skipped(
    source: list[str], expected: tuple[Catalog, Pairs], tmp_path: Path
) -> None:
    attempts: Counter[tuple[int, int]] = Counter()

    def crash(task: Any) -> None:
        if task.function is scanning.scan:
            piece = task.args[1]
            stop = piece.stop if piece.stop >= 0 else 10**9
            if piece.number == 0 and piece.start <= 5 < stop:
                store = task.args[0].store  # a real worker counts the attempt and dies in the decoder
                store.write_json(piece.attempts, int(store.read_json(piece.attempts) or 0) + 1)
                attempts[piece.start, piece.stop] += 1
                raise Crash

    catalog, _ = tables(job(source, tmp_path, Here(crash)))
    assert dict(catalog.errors) == {**expected[0].errors, 5: "its decoder crashed 3 times"}
    assert attempts[0, -1] == attempts[5, 6] == 3
    assert attempts[0, 12] == 1, "a piece that can be cut is cut at once"
    readable = np.arange(len(catalog)) != 5
    assert (catalog.bits[readable] == expected[0].bits[readable]).all()


def test_a_shard_that_crashes_while_it_is_listed_becomes_one_skipped_row(source: list[str], tmp_path: Path) -> None:
    def crash(task: Any) -> None:
        if task.function in (scanning.scan, scanning.length) and task.args[1].number == 0:
            store, piece = task.args[0].store, task.args[1]
            store.write_json(piece.attempts, int(store.read_json(piece.attempts) or 0) + 1)
            raise Crash

    done = job(source, tmp_path, Here(crash))
    catalog, _ = tables(done)
    assert len(catalog) == 49
    assert catalog.errors[0] == "its decoder crashed 3 times"
    assert catalog.items[0].key == f"{source[0]}#"
    assert catalog.items[1].key.endswith("0.png")


def test_a_half_written_part_is_never_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(str(tmp_path))
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        store.write("scan/a.parquet", b"data")
    assert store.names("scan") == set()
    assert list((tmp_path / "scan").iterdir()) == []
