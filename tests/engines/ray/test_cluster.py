"""A real Ray of several nodes and a real S3 server, both on this machine and shared by all tests of this module."""

from __future__ import annotations

import errno
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import s3fs
from killer import Killer
from mixture import assert_equal, images, write_mixture
from moto.server import ThreadedMotoServer

import oneofeach
from oneofeach.engines.ray import Ray
from oneofeach.engines.ray.cluster import Cluster, Task
from oneofeach.errors import JobStopped, Refused
from oneofeach.tables import Catalog, Item, Pairs

pytestmark = [
    pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning"),  # Ray's own processes
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning"),  # of the S3 server
]
FLOOR = 0.9
TUNING = (("shard_rows", 12), ("block_rows", 30), ("verify_pairs", 40))
S3_PORT = 5577
PORTS = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port", "runtime_env_agent_port")
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # read when Ray is imported: only after this is set
    "PYTHONPATH": str(Path(__file__).parents[2]),  # workers must find the module of the killer
    "AWS_ACCESS_KEY_ID": "anyone",
    "AWS_SECRET_ACCESS_KEY": "anything",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": f"http://127.0.0.1:{S3_PORT}",
}


@pytest.fixture(scope="module", autouse=True)
def environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        yield


def node(cores: int) -> dict[str, Any]:
    """With ports chosen here: otherwise a node waits 30 s at most for its agents to say theirs, and gives up."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in PORTS]
    ports = {name: one.getsockname()[1] for name, one in zip(PORTS, sockets, strict=True)}
    for one in sockets:
        one.close()
    return {"num_cpus": cores, "object_store_memory": 100 << 20, "include_dashboard": False, **ports}


@pytest.fixture(scope="module")
def nodes(environment: None) -> Iterator[Any]:
    """A head without cores and two workers with one core each."""
    import ray
    from ray.cluster_utils import Cluster as Nodes

    made = Nodes()
    start(made, 0)
    for _ in range(2):
        start(made, 1)
    yield made
    ray.shutdown()
    made.shutdown()


def start(nodes: Any, cores: int) -> None:
    """Add a node; Ray gives up on one that a busy machine starts slowly, so try again."""
    for left in (3, 2, 1, 0):
        try:
            nodes.add_node(**node(cores))
            return
        except Exception:
            if not left:
                raise


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


def test_an_image_that_kills_its_workers_is_skipped_and_all_others_are_there(nodes: Any, tmp_path: Path) -> None:
    good: list[Any] = images(0, 3)
    sources = [*good, Item("killer.png", "killer.png", Killer())]
    harmless = [*good, Item("killer.png", "killer.png", error="its decoder crashed 3 times")]
    local = oneofeach.deduplicate(harmless, FLOOR)
    result = oneofeach.deduplicate(sources, FLOOR, engine=engine(nodes, tmp_path))
    assert result.skipped == local.skipped
    assert result.counts == local.counts
    assert result.pairs.i.tobytes() == local.pairs.i.tobytes()


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


def full() -> dict[str, float]:
    raise OSError(errno.ENOSPC, "No space left on device", "scan/1.parquet")


def test_a_full_disk_stops_the_job_with_a_word_on_how_to_go_on(nodes: Any) -> None:
    with Cluster(nodes.address) as cluster, pytest.raises(JobStopped, match=r"No space left.*\n.*same command again"):
        cluster.run([Task(full, (), "scan/1.parquet")], lambda task, counts: [])


def test_a_cluster_that_is_not_there_is_refused() -> None:
    with pytest.raises(Refused, match=r"No Ray cluster at 127\.0\.0\.1:1: .*\n.*--address"):
        Cluster("127.0.0.1:1")


def test_a_cluster_without_a_work_folder_is_refused() -> None:
    with pytest.raises(Refused, match=r"work folder that all of them see\n.*--work-folder"):
        oneofeach.deduplicate(images(0, 2), engine=Ray("auto"))
