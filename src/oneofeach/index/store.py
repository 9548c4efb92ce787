"""One SQLite file, opened safely: schema, transactions, and what happens when it is damaged.

A file that cannot be trusted is set aside and a new one begun; an index never answers from a damaged file.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from types import TracebackType

from oneofeach.errors import IndexDamaged, Refused

APPLICATION = 0x31454F4F  # "OOE1": tells an index from any other SQLite file
SCHEMA = 2
WAIT = 60.0  # seconds to wait for another process's transaction
PAGE = 8192
FAILURES = (sqlite3.DatabaseError, UnicodeDecodeError)  # a message about damage may quote bytes that are no text
TABLES = """
CREATE TABLE IF NOT EXISTS version (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE              -- fingerprint and decoder: rows of another version are never used
) STRICT;
CREATE TABLE block (                       -- images that were stored together: see blocks.py
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again
    version INTEGER NOT NULL REFERENCES version,
    bits BLOB NOT NULL,
    facts BLOB NOT NULL,                   -- FACTS records
    texts TEXT NOT NULL,                   -- notes and errors
    checksum INTEGER NOT NULL              -- CRC-32 of facts, bits and texts
) STRICT;
CREATE TABLE descriptors (
    block INTEGER PRIMARY KEY REFERENCES block ON DELETE CASCADE,
    bytes BLOB NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
CREATE TABLE image (                       -- where a content is
    version INTEGER NOT NULL REFERENCES version,
    content BLOB NOT NULL,                 -- SHA-256 of the file's bytes
    block INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    PRIMARY KEY (version, content)
) STRICT, WITHOUT ROWID;
CREATE TABLE file (                        -- hints: where a content was last seen, and where its image is
    place TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    content BLOB NOT NULL,
    block INTEGER NOT NULL,                -- of the fingerprint that was used last
    slot INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS file_by_content ON file (content);
CREATE TABLE IF NOT EXISTS matched (                     -- sets of images all of whose pairs are known
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    fingerprint TEXT NOT NULL,
    used_at INTEGER NOT NULL,
    images BLOB NOT NULL,                  -- sorted, 16 bytes of each content
    checksum INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS pairs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    matched INTEGER NOT NULL REFERENCES matched ON DELETE CASCADE,
    block BLOB NOT NULL,                   -- STORED_PAIR records
    checksum INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS pairs_by_matched ON pairs (matched);
CREATE TABLE IF NOT EXISTS kept (                        -- contents that an applied run kept
    content BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;
"""


class Store:
    """A connection that threads may share; other processes may use the same file at the same time."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(os.fspath(path))
        self.lock = RLock()
        self.rebuilt = ""  # what was set aside, and why
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        try:
            self.connection = self._open()
        except FAILURES as error:
            if _is_passing(error):
                raise Refused(f"The index cannot be opened: {self.path}\n{_hint(error)}") from error
            self.rebuilt = self._set_aside(error)
            logging.getLogger("oneofeach").warning(self.rebuilt)
            self.connection = self._open()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Once no thread is using it: SQLite crashes when a connection is closed below a running statement."""
        with self.lock:
            self.connection.close()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=WAIT, isolation_level=None, check_same_thread=False)
        try:
            self._check(connection)
            connection.execute(f"PRAGMA page_size = {PAGE}")
            _write_ahead(connection)
            connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may undo the last batch, never damage it
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA cache_size = -65536")
            _create(connection)
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
        """The connection, for this thread alone. IndexDamaged when the file turns out to be damaged."""
        with self.lock:
            try:
                yield self.connection
            except FAILURES as error:
                raise self._failure(error) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it happens, or nothing."""
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def damaged(self, what: str) -> IndexDamaged:
        """Set the file aside; the error to raise."""
        self.close()
        return IndexDamaged(self._set_aside(sqlite3.DatabaseError(what)))

    def _failure(self, error: Exception) -> Exception:
        if _is_passing(error):
            return Refused(f"The index cannot be used: {self.path}\n{_hint(error)}")
        return self.damaged(str(error))

    def _set_aside(self, error: Exception) -> str:
        """Rename the damaged file, so that decisions in it can still be looked for.

        Refused when nothing says that it ever was an index: neither its name nor its first bytes.
        """
        with open(self.path, "rb") as file:
            was_index = file.read(16) == b"SQLite format 3\0"
        if not was_index and not self.path.endswith((".sqlite", ".sqlite3", ".db")):
            hint = "Choose another path with --index, one that ends in .sqlite; nothing was changed."
            raise Refused(f"Not an index of this program: {self.path}\n{hint}")
        number = next(n for n in range(1, 10_000) if not os.path.exists(f"{self.path}.damaged-{n}"))
        aside = f"{self.path}.damaged-{number}"
        os.replace(self.path, aside)
        for end in ("-wal", "-shm"):
            if os.path.exists(self.path + end):
                os.replace(self.path + end, aside + end)
        what = " ".join(str(error).split())
        return f"The index is damaged ({what}): {self.path}\nIt was renamed to {aside}; the next scan fills a new one."


def _is_empty(connection: sqlite3.Connection) -> bool:
    return not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]


def _create(connection: sqlite3.Connection) -> None:
    """All tables, unless another process was faster. Images of an older version are forgotten, decisions never."""
    connection.execute("BEGIN IMMEDIATE")
    if connection.execute("PRAGMA user_version").fetchone() != (SCHEMA,):
        for old in ("descriptor", "image", "file"):
            connection.execute(f"DROP TABLE IF EXISTS {old}")
        for statement in TABLES.split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {SCHEMA}")
    connection.execute("COMMIT")


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
    if "Could not decode" in str(error):
        return False
    return isinstance(error, (sqlite3.OperationalError, sqlite3.ProgrammingError, sqlite3.InterfaceError))


def _hint(error: Exception) -> str:
    return f"Choose another path with --index, or do without it with --no-index: {error}."
