"""A real Ray of several nodes and a real S3 server, both on this machine and shared by all tests of this module."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import s3fs
from mixture import assert_equal, images, write_folder, write_mixture
from moto.server import ThreadedMotoServer
from nodes import S3_PORT, node
from pictures import encoded

import oneofeach
from oneofeach.apps.cli import run
from oneofeach.engines.ray import Export, Ray
from oneofeach.engines.ray.cluster import Cluster, Task
from oneofeach.errors import JobStopped, Refused
from oneofeach.plugins import Walk
from oneofeach.stages.export import export
from oneofeach.stages.preference import DEFAULT_KEEP
from oneofeach.tables import Catalog, Pairs

ray = pytest.importorskip("ray")

pytestmark = [
    pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning"),  # Ray's own processes
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning"),  # of the S3 server
]
FLOOR = 0.9
TUNING = (("shard_rows", 12), ("block_rows", 30), ("verify_pairs", 40))


@pytest.fixture(scope="module")
def s3(environment: None) -> Iterator[ThreadedMotoServer]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=S3_PORT, verbose=False)
    server.start()
    s3fs.S3FileSystem().mkdir("data")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return write_mixture(tmp_path_factory.mktemp("mixture"), 40)


@pytest.fixture(scope="module")
def expected(source: list[str]) -> tuple[Catalog, Pairs]:
    return tables(oneofeach.deduplicate(source, FLOOR))


def tables(result: oneofeach.Result) -> tuple[Catalog, Pairs]:
    return result.catalog, result.pairs


def engine(nodes: Any, work: Path | str) -> Ray:
    return Ray(nodes.address, str(work), TUNING)


def at(stage: str, done: int, act: Callable[[], Any]) -> Callable[[str, int, int], None]:
    """A progress callback that acts once, when a stage has come so far."""
    left = [act]

    def progress(name: str, reached: int, total: int) -> None:
        if name == stage and reached >= done and left:
            assert reached < total, "too late: the stage is over"
            left.pop()()

    return progress


def test_a_node_that_dies_in_the_middle_of_the_match_changes_nothing(
    nodes: Any, source: list[str], expected: tuple[Catalog, Pairs], tmp_path: Path
) -> None:
    gone = nodes.list_all_nodes()[-1]

    def lose_one_and_get_another() -> None:
        nodes.remove_node(gone, allow_graceful=False)
        nodes.add_node(wait=False, **node(1))

    progress = at("ray candidates", 2, lose_one_and_get_another)
    result = oneofeach.deduplicate(source, FLOOR, engine=engine(nodes, tmp_path), progress=progress)
    assert gone not in nodes.list_all_nodes()
    assert_equal(tables(result), expected)


DRIVER = """
import os, signal, sys, oneofeach
from oneofeach.engines.ray import Ray
def die(stage, done, total):
    if stage == "ray scan" and done == 4:
        os.kill(os.getpid(), signal.SIGKILL)
