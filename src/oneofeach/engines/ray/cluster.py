"""Tasks → their counts, on a Ray cluster: at most a few per core are handed out at a time, lost ones again.

Tasks are plain functions whose results are files in the work folder; what comes back over the wire is a few numbers.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from oneofeach.engines.ray.parts import Counts
from oneofeach.errors import JobStopped, Refused
from oneofeach.plugins import extra

PER_CORE = 2  # tasks handed out per core: the next one is there when a core becomes free
TRIES = 5  # of a task that lost its storage or its worker, before the job stops
WAITS = (1.0, 2.0, 4.0, 8.0)  # seconds before such a task is handed out again
KNOCK = 10.0  # seconds to wait for a cluster to answer; Ray itself would wait for minutes
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # or `uv run` ships the current folder to all workers, images and all
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # or Ray warns that this will change
    **{name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")},  # a task has one core
}


@dataclass(frozen=True)
class Task:
    """function(*args) → counts, or None for "nothing to do". part: the file it makes."""

    function: Callable[..., Counts]
    args: tuple[Any, ...]
    part: str
    tries: int = 0
    not_before: float = 0.0


Finished = Callable[[Task, Counts], Iterable[Task]]
Crashed = Callable[[Task], Iterable[Task]]


class Cluster:
    """A connection to Ray while it is entered: to the cluster at `address`, or to one started here for the time.

    address: "auto", "host:port" or "ray://host:port"; "" to start Ray here with `workers` cores.
    """

    def __init__(self, address: str = "", workers: int | None = None) -> None:
        self._address, self._workers, self._folder = address, workers, os.getcwd()
        with _environment():  # some of it is read when Ray is imported
            self._ray: Any = extra("ray", "ray")

    def _connect(self, address: str, workers: int | None) -> None:
        options: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
        if not address:
            options |= {"num_cpus": workers, "include_dashboard": False}
        try:
            _knock(address)
            with _quiet():
                self._ray.init(address=address or "local", **options)
        except (OSError, ValueError, RuntimeError) as error:
            hint = (
                "Check --address, and that the cluster runs the same Ray and Python versions; "
                "set RAY_AUTH_MODE=token if it asks for one; or leave it out."
            )
            raise Refused(f"No Ray cluster at {address or 'this machine'}: {error}\n{hint}") from error

    def __enter__(self) -> Cluster:
        with _environment():
            self._ours = not self._ray.is_initialized()
            if self._ours:
                self._connect(self._address, self._workers)
                self._hear_nodes(False)
        self._call = self._ray.remote(max_retries=0)(_call)
        return self

    def __exit__(self, *_: object) -> None:
        if self._ours:
            self._ray.shutdown()
            self._hear_nodes(True)

    def _hear_nodes(self, on: bool) -> None:
        """Ray prints what nodes report of dead workers on stdout, whatever `log_to_driver` says: amid our JSON."""
        self._ray._private.worker._worker_logs_enabled = on

    @property
    def cores(self) -> int:
        """Of all nodes that are there now; nodes come and go."""
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def run(self, tasks: Iterable[Task], finished: Finished, crashed: Crashed | None = None) -> None:
        """Run all tasks, and those that `finished` and `crashed` answer with, in any order.

        A task whose worker died goes to `crashed`; without it, and for lost storage, it is tried TRIES times.
        JobStopped when that does not help, or when the cluster is gone. Other exceptions of a task are raised here.
        """
        waiting, running = deque(tasks), dict[Any, Task]()
        try:
            while waiting or running:
                self._hand_out(waiting, running)
                ready, _ = self._ray.wait(list(running), num_returns=1, timeout=0.5) if running else ([], [])
                if not running:
                    time.sleep(0.1)
                for reference in ready:
                    waiting.extend(self._outcome(reference, running.pop(reference), finished, crashed))
        except self._ray.exceptions.RayError as error:
            raise JobStopped(f"the cluster: {_reason(error)}") from error
        finally:
            self._cancel(running)

    def _cancel(self, running: Iterable[Any]) -> None:
        with suppress(self._ray.exceptions.RayError, ConnectionError):  # of a cluster that is gone
            for reference in running:
                self._ray.cancel(reference, force=True)

    def _hand_out(self, waiting: deque[Task], running: dict[Any, Task]) -> None:
        now = time.monotonic()
        for _ in range(min(len(waiting), PER_CORE * self.cores - len(running))):
            task = waiting.popleft()
            if task.not_before > now:
                waiting.append(task)
            else:
                running[self._call.remote(task.function, task.args, self._folder)] = task

    def _outcome(self, reference: Any, task: Task, finished: Finished, crashed: Crashed | None) -> Iterable[Task]:
        lost = self._ray.exceptions
        try:
            counts: Counts = self._ray.get(reference)
        except lost.RayTaskError as error:
            if not isinstance(error.cause, OSError):
                raise error.cause from error
            if error.cause.errno == errno.ENOSPC:
                raise JobStopped(f"{task.part}: {error.cause}") from error
            return [_again(task, str(error.cause).partition("\n")[0])]
        except (lost.WorkerCrashedError, lost.OutOfMemoryError) as error:
            again = crashed(task) if crashed else [task]
            return [_again(one, _reason(error), wait=False) if one is task else one for one in again]
        except lost.RayError as error:  # a node, a worker that did not start, a result: nothing that the task has done
            return [_again(task, _reason(error))]
        return finished(task, counts)


@contextmanager
def _environment() -> Iterator[None]:
    """What Ray and the workers that it starts here should find, unless the user has chosen otherwise."""
    missing = {name: value for name, value in ENVIRONMENT.items() if name not in os.environ}
    os.environ.update(missing)
    try:
        yield
    finally:
        for name in missing:
            del os.environ[name]


@contextmanager
def _quiet() -> Iterator[None]:
    """Ray says on connecting where it is, and how its tokens work: only its errors are for people."""
    logger = logging.getLogger("ray")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _knock(address: str) -> None:
    """OSError when nobody listens at "host:port" or "ray://host:port"."""
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), KNOCK).close()


def _call(function: Callable[..., Counts], args: tuple[Any, ...], folder: str) -> Counts:
    if os.path.isdir(folder):  # relative paths mean the same here as where the job was started
        os.chdir(folder)
    return function(*args)


def _reason(error: Exception) -> str:
    """Ray's first line that says something, without its traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _again(task: Task, reason: str, wait: bool = True) -> Task:
    """The task for another try. JobStopped when it had enough of them."""
    if task.tries + 1 >= TRIES:
        raise JobStopped(f"{task.part}: {reason}")
    seconds = WAITS[min(task.tries, len(WAITS) - 1)] if wait else 0.0
    return replace(task, tries=task.tries + 1, not_before=time.monotonic() + seconds)
