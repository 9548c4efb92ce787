"""What tests of the review page need: tables made from a list of pairs, a folder of near-copies, a running page."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from pictures import picture
from playwright.sync_api import Browser, Page, expect

from oneofeach.apps.review.memory import Memory
from oneofeach.apps.review.opening import Opened, open_review
from oneofeach.apps.review.session import Session
from oneofeach.flow import match, scan
from oneofeach.tables import EVIDENCE, FACTS, Catalog, Item, Pairs

PATIENCE = 120.0  # seconds: a machine may be slow and busy; nothing waits longer than it has to
expect.set_options(timeout=1000 * PATIENCE)


def until(true: Callable[[], bool], seconds: float = PATIENCE) -> None:
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


SESSIONS: list[Session] = []  # to be closed when a test is over


def session_of(catalog: Catalog, pairs: Pairs, store: str | Path = ":memory:", **options: object) -> Session:
    SESSIONS.append(Session(catalog, pairs, Memory(store), **options))  # type: ignore[arg-type]
    return SESSIONS[-1]


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


def scanned(folder: Path) -> tuple[Catalog, Pairs]:
    catalog = scan(str(folder))
    return catalog, match(catalog)


@contextmanager
def running(
    folder: Path, store: Path, found: tuple[Catalog, Pairs] | None = None, **options: object
) -> Iterator[Opened]:
    """A review of a folder, served on a thread until the block ends. Stores lie in the folder `store`.

    found: what a scan found; None: it is scanned now.
    """
    with serving(*(found or scanned(folder)), store, places=[str(folder)], **options) as opened:
        yield opened


@contextmanager
def serving(catalog: Catalog, pairs: Pairs, store: Path, **options: object) -> Iterator[Opened]:
    (store / "journals").mkdir(parents=True, exist_ok=True)
    opened = open_review(
        catalog,
        pairs,
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
        thread.join(PATIENCE)
    assert not thread.is_alive()


class Tunnel:
    """A port that leads to another one, as `ssh -L` makes it; it can be cut and mended."""

    def __init__(self, port: int) -> None:
        self._to, self._open = port, set[socket.socket]()
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._door.getsockname()[1])
        self._run(self._listen, self._door)

    def cut(self) -> None:
        """Drop every connection, and take no new one."""
        for one in (self._door, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open.clear()

    def mend(self) -> None:
        self._door = socket.create_server(("127.0.0.1", self.port))
        self._run(self._listen, self._door)

    def _listen(self, door: socket.socket) -> None:
        with suppress(OSError):
            while True:
                here, _ = door.accept()
                there = socket.create_connection(("127.0.0.1", self._to))
                self._open |= {here, there}
                self._run(self._pass_on, here, there)
                self._run(self._pass_on, there, here)

    @staticmethod
    def _pass_on(one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _run(work: Callable[..., None], *about: socket.socket) -> None:
        threading.Thread(target=work, args=about, daemon=True).start()


@contextmanager
def tunneled(opened: Opened) -> Iterator[Tunnel]:
    tunnel = Tunnel(opened.port)
    try:
        yield tunnel
    finally:
        tunnel.cut()


@contextmanager
def page_of(
    browser: Browser,
    opened: Opened,
    *,
    port: int = 0,
    prepare: Callable[[Page], None] = lambda page: None,
    **options: object,
) -> Iterator[Page]:
    """The page in a browser of its own, with the first group drawn. AssertionError when a script failed.

    port: of a tunnel to it. prepare: what has to be in place before the page is opened; routes, for one.
    """
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 720}, **options})  # type: ignore[arg-type]
    context.set_default_timeout(1000 * PATIENCE)
    page = context.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("console", lambda line: failures.append(line.text) if "Content Security" in line.text else None)
    try:
        prepare(page)
        page.goto(opened.link().replace(f":{opened.port}/", f":{port or opened.port}/"))
        page.wait_for_selector("#stage .card, #stage .cell, #stage .nothing")
        yield page
        assert not failures
    finally:
        context.close()
