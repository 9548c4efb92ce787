"""A real Ray of several nodes on this machine, made to start on slow machines too."""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def free_port() -> int:
    """Below those that connections get: one of them could take it before the process that it is meant for."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as one:
            try:
                one.bind(("", port))
                return port
            except OSError:
                continue


S3_PORT = free_port()
TESTS = Path(__file__).parent
ENVIRONMENT = {
    "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS / 'poison'}",  # on which opening killer.png kills the process
    "PYTHONDONTWRITEBYTECODE": "",  # or each of some twenty processes compiles Ray and Arrow anew
    "PYTHONPYCACHEPREFIX": str(TESTS.parent / ".pytest_cache" / "bytecode"),
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # or Ray ships this folder to its workers and starts them by `uv run`
    "AWS_ACCESS_KEY_ID": "anyone",
    "AWS_SECRET_ACCESS_KEY": "anything",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": f"http://127.0.0.1:{S3_PORT}",
    # A node gives up on agents, workers and neighbors that a starved machine starts late:
    "RAY_agent_register_timeout_ms": "300000",
    "RAY_worker_register_timeout_seconds": "180",
    "RAY_health_check_timeout_ms": "60000",  # one that is dead refuses at once, whatever this says
    "RAY_health_check_period_ms": "500",  # and does so five times until it is believed
    "RAY_gcs_server_port_wait_time_s": "120",
    "RAY_raylet_start_wait_time_s": "120",
    "RAY_gcs_server_request_timeout_seconds": "180",
    "RAY_DASHBOARD_STARTUP_TIMEOUT_S": "120",
    "RAY_memory_monitor_refresh_ms": "0",  # or workers are killed when other tests fill the memory
    "RAY_local_fs_capacity_threshold": "1",  # or results are refused when the disk is nearly full
    "RAY_enable_metrics_collection": "0",
}
PORTS = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port", "runtime_env_agent_port")
STARTED = 240.0  # seconds after which a cluster that is not there is a failure

os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"  # Ray reads it when it is imported, which is before any fixture


def start() -> Any:
    """A head without cores and two workers with one core each, all of them alive."""
    from ray.cluster_utils import Cluster

    nodes, until = Cluster(), time.monotonic() + STARTED
    for cores in (0, 1, 1):
        persistently(lambda cores=cores: nodes.add_node(wait=False, **node(cores)), until)
    persistently(lambda: nodes.wait_for_nodes(timeout=10), until)
    return nodes


def persistently(act: Callable[[], Any], until: float) -> None:
    """Ray gives up on what a busy machine starts slowly: try again, up to a point in time."""
    while True:
        try:
            act()
            return
        except Exception as error:
            if time.monotonic() > until:
                pytest.fail(f"This machine cannot start a Ray cluster of three nodes in {STARTED:.0f} s: {error}")


def node(cores: int) -> dict[str, Any]:
    """With ports chosen here: otherwise a node waits 30 s at most for its agents to say theirs, and gives up."""
    few = {"include_dashboard": False, "no_monitor": True, "include_log_monitor": False}
    return {"num_cpus": cores, "object_store_memory": 80 << 20, **few, **{name: free_port() for name in PORTS}}
