"""One cluster for all tests of this folder: starting it takes longer than most of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import nodes as cluster
import pytest


@pytest.fixture(scope="module", autouse=True)
def environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cluster.ENVIRONMENT.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def nodes() -> Iterator[Any]:
    """A head without cores and two workers with one core each."""
    ray = pytest.importorskip("ray")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cluster.ENVIRONMENT.items():
            patch.setenv(name, value)
        started = cluster.start()
        ray.init(started.address, log_to_driver=False)  # once: a new driver waits for new workers
    yield started
    ray.shutdown()
    started.shutdown()
