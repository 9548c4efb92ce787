"""The default engine: threads of this process. Pillow, NumPy and the kernels release the interpreter's lock."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from numbers import Integral
from typing import TypeVar

from oneofeach.errors import OneOfEachError

T = TypeVar("T")
R = TypeVar("R")

LOOK_AHEAD = 2
"""Chunks taken from the source per worker before the first result is asked for."""


def checked_workers(workers: int | None) -> int:
    """`workers`, or one per core when none is given. OneOfEachError unless it is a whole number from 1."""
    if workers is None:
        return os.cpu_count() or 1
    if isinstance(workers, bool) or not isinstance(workers, Integral) or workers < 1:
        raise OneOfEachError(f"Invalid number of workers: {workers}\nUse 1 or more, or leave it out for one per core.")
    return int(workers)


def run(function: Callable[[T], R], chunks: Iterable[T], *, workers: int) -> Iterator[R]:
    """function(chunk) for every chunk, yielded in the order of the chunks; exceptions propagate.

    At most LOOK_AHEAD * workers chunks are taken ahead of the consumer. When the consumer stops early, by an
    exception, Ctrl-C or by closing the iterator, waiting chunks are dropped and only those already running finish.
    """
    if workers <= 1:
        yield from map(function, chunks)
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="oneofeach")
    waiting: deque[Future[R]] = deque()
    try:
        for chunk in chunks:
            waiting.append(pool.submit(function, chunk))
            if len(waiting) >= LOOK_AHEAD * workers:
                yield _result(waiting.popleft())
        while waiting:
            yield _result(waiting.popleft())
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _result(future: Future[R]) -> R:
    """Waits in slices, because Windows sees Ctrl-C only between them."""
    while True:
        try:
            return future.result(timeout=0.2)
        except NotYet:
            if future.done():  # the function itself ran into a time limit
                return future.result()
