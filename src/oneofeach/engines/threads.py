"""The default engine: threads of this process. Pillow, NumPy and the kernels release the interpreter's lock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

LOOK_AHEAD = 2
"""Chunks taken from the source per worker before the first result is asked for."""


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
