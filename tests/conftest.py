"""Fixtures for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import launched
from playwright.sync_api import Browser


@pytest.fixture(scope="session", autouse=True)
def own_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or fills what belongs to whoever runs it: index, journals, decisions, thumbnails."""
    home = tmp_path_factory.mktemp("user")
    browsers = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ms-playwright"
    with pytest.MonkeyPatch.context() as patch:
        if browsers.exists():
            patch.setenv("PLAYWRIGHT_BROWSERS_PATH", os.environ.get("PLAYWRIGHT_BROWSERS_PATH", str(browsers)))
        for kind in ("CACHE", "DATA", "STATE"):
            patch.setenv(f"XDG_{kind}_HOME", str(home / kind.lower()))
        patch.setenv("ONEOFEACH_JOURNALS", str(home / "journals"))
        yield


@pytest.fixture(autouse=True)
def own_index(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test knows what another one has seen or done."""
    folder = tmp_path_factory.mktemp("index")
    monkeypatch.setenv("ONEOFEACH_INDEX", str(folder / "index.sqlite"))
    monkeypatch.setenv("ONEOFEACH_JOURNALS", str(folder / "journals"))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium; open a fresh page with `chromium.new_page()`.

    Per module: while it runs, Playwright keeps an event loop that asyncio.run in other tests would trip over.
    """
    with launched() as browser:
        yield browser
