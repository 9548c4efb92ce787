"""A damaged index → out of the way, and what a person decided in it → rows for a new one."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass, field

from oneofeach.errors import Refused
from oneofeach.index.schema import PAGE, create
from oneofeach.index.seals import DECIDED, Row, is_sound, seal

FAILURES = (sqlite3.DatabaseError, UnicodeDecodeError)  # a message about damage may quote bytes that are no text
CONTENT = 32  # bytes


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


def set_aside(path: str) -> str:
    """Rename the file of an index, with its log; the new path.

    Refused when nothing says that it ever was an index, neither its name nor its first bytes, or it cannot be renamed.
    """
    with open(path, "rb") as file:
        was_index = file.read(16) == b"SQLite format 3\0"
    if not was_index and not path.endswith((".sqlite", ".sqlite3", ".db")):
        hint = "Choose another path with --index, one that ends in .sqlite; nothing was changed."
        raise Refused(f"Not an index of this program: {path}\n{hint}")
    aside = next(name for n in range(1, 10_000) if not os.path.exists(name := f"{path}.damaged-{n}"))
    try:
        os.replace(path, aside)
        for end in ("-wal", "-shm"):
            if os.path.exists(path + end):
                os.replace(path + end, aside + end)
    except OSError as error:
        hint = "End the programs that use it, and move it away; or do without it with --no-index."
        raise Refused(f"The index is damaged, and cannot be renamed ({error.strerror}): {path}\n{hint}") from error
    return aside


def salvage(path: str) -> Salvaged:
    """What can be read of the decisions in a damaged file, and of what was kept."""
    found = _read(path)
    if found is None:
        _replace_first_page(path)
        found = _read(path)
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


def _replace_first_page(path: str) -> None:
    """Give a file without a readable first page that of a new index: their tables begin at the same pages.

    If they do not, as in a file that was made by an older version, the seals tell.
    """
    with tempfile.TemporaryDirectory(prefix="oneofeach-") as folder:
        fresh = os.path.join(folder, "index.sqlite")
        with closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA page_size = {PAGE}")
            create(connection)
        with open(fresh, "rb") as file:
            page = bytearray(file.read(PAGE))
    pages = os.path.getsize(path) // PAGE
    if pages > 1:
        page[28:32], page[92:96] = pages.to_bytes(4, "big"), page[24:28]
        with open(path, "r+b") as damaged:
            damaged.write(page)
