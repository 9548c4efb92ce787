"""The thread engine: order, bounded look-ahead, exceptions and early ends."""

from __future__ import annotations

import threading
import time

import pytest

from oneofeach.engines.threads import LOOK_AHEAD, run


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_results_come_in_the_order_of_the_chunks(workers):
    def slow_when_even(n):
        time.sleep(0.002 * (n % 2 == 0))
        return n * n

    assert list(run(slow_when_even, range(50), workers=workers)) == [n * n for n in range(50)]


@pytest.mark.parametrize("workers", [1, 3])
def test_chunks_are_taken_only_a_little_ahead(workers):
    taken = []

    def chunks():
        for n in range(1000):
            taken.append(n)
            yield n

    results = run(lambda n: n, chunks(), workers=workers)
    for n in range(5):
        assert next(results) == n
        assert len(taken) <= n + LOOK_AHEAD * workers
    results.close()


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("error", [ValueError, TimeoutError, KeyboardInterrupt])
def test_exceptions_reach_the_caller(workers, error):
    def fail_at_3(n):
        if n == 3:
            raise error("three")
        return n

    results = run(fail_at_3, range(10), workers=workers)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(error, match="three"):
        next(results)


def test_an_early_end_drops_what_waits_and_leaves_no_thread():
    started = []

    def work(n):
        started.append(n)
        time.sleep(0.01)
        return n

    before = set(threading.enumerate())
    results = run(work, range(1000), workers=2)
    next(results)
    results.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
    assert set(threading.enumerate()) <= before
    assert len(started) <= 1 + LOOK_AHEAD * 2
