"""The running ComfyUI: its progress bar, its Cancel button, its memory and its way to say that an output is empty."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from typing import Any, TypeVar

import comfy.model_management
import comfy.utils
from comfy_execution.graph_utils import ExecutionBlocker

R = TypeVar("R")
Progress = Callable[[str, int, int], None]
GLANCE = 0.05  # seconds between two looks at the Cancel button


def blocked(message: str | None = None) -> Any:
    """For an output with nothing in it: what is connected there does not run. With a message, the user is told why."""
    return ExecutionBlocker(message)


def listed(values: Sequence[Any] | None, message: str | None = None) -> Any:
    """A list output: its values, or a blocker where there are none; an empty list would fail later, elsewhere."""
    return list(values) if values else blocked(message)


class Bar:
    """A progress callback of the library that moves the node's progress bar and lets Cancel through."""

    def __init__(self) -> None:
        self._bar = comfy.utils.ProgressBar(1)

    def __call__(self, stage: str, done: int, total: int) -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()
        self._bar.update_absolute(done, max(total, 1))


class _Stopped(Exception):
    pass


def watched(work: Callable[[Progress], R]) -> R:
    """Run `work(progress)`, which must have no effects outside, so that Cancel ends it at once, however long a step is.

    The work is done on another thread and given up on Cancel; it then ends by itself at its next call of `progress`.
    """
    bar, state = Bar(), [("", 0, 1)]
    stop: list[bool] = []

    def progress(stage: str, done: int, total: int) -> None:
        if stop:
            raise _Stopped
        state[0] = (stage, done, total)

    pool = ThreadPoolExecutor(1, thread_name_prefix="oneofeach-node")
    try:
        future = pool.submit(work, progress)
        while True:
            bar(*state[0])
            try:
                return future.result(timeout=GLANCE)
            except NotYet:
                if future.done():
                    return future.result()
    finally:
        stop.append(True)
        pool.shutdown(wait=False)


def free_memory() -> int | None:
    """Bytes of memory that a program may still take; None where nobody knows."""
    try:
        import psutil
    except ImportError:
        pass
    else:
        return int(psutil.virtual_memory().available)
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
