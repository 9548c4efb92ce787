"""What tests of the review page need: tables made from a list of pairs, a folder of near-copies, a running page."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from drawings import picture
from playwright.sync_api import Browser, Page, expect

from oneofeach.apps.review.memory import Memory
from oneofeach.apps.review.opening import Opened, open_review
from oneofeach.apps.review.session import Session
from oneofeach.flow import match, scan
from oneofeach.tables import EVIDENCE, FACTS, Catalog, Item, Pairs

expect.set_options(timeout=30_000)  # a machine may be busy; nothing waits longer than it has to


def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for what the page has sent to arrive: it shows a decision before the server has stored it."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def tables(n: int, joins: Sequence[tuple[int, int, float]], same: Sequence[int] | None = None) -> tuple[Catalog, Pairs]:
    """A catalog of n images that never were decoded, and its pairs (i, j, similarity). same: first identical row."""
    facts = np.zeros(n, FACTS)
    facts["content"][:, :8] = np.arange(1, n + 1, dtype="<i8").view(np.uint8).reshape(n, 8)
    facts["bytes"], facts["width"], facts["height"] = 1000, 100, 100
    items = [Item(f"image{row}.png", f"image{row}.png") for row in range(n)]
    catalog = Catalog("oneofeach-1", items, facts, np.zeros((n, 32), np.uint8), np.zeros((n, 1163), np.uint8))
    joins = sorted((min(i, j), max(i, j), s) for i, j, s in joins)
    i, j = (np.array([join[part] for join in joins], np.int64) for part in (0, 1))
    similarity = np.array([join[2] for join in joins], np.float64)
    classes = np.arange(n) if same is None else np.array(same, np.int64)
    return catalog, Pairs(0.8, i, j, similarity, np.zeros(len(joins), EVIDENCE), classes)


def session_of(catalog: Catalog, pairs: Pairs, store: str | Path = ":memory:", **options: object) -> Session:
    return Session(catalog, pairs, Memory(store), **options)  # type: ignore[arg-type]


def decide(session: Session, keeper: int, action: str, row: int = -1) -> int:
    """Decide about the card that shows an image, as the page would."""
    number = session.number_of(keeper)
    assert number is not None
    return session.decide(number, session.shown(number).version, action, row)


def near_copies(folder: Path, groups: int = 6) -> Path:
    """Groups of three: a PNG, a smaller WebP and a strongly compressed JPEG; captions beside the first two groups."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(groups):
        original = picture(number, (240, 180))
        original.save(folder / f"{number}.png")
        original.resize((160, 120)).save(folder / f"{number}_small.webp", quality=80)
        original.save(folder / f"{number}_web.jpg", quality=50)
    for number in range(min(groups, 2)):
        (folder / f"{number}.txt").write_text(f"a drawing, number {number}")
        (folder / f"{number}_web.txt").write_text("a drawing, compressed")
    return folder


@contextmanager
def running(folder: Path, store: Path, **options: object) -> Iterator[Opened]:
    """A review of a folder, served on a thread until the block ends. Stores lie in the folder `store`."""
    (store / "journals").mkdir(parents=True, exist_ok=True)
    catalog = scan(str(folder))
    opened = open_review(
        catalog,
        match(catalog),
        places=[str(folder)],
        store=str(store / "decisions.sqlite"),
        thumbnail_store=str(store / "thumbnails.sqlite"),
        journals=str(store / "journals"),
        **options,  # type: ignore[arg-type]
    )
    thread = threading.Thread(target=opened.run)
    thread.start()
    try:
        yield opened
    finally:
        opened.stop()
        thread.join(20)
    assert not thread.is_alive()


@contextmanager
def page_of(browser: Browser, opened: Opened, **options: object) -> Iterator[Page]:
    """The page in a browser of its own, with the first group drawn. AssertionError when a script failed."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 720}, **options})  # type: ignore[arg-type]
    page = context.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("console", lambda line: failures.append(line.text) if "Content Security" in line.text else None)
    try:
        page.goto(opened.link())
        page.wait_for_selector("#stage .card, #stage .cell, #stage .nothing")
        yield page
        assert not failures
    finally:
        context.close()
