"""One way to run workflows on the stand-in or on a real ComfyUI, so that the same tests run on either.

COMFYUI_PATH names the folder of a real one, COMFYUI_PYTHON its interpreter (default: this one).
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from standin import Interruption, Server, installed
from standin.server import Reply

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
OURS = ("OneOfEachImageDeduplication", "OneOfEachLoadUniqueImages", "OneOfEachCleanFolder", "OneOfEachSaveDataset")
INDEX = "index.sqlite"
START = 180  # seconds a real server may take


def has_advanced_inputs(version: str) -> bool:
    """Whether a ComfyUI of this version knows `advanced` inputs, as the profile "new" does."""
    return tuple(map(int, version.split(".")[:2])) >= (0, 10)


class StandIn:
    """The stand-in of one profile; closes with `installed`."""

    real = False
    index = None  # that of this process

    def __init__(self, base: Path, profile: str, interruption: Interruption) -> None:
        self.base, self.interruption = base, interruption
        pack = asyncio.run(import_module("oneofeach.apps.comfy").Extension().get_node_list())
        probes = asyncio.run(_probe_module().Extension().get_node_list())
        self.advanced = profile != "old"
        self._server = Server([*pack, *probes])
        self.nodes = {node.GET_SCHEMA().node_id: node for node in pack}

    def submit(self, prompt: dict[str, Any]) -> Reply:
        return self._server.submit(json.loads(json.dumps(prompt)))

    def object_info(self, node_id: str) -> dict[str, Any]:
        info: dict[str, Any] = json.loads(json.dumps(self._server.object_info(node_id)))
        return info

    def forget(self) -> None:
        """Drop cached results."""
        self._server.cache.clear()


def _probe_module() -> Any:
    spec = spec_from_file_location("probe_nodes", HERE / "probe" / "__init__.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def standin_host(base: Path, profile: Any) -> Iterator[StandIn]:
    interruption = Interruption()
    with installed(profile, base, interruption):
        yield StandIn(base, profile, interruption)


class Real:
    """A running ComfyUI over HTTP."""

    real = True

    def __init__(self, base: Path, url: str) -> None:
        self.base, self.url, self.index = base, url, base / INDEX
        self.version = self._call("/system_stats")[1]["system"]["comfyui_version"]
        self.advanced = has_advanced_inputs(self.version)

    def submit(self, prompt: dict[str, Any], interrupt_after: float | None = None) -> Reply:
        started = time.monotonic()
        status, answer = self._call("/prompt", {"prompt": prompt, "client_id": "tests"})
        errors = _errors(answer)
        if status != 200:
            return Reply("refused", errors)
        while True:
            entry = self._call(f"/history/{answer['prompt_id']}")[1].get(answer["prompt_id"])
            if entry and entry.get("status"):
                return _reply(entry, errors)
            if interrupt_after is not None and time.monotonic() - started > interrupt_after:
                self._call("/interrupt", {})
                interrupt_after = None
            time.sleep(0.02)

    def object_info(self, node_id: str) -> dict[str, Any]:
        info: dict[str, Any] = self._call(f"/object_info/{node_id}")[1][node_id]
        return info

    def get(self, path: str) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(self.url + path, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def forget(self) -> None:
        self._call("/free", {"free_memory": True})
        time.sleep(0.5)

    def _call(self, path: str, data: Any = None) -> tuple[int, Any]:
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(self.url + path, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, raw = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, raw = error.code, error.read()
        return status, json.loads(raw) if raw.strip() else {}


def _errors(answer: dict[str, Any]) -> dict[str, list[str]]:
    found = {
        key: sorted(f"{error['message']}: {error['details']}" for error in node["errors"])
        for key, node in (answer.get("node_errors") or {}).items()
    }
    if not found and isinstance(answer.get("error"), dict):
        found[""] = [f"{answer['error']['message']}: {answer['error']['details']}"]
    return found


def _reply(entry: dict[str, Any], errors: dict[str, list[str]]) -> Reply:
    reply = Reply("success", errors, entry.get("outputs", {}))
    for kind, data in entry["status"].get("messages", []):
        if kind == "execution_cached":
            reply.cached = list(data["nodes"])
        elif kind == "execution_interrupted":
            reply.status = "interrupted"
        elif kind == "execution_error":
            name = data["exception_type"].rpartition(".")[2]
            reply.status = "error"
            reply.exception = f"{data['node_id']}: {name}: {data['exception_message'].strip()}"
    return reply


@contextmanager
def real_host(base: Path, path: str, *options: str) -> Iterator[Real]:
    """A real server whose folders lie in `base`, with this repository linked in as the pack `one of-each.v1`."""
    for name in ("input", "output", "temp", "user", "custom_nodes", "models"):
        (base / name).mkdir(parents=True, exist_ok=True)
    (base / "custom_nodes" / "one of-each.v1").symlink_to(ROOT)
    shutil.copytree(HERE / "probe", base / "custom_nodes" / "probe")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [os.environ.get("COMFYUI_PYTHON", sys.executable), "main.py", "--cpu", "--listen", "127.0.0.1"]
    command += ["--port", str(port), "--base-directory", str(base), "--disable-auto-launch", "--disable-api-nodes"]
    command += ["--database-url", f"sqlite:///{base}/comfyui.db", *options]
    log = base / "server.log"
    env = {**os.environ, "ONEOFEACH_INDEX": str(base / INDEX)}
    with (
        log.open("w") as out,
        subprocess.Popen(command, cwd=path, env=env, stdout=out, stderr=subprocess.STDOUT) as server,
    ):
        try:
            yield Real(base, _answering(f"http://127.0.0.1:{port}", server, log))
        finally:
            server.terminate()


def _answering(url: str, server: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/system_stats", timeout=5).close()
            return url
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"ComfyUI does not answer:\n{log.read_text()[-3000:]}")