address, work, *source = sys.argv[1:]
oneofeach.deduplicate(source, {floor}, engine=Ray(address, work, {tuning}), progress=die)
"""


def test_a_job_whose_driver_was_killed_goes_on_where_it_was(
    nodes: Any, source: list[str], expected: tuple[Catalog, Pairs], tmp_path: Path
) -> None:
    code = DRIVER.format(floor=FLOOR, tuning=TUNING)
    killed = subprocess.run([sys.executable, "-c", code, nodes.address, str(tmp_path), *source], capture_output=True)
    assert killed.returncode == -9, killed.stderr.decode()
    before = {part: part.stat().st_mtime_ns for part in (tmp_path / "scan").iterdir() if part.suffix == ".parquet"}
    assert 4 <= len(before) < 10
    result = oneofeach.deduplicate(source, FLOOR, engine=engine(nodes, tmp_path))
    assert_equal(tables(result), expected)
    assert {part: part.stat().st_mtime_ns for part in before} == before, "a finished part was made again"


def folder_of(root: Path, count: int) -> Path:
    write_folder(root / "pictures", 0, count)
    return root / "pictures"


def test_on_the_command_line_an_image_that_kills_its_workers_is_skipped_and_the_exit_code_is_3(
    nodes: Any, tmp_path: Path
) -> None:
    pictures = folder_of(tmp_path, 2)
    (pictures / "killer.png").write_bytes(encoded(5))
    options = ["--engine", "ray", "--address", nodes.address, "--work-folder", str(tmp_path / "work"), "--no-index"]
    command = [sys.executable, "-m", "oneofeach", "find", str(pictures), *options, "--json"]
    code, told, shown = on_a_terminal(command)
    assert code == 3, shown
    found = json.loads(told)
    assert found["skipped"] == [{"key": "killer.png", "reason": "its decoder crashed 3 times"}]
    assert found["counts"] == {**oneofeach.deduplicate(pictures).counts, "seen": 3, "kept": 2, "skipped": 1}
    for stage in ("Reading images", "Gathering keys", "Finding copies", "Comparing", "Verifying"):
        assert stage in shown
    assert re.search(r"3 images read \([\d.]+ GB\), \d+ candidates, \d+ pairs, [\d.]+ CPU-hours", shown), shown


def on_a_terminal(command: list[str]) -> tuple[int, str, str]:
    """Exit code, what a program says on stdout, and what it shows on stderr, which is a terminal."""
    ours, its = os.openpty()
    shown: list[bytes] = []

    def look() -> None:
        with suppress(OSError):  # when the other end is closed
            while data := os.read(ours, 1 << 16):
                shown.append(data)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=its, env={**os.environ, "COLUMNS": "200"})
    finally:
        os.close(its)
        watcher.join()
        os.close(ours)
    return ended.returncode, ended.stdout.decode(), b"".join(shown).decode()


def test_sources_and_work_folder_on_s3_survive_an_outage(nodes: Any, s3: ThreadedMotoServer, tmp_path: Path) -> None:
    paths = write_mixture(tmp_path, 16)
    names = [path for path in paths if not Path(path).is_dir()]
    for path in names:
        s3fs.S3FileSystem().put(path, f"data/{Path(path).name}")
    for image in sorted(Path(paths[1]).iterdir()):
        s3fs.S3FileSystem().put(str(image), f"data/two/{image.name}")
    source = [f"s3://data/{Path(path).name}" for path in paths]
    expected = tables(oneofeach.deduplicate(source, FLOOR))
    assert len(expected[1]) > 3

    def outage() -> None:
        s3.stop()
        threading.Timer(2.0, s3.start).start()

    progress = at("ray scan", 1, outage)
    result = oneofeach.deduplicate(source, FLOOR, engine=engine(nodes, "s3://data/work"), progress=progress)
    assert_equal(tables(result), expected)
    assert not list(tmp_path.glob("**/*.parquet-*"))
    engine(nodes, "s3://data/work").export(Walk(source), FLOOR, DEFAULT_KEEP, Export("s3://data/unique"))
    local = export(oneofeach.deduplicate(source, FLOOR), tmp_path / "unique")
    written = {path.relative_to(local).as_posix(): path.read_bytes() for path in local.rglob("*") if path.is_file()}
    bucket = s3fs.S3FileSystem()
    assert {name.removeprefix("data/unique/"): bucket.cat_file(name) for name in bucket.find("data/unique")} == written
    with pytest.raises(Refused, match="is there already: s3://data/unique"):
        engine(nodes, "s3://data/work").export(Walk(source), 0.99, DEFAULT_KEEP, Export("s3://data/unique"))


def full() -> dict[str, float]:
    raise OSError(errno.ENOSPC, "No space left on device", "scan/1.parquet")


def test_a_full_disk_stops_the_job_with_a_word_on_how_to_go_on(nodes: Any) -> None:
    with Cluster(nodes.address) as cluster, pytest.raises(JobStopped, match=r"No space left.*\n.*same command again"):
        cluster.run([Task(full, (), "scan/1.parquet")], lambda task, counts: [])


def one() -> dict[str, float]:
    return {"rows": 1.0}


def losing(results: int) -> Callable[[Any], Any]:
    """ray.get of a driver whose node goes away so many times."""
    left, get = [results], ray.get

    def lost(reference: Any) -> Any:
        left[0] -= 1
        if left[0] >= 0:
            raise ray.exceptions.LocalRayletDiedError
        return get(reference)

    return lost


def test_a_result_that_ray_has_lost_is_made_again(nodes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []
    monkeypatch.setattr(ray, "get", losing(2))
    with Cluster(nodes.address) as cluster:
        cluster.run([Task(one, (), "keys/1.parquet")], lambda task, counts: counted.append(counts) or [])
    assert counted == [{"rows": 1.0}]


def test_a_command_whose_results_are_lost_again_and_again_says_how_to_go_on(
    nodes: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ray, "get", losing(5))
    monkeypatch.setattr("oneofeach.engines.ray.cluster.WAITS", (0.0,))
    where = ["--address", nodes.address, "--work-folder", str(tmp_path / "work")]
    command = ["export", str(folder_of(tmp_path, 3)), str(tmp_path / "out"), "--format", "parquet", "--no-index"]
    assert run([*command, "--engine", "ray", *where]) == 2
    first, second = capsys.readouterr().err.strip().splitlines()
    assert first.startswith("The job stopped at scan/00000000.parquet: LocalRayletDiedError: ")
    assert "run the same command again" in second
    assert run([*command, "--engine", "ray", *where]) == 0
    assert "3 images written" in capsys.readouterr().out


def test_what_nodes_report_of_dead_workers_stays_out_of_the_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = {"lines": ["A worker died or was killed"], "pid": "raylet", "is_err": False}
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    for name in ("init", "shutdown"):
        monkeypatch.setattr(ray, name, lambda **_: None)
    with Cluster():
        ray._private.worker.print_to_stdstream(report, ignore_prefix=False)
    assert not "".join(capsys.readouterr())
    ray._private.worker.print_to_stdstream({**report, "lines": ["Another worker died"]}, ignore_prefix=False)
    assert "Another worker died" in capsys.readouterr().out


def test_a_cluster_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with pytest.raises(Refused, match=r"No Ray cluster at 127\.0\.0\.1:1: .*\n.*--address"):
        Cluster("127.0.0.1:1").__enter__()


def test_a_cluster_without_a_work_folder_is_refused() -> None:
    with pytest.raises(Refused, match=r"work folder that all of them see\n.*--work-folder"):
        oneofeach.deduplicate(images(0, 2), engine=Ray("auto"))


def test_what_ray_reads_when_it_is_imported_is_set_by_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or, under `uv run`, it ships the current folder to its workers, images and all."""
    monkeypatch.delenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", raising=False)
    code = "from oneofeach.engines.ray.cluster import Cluster; Cluster(); from ray._private import ray_constants as c; "
    code += "print(c.RAY_ENABLE_UV_RUN_RUNTIME_ENV)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split() == ["False"]
