"""The installed Chromium that page tests drive: finds it, or says why there is none.

`python tests/browser.py` installs one when none is found; the tests themselves never download anything.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find() -> str | None:
    """Path of a Chromium: $ONEOFEACH_CHROMIUM, one on the PATH, a usual place, or the one Playwright has installed."""
    named = os.environ.get("ONEOFEACH_CHROMIUM")
    found = [named, *map(shutil.which, COMMANDS), *APPLICATIONS]
    for path in found:
        if path and Path(path).is_file():
            return path
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).is_file() else None


def with_package_manager() -> None:
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("apt-get"):
        raise OSError("not root, or no apt-get here")
    subprocess.run(["apt-get", "update", "-qq"], check=True)
    subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], check=True)


def with_playwright() -> None:
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=True)


def install() -> str:
    """Path of a Chromium, installed now if need be. SystemExit with every reason when none can be had."""
    ways: tuple[Callable[[], None], ...] = (with_package_manager, with_playwright)
    reasons = []
    for way in ways:
        if path := find():
            return path
        try:
            way()
        except (OSError, subprocess.CalledProcessError) as error:
            reasons.append(f"{way.__name__}: {error}")
    if path := find():
        return path
    raise SystemExit("No Chromium can be had for the page tests\n" + "\n".join(reasons))


@contextmanager
def launched() -> Iterator[Browser]:
    """A running headless Chromium. AssertionError when none is installed."""
    path = find()
    assert path, "No Chromium is installed: run `python tests/browser.py`, or name one in ONEOFEACH_CHROMIUM"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield browser
        browser.close()


if __name__ == "__main__":
    print(install())
