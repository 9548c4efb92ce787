"""Fixtures for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser import launched
from playwright.sync_api import Browser


@pytest.fixture(autouse=True)
def own_index(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or fills the index of whoever runs it."""
    monkeypatch.setenv("ONEOFEACH_INDEX", str(tmp_path_factory.mktemp("index") / "index.sqlite"))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium; open a fresh page with `chromium.new_page()`.

    Per module: while it runs, Playwright keeps an event loop that asyncio.run in other tests would trip over.
    """
    with launched() as browser:
        yield browser
