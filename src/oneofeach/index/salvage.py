"""A damaged index → out of the way, and a new one with what a person decided in its place."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing, suppress
from dataclasses import dataclass, field
from threading import get_ident

from oneofeach.errors import Refused
from oneofeach.index.schema import PAGE, create
from oneofeach.index.seals import DECIDED, Row, is_sound, seal

FAILURES = (sqlite3.DatabaseError, UnicodeDecodeError)  # a message about damage may quote bytes that are no text
CONTENT = 32  # bytes
BEGINNING = 64 << 20  # bytes, in which decisions are looked for when the first page is lost


@dataclass(frozen=True)
class Salvaged:
    """rows: of the tables in DECIDED, as far as they could be read. complete: nothing is missing or changed."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    complete: bool = True

    @property
    def count(self) -> int:
        return sum(map(len, self.rows.values()))

    def store(self, connection: sqlite3.Connection) -> None:
        """Inside a transaction, into a new index."""
        for name, rows in self.rows.items():
            if rows:
                marks = ", ".join("?" * len(rows[0]))
                connection.executemany(f"INSERT OR IGNORE INTO {name} VALUES ({marks})", rows)
            seal(connection, name)


def identity(path: str) -> tuple[int, int] | None:
    """What tells a file from another one of the same name; None when there is none."""
    with suppress(OSError):
        status = os.stat(path)
        return status.st_dev, status.st_ino
    return None


def begin_anew(path: str, damaged: tuple[int, int] | None) -> tuple[str, Salvaged]:
    """Put a new index with what was decided in the place of a damaged one; where that is now, and what was salvaged.

    damaged: identity of that file; when another one is there by now, it stays, and the place is "".
    At no moment is there an index without the decisions, whatever other processes do at the same time.
    Refused when nothing says that it ever was an index, neither its name nor its first bytes, or it cannot be renamed.
    """
    with open(path, "rb") as file:
        was_index = file.read(16) == b"SQLite format 3\0"
    if not was_index and not path.endswith((".sqlite", ".sqlite3", ".db")):
        hint = "Choose another path with --index, one that ends in .sqlite; nothing was changed."
        raise Refused(f"Not an index of this program: {path}\n{hint}")
    found, fresh = salvage(path), f"{path}.new-{os.getpid()}-{get_ident()}"
    try:
        _make(fresh, found)
        return _exchange(path, fresh) if identity(path) == damaged else "", found
    except OSError as error:
        hint = "End the programs that use it, and move it away; or do without it with --no-index."
        raise Refused(f"The index is damaged, and cannot be renamed ({error.strerror}): {path}\n{hint}") from error
    finally:
        with suppress(OSError):
            os.remove(fresh)


def _make(path: str, found: Salvaged | None = None) -> None:
    """A new index."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE}")
        create(connection)
        if found:
            connection.execute("BEGIN")
            found.store(connection)
            connection.execute("COMMIT")


def _exchange(path: str, fresh: str) -> str:
    """Give the damaged file another name, with its log, and its own to a new one; the other name."""
    aside = next(name for n in range(1, 10_000) if not os.path.exists(name := f"{path}.damaged-{n}"))
    try:
        os.link(path, aside)  # so that there is always a file of that name
    except OSError:
        os.replace(path, aside)
    for end in ("-wal", "-shm"):
        if os.path.exists(path + end):
            os.replace(path + end, aside + end)
    os.replace(fresh, path)
    return aside


def salvage(path: str) -> Salvaged:
    """What can be read of the decisions in a damaged file, and of what was kept."""
    found = _read(path)
    if found is None:
        with tempfile.TemporaryDirectory(prefix="oneofeach-") as folder:
            found = _read(_with_first_page(path, folder))
    return Salvaged(complete=False) if found is None else found


def _read(path: str) -> Salvaged | None:
    """None when the file cannot be opened at all."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA writable_schema = ON")  # reads a file that was cut off, as far as it goes
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            parts = {name: _rows(connection, name) for name in DECIDED}
    except FAILURES:
        return None
    return Salvaged({name: rows for name, (rows, _) in parts.items()}, all(sound for _, sound in parts.values()))


def _rows(connection: sqlite3.Connection, name: str) -> tuple[list[Row], bool]:
    """The rows of a table up to the first that cannot be read, without those that are none; whether it is all sound."""
    rows: list[Row] = []
    try:
        for row in connection.execute(f"SELECT * FROM {name}"):
            rows.append(row)
        sound = is_sound(connection, name, rows)
    except FAILURES:
        sound = False
    return [row for row in rows if _is_decision(row, DECIDED[name])], sound


def _is_decision(row: Row, contents: int) -> bool:
    hashes, names = row[:contents], row[contents:]
    are_hashes = all(isinstance(cell, bytes) and len(cell) == CONTENT for cell in hashes)
    return are_hashes and all(isinstance(cell, str) for cell in names) and list(hashes) == sorted(set(hashes))


def _with_first_page(path: str, folder: str) -> str:
    """A copy of the beginning of a file, with the first page of a new index: their tables begin at the same pages.

    If they do not, as in a file that was made by an older version, the seals tell.
    """
    fresh, copy = os.path.join(folder, "fresh.sqlite"), os.path.join(folder, "copy.sqlite")
    _make(fresh)
    with open(fresh, "rb") as file:
        page = bytearray(file.read(PAGE))
    with open(path, "rb") as file, open(copy, "wb") as target:
        file.seek(PAGE)
        rest = file.read(BEGINNING)
        page[28:32], page[92:96] = (1 + len(rest) // PAGE).to_bytes(4, "big"), page[24:28]
        target.write(page + rest)
    return copy
