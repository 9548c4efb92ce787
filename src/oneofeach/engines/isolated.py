"""The engine for untrusted files: killable worker processes, where a hang, a crash or a bomb costs one image.

Every image goes to a worker alone, as a path or as bytes; what comes back is read as a description and nothing else.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from queue import Empty, SimpleQueue
from threading import Timer

from PIL import Image

from oneofeach.engines import messages, threads
from oneofeach.errors import OneOfEachError
from oneofeach.tables import Description, Item, Readable

Describe = Callable[[Sequence[Item]], Sequence[Description]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one image may take. Memory can only be limited on Linux."""

    seconds: float = 60.0
    memory: int = 4 << 30  # bytes beyond those of an idle worker
    pixels: int | None = None  # None: what this process allows


def run(
    function: Describe, chunks: Iterable[Sequence[Item]], *, workers: int, limits: Limits | None = None
) -> Iterator[Sequence[Description]]:
    """function(chunk) for every chunk of items, in order, computed by `workers` processes, one image at a time.

    function: picklable; turns items into as many descriptions, and an item with an error into a description with it.
    When it has a method `recalled`, that is asked first, here: what it knows needs no worker.
    An image whose worker dies or exceeds the limits is described as an item with that error. Images that are already
    in memory (PIL images, arrays, tensors) stay in this process. OneOfEachError when no worker can be started.
    """
    pool = _Pool(function, limits or Limits())
    try:
        yield from threads.run(partial(_describe, pool), chunks, workers=workers)
    finally:
        pool.close()


def _describe(pool: _Pool, chunk: Sequence[Item]) -> list[Description]:
    return [pool.describe(item) for item in chunk]


class _Pool:
    """Workers, started when one is needed; each thread holds at most one."""

    def __init__(self, function: Describe, limits: Limits) -> None:
        self._function = function
        self._seconds = limits.seconds
        pixels = limits.pixels or (Image.MAX_IMAGE_PIXELS and 2 * Image.MAX_IMAGE_PIXELS)
        self._setup = pickle.dumps((function, limits.memory, pixels))
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        self._all: list[_Worker] = []
        self._closed = False

    def describe(self, item: Item) -> Description:
        if item.error or not isinstance(item.source, (str, os.PathLike, bytes, Readable)):
            return self._function([item])[0]
        recall = getattr(self._function, "recalled", None)
        if recall and (known := recall(item)):
            return known  # type: ignore[no-any-return]
        worker = self._worker()
        answer = worker.ask(pickle.dumps(replace(item, input=item.source, opener=None)), self._seconds)
        if isinstance(answer, Description):
            self._idle.put(worker)
            return answer
        worker.kill()
        return self._function([replace(item, error=answer)])[0]

    def close(self) -> None:
        self._closed = True
        for worker in self._all:
            worker.kill()

    def _worker(self) -> _Worker:
        with suppress(Empty):
            return self._idle.get_nowait()
        if self._closed:
            raise OneOfEachError("The run has ended\nStart another one.")
        worker = _Worker()
        self._all.append(worker)
        worker.set_up(self._setup)
        return worker


class _Worker:
    """One process and the pipes to it."""

    def __init__(self) -> None:
        self._late = False
        self._process = subprocess.Popen(
            [sys.executable, "-m", "oneofeach.engines.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,  # Ctrl-C is for the parent
        )

    def set_up(self, setup: bytes) -> None:
        if self._exchange(setup) != messages.READY:
            raise OneOfEachError("A worker process could not be started\nIts own message is above; or use threads.")

    def ask(self, request: bytes, seconds: float) -> Description | str:
        """The description, or why there is none: then the worker is of no use any more."""
        timer = Timer(seconds, self._stop)
        timer.start()
        answer = self._exchange(request)
        timer.cancel()
        if self._late:
            return f"took longer than {seconds:g} s to decode"
        if answer is None:
            code = self._process.wait()
            return f"the decoder crashed ({'signal' if code < 0 else 'exit code'} {abs(code)})"
        return messages.unpack(answer) or "the decoder crashed (it left a broken answer)"

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what is still to be written has no reader any more
                pipe and pipe.close()

    def _stop(self) -> None:
        self._late = True
        self._process.kill()

    def _exchange(self, request: bytes) -> bytes | None:
        """The answer; None when the process has ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            messages.write(self._process.stdin, request)
            return messages.read(self._process.stdout)
        except OSError:
            return None
