"""One SQLite file, opened safely: transactions, and what happens when it is damaged.

A file that cannot be trusted is set aside and a new one begun, with what a person decided; nothing is answered from it.
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from threading import RLock
from types import TracebackType
from typing import ParamSpec, TypeVar

from oneofeach.errors import IndexDamaged, Refused
from oneofeach.index.salvage import FAILURES, Salvaged, begin_anew, identity
from oneofeach.index.schema import APPLICATION, PAGE, SCHEMA, create
from oneofeach.index.seals import Row, is_sound, rows_of, seal
from oneofeach.wording import counted

WAIT = 60.0  # seconds to wait for another process's transaction
DAMAGE = re.compile(
    "Could not decode|no such|duplicate column|already exists|malformed|unsupported file format|columns"
)
"""What only a damaged schema or value makes SQLite say; its other operational errors pass: locked, full, read-only."""

P = ParamSpec("P")
T = TypeVar("T")


class IndexRenewed(IndexDamaged):
    """A new index with all that was decided has taken the place of a damaged one: work can begin again with it."""


def renewing(work: Callable[P, T]) -> Callable[P, T]:
    """The same function, which begins again with the new index when the one in use turns out to be damaged."""

    @wraps(work)
    def call(*arguments: P.args, **options: P.kwargs) -> T:
        try:
            return work(*arguments, **options)
        except IndexRenewed:
            return work(*arguments, **options)

    return call


class Store:
    """A connection that threads may share; other processes may use the same file at the same time.

    rebuilt: what was set aside, and why; generation: how often that happened.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(os.fspath(path))
        self.lock = RLock()
        self.rebuilt, self.generation = "", 0
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        try:
            self.connection = self._open()
        except FAILURES as error:
            if _is_passing(error):
                raise Refused(f"The index cannot be opened: {self.path}\n{_hint(error)}") from error
            renewed = self._renewed(error)
            if not isinstance(renewed, IndexRenewed):
                self.close()
                raise renewed from error

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Once no thread is using it: SQLite crashes when a connection is closed below a running statement."""
        with self.lock:
            self.connection.close()

    def _open(self) -> sqlite3.Connection:
        self._file = identity(self.path)
        connection = sqlite3.connect(self.path, timeout=WAIT, isolation_level=None, check_same_thread=False)
        try:
            self._check(connection)
            connection.execute(f"PRAGMA page_size = {PAGE}")
            _write_ahead(connection)
            connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may undo the last batch, never damage it
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA cache_size = -65536")
            connection.execute("PRAGMA cell_size_check = ON")
            create(connection)
            self._file = identity(self.path)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check(self, connection: sqlite3.Connection) -> None:
        """Refused for a file of another program or of a newer version, before anything is written."""
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (schema,) = connection.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION and not _is_empty(connection):
            hint = "Choose another path with --index; nothing was changed."
            raise Refused(f"Not an index of this program: {self.path}\n{hint}")
        if schema > SCHEMA:
            hint = "Upgrade with: pip install -U oneofeach, or choose another path with --index."
            raise Refused(f"The index was written by a newer version: {self.path}\n{hint}")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, for this thread alone. IndexRenewed or IndexDamaged when the file turns out to be damaged."""
        with self.lock:
            try:
                yield self.connection
            except FAILURES as error:
                raise self._failure(error) from error

    @contextmanager
    def at_once(self) -> Iterator[sqlite3.Connection]:
        """The same, without any change by others between the first statement and the last."""
        with self._transaction("DEFERRED") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it happens, or nothing."""
        with self._transaction("IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def _transaction(self, kind: str) -> Iterator[sqlite3.Connection]:
        with self.reading() as connection:
            connection.execute(f"BEGIN {kind}")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection is self.connection and connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def sealed(self, connection: sqlite3.Connection, name: str) -> list[Row]:
        """All rows of a sealed table, none of them changed by damage."""
        rows = rows_of(connection, name)
        if not is_sound(connection, name, rows):
            raise self.damaged("the checksum of what was decided differs")
        return rows

    @contextmanager
    def changing(self, *names: str) -> Iterator[sqlite3.Connection]:
        """A transaction that changes sealed tables."""
        with self.writing() as connection:
            for name in names:
                self.sealed(connection, name)  # or damage would be sealed too
            yield connection
            for name in names:
                seal(connection, name)

    def damaged(self, what: str) -> IndexDamaged:
        """Set the file aside and begin a new one; the error to raise."""
        return self._renewed(sqlite3.DatabaseError(what))

    def _failure(self, error: Exception) -> Exception:
        if _is_passing(error):
            return Refused(f"The index cannot be used: {self.path}\n{_hint(error)}")
        return self._renewed(error)

    def _renewed(self, error: Exception) -> IndexDamaged:
        """IndexRenewed when all that a person decided is in the new file, so that work can go on.

        Where another process has begun a new one already, that is taken.
        """
        with self.lock:
            if hasattr(self, "connection"):
                self.connection.close()
            why = f"The index is damaged ({' '.join(str(error).split())}): {self.path}"
            aside, found = begin_anew(self.path, self._file) if identity(self.path) == self._file else ("", Salvaged())
            self.connection = self._open()
        if not aside:
            return self._told(f"{why}\nAnother process has begun it anew.", complete=True)
        what = f"{why}\nIt was renamed to {aside} and begun anew with "
        if found.complete:
            return self._told(f"{what}all that was decided.", complete=True)
        hint = "See `oneofeach decisions list` and add what is missing, then run again: the rest is filled by itself."
        return self._told(f"{what}{counted(found.count, 'decision')}; not all could be read.\n{hint}", complete=False)

    def _told(self, message: str, complete: bool) -> IndexDamaged:
        self.rebuilt, self.generation = message, self.generation + 1
        if not complete:
            return IndexDamaged(message)
        logging.getLogger("oneofeach").warning(message)
        return IndexRenewed(message)


def _is_empty(connection: sqlite3.Connection) -> bool:
    return not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turn the log on. SQLite does not wait by itself for another process that is doing the same."""
    end = time.monotonic() + WAIT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.01)


def _is_passing(error: Exception) -> bool:
    """Locked, full, read-only, no such folder: nothing is wrong with the file itself."""
    if DAMAGE.search(str(error)):
        return False
    return isinstance(error, (sqlite3.OperationalError, sqlite3.ProgrammingError, sqlite3.InterfaceError))


def _hint(error: Exception) -> str:
    return f"Choose another path with --index, or do without it with --no-index: {error}."
