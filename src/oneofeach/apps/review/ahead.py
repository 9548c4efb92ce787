"""Thumbnails of the groups that a reader will come to next, made while the page asks for nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

import numpy as np
from starlette.types import ASGIApp, Receive, Scope, Send

from oneofeach.apps.review.session import Session
from oneofeach.errors import OneOfEachError
from oneofeach.tables import Rows

FAR = 3_000  # images beyond the reader
PAUSE = 0.3  # seconds without a request before another one is made


class Ahead:
    """One thread. make: makes the thumbnail of a row, unless there is one."""

    def __init__(self, session: Session, make: Callable[[int], object]) -> None:
        self._session, self._make = session, make
        self._views: object = None
        self._rows: Rows = np.zeros(0, np.int64)
        self._made = np.zeros(len(session.catalog), bool)
        self._place = np.full(len(session.catalog), -1, np.int64)
        self._reader, self._asked = 0, time.monotonic()
        self._closed, self._woken = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="oneofeach-thumbnails", daemon=True)
        self._thread.start()

    def seen(self, row: int) -> None:
        """The reader has asked for this one."""
        self._made[row] = True
        self._reader = max(0, int(self._place[row]))
        self._woken.set()

    def resting(self, app: ASGIApp) -> ASGIApp:
        """The application, during whose requests nothing is made here."""

        async def asked(scope: Scope, receive: Receive, send: Send) -> None:
            self._asked = time.monotonic()
            await app(scope, receive, send)

        return asked

    def close(self) -> None:
        """End; the one under way is finished."""
        self._closed.set()
        self._woken.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed.is_set():
            quiet = self._asked + PAUSE - time.monotonic()
            if quiet > 0:
                self._closed.wait(quiet)
            elif (row := self._next()) is None:
                self._woken.wait()
                self._woken.clear()
            else:
                self._made[row] = True
                with suppress(OneOfEachError, OSError):  # the page shows what cannot be read
                    self._make(row)

    def _next(self) -> int | None:
        """The next row beyond the reader without a thumbnail."""
        if self._views is not self._session.views:  # every list began anew
            self._order()
        ahead = self._rows[self._reader : self._reader + FAR]
        missing = ahead[~self._made[ahead]]
        return int(missing[0]) if len(missing) else None

    def _order(self) -> None:
        with self._session.lock:
            self._views, self._rows = self._session.views, self._session.standing.deck.in_order
        self._place[:], self._reader = -1, 0
        self._place[self._rows] = np.arange(len(self._rows))
