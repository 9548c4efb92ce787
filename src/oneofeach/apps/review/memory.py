"""Decisions on disk: every key press is one row in SQLite, keyed by content, and stays there after an undo.

In: rows of a catalog. Out: the same decisions for any catalog that holds the same contents, whatever the files are
called now. Byte-identical files are told apart by their key, as long as they keep it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from itertools import groupby
from typing import Any

import numpy as np

from oneofeach.apps.review.verdicts import BULK, Decided, Mask
from oneofeach.errors import Refused
from oneofeach.tables import Catalog, Rows

WAIT = 30.0  # seconds for another process's transaction
TABLES = """
CREATE TABLE IF NOT EXISTS decision (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,                       -- ns since 1970
    kind TEXT NOT NULL,
    rule TEXT NOT NULL,                        -- what was accepted, in words
    undone_at INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS member (
    decision INTEGER NOT NULL REFERENCES decision,
    part INTEGER NOT NULL,                     -- which set of the decision
    place INTEGER NOT NULL,                    -- in the order shown
    content BLOB NOT NULL,
    key TEXT NOT NULL,
    stays INTEGER NOT NULL,
    PRIMARY KEY (decision, part, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS caption (
    decision INTEGER NOT NULL REFERENCES decision,
    content BLOB NOT NULL,
    key TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS state (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""
CAPTION = "caption"


def default_path() -> str:
    """Where decisions are kept unless told otherwise."""
    import platformdirs

    return os.path.join(platformdirs.user_data_dir("oneofeach"), "decisions.sqlite")


def forget(contents: Sequence[bytes], path: str | None = None) -> int:
    """Take back what was decided about these contents on the page, if it was ever opened. How many decisions."""
    path = path or default_path()
    if not os.path.exists(path):
        return 0
    memory = Memory(path)
    try:
        return memory.forget(contents)
    finally:
        memory.close()


class Memory:
    """One open store of decisions. Not for several threads at a time: the session holds the lock."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        path = os.fspath(path)
        if path != ":memory:":
            os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        try:
            self._connection = sqlite3.connect(path, timeout=WAIT, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.executescript(TABLES)
        except sqlite3.DatabaseError as error:
            raise Refused(
                f"The decisions cannot be opened: {path} ({error})\nChoose another file with --store."
            ) from error

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise

    def decide(self, names: Names, kind: str, sets: Sequence[tuple[Rows, Mask]], rule: str = "") -> int:
        """Store one decision over sets of (rows, stays); on disk when this returns. Its number."""
        with self._writing() as connection:
            number = self._row(connection, kind, rule)
            connection.executemany(
                "INSERT INTO member VALUES (?, ?, ?, ?, ?, ?)",
                (
                    (number, part, place, *names.of(row), int(stay))
                    for part, (rows, stays) in enumerate(sets)
                    for place, (row, stay) in enumerate(zip(rows.tolist(), stays.tolist(), strict=True))
                ),
            )
        return number

    def caption(self, names: Names, row: int, text: str) -> int:
        """Store the caption that an image is to have. The number of the decision."""
        with self._writing() as connection:
            number = self._row(connection, CAPTION, "")
            connection.execute("INSERT INTO caption VALUES (?, ?, ?, ?)", (number, *names.of(row), text))
        return number

    def undo(self, decision: int) -> None:
        with self._writing() as connection:
            connection.execute("UPDATE decision SET undone_at = ? WHERE id = ?", (time.time_ns(), decision))

    def forget(self, contents: Sequence[bytes]) -> int:
        """Take back every decision about one of these contents, but for suggestions accepted with many others.

        How many there were.
        """
        marks = ", ".join("?" * len(contents))
        query = (
            "UPDATE decision SET undone_at = ? WHERE undone_at IS NULL AND kind != ? "
            f"AND id IN (SELECT decision FROM member WHERE content IN ({marks}))"
        )
        with self._writing() as connection:
            return connection.execute(query, (time.time_ns(), BULK, *contents)).rowcount

    def decided(self, names: Names) -> list[Decided]:
        """Every set in force of which this catalog holds at least one image, oldest first."""
        query = (
            "SELECT d.id, m.part, d.kind, m.content, m.key, m.stays FROM decision d JOIN member m ON m.decision = d.id "
            "WHERE d.undone_at IS NULL ORDER BY d.id, m.part, m.place"
        )
        found = []
        for (number, _, kind), members in groupby(self._connection.execute(query), lambda row: row[:3]):
            taken: dict[int, bool] = {}
            for _, _, _, content, key, stays in members:
                row = names.find(content, key, taken)
                if row >= 0:
                    taken[row] = bool(stays)
            if taken:
                found.append(Decided(number, kind, np.array(list(taken), np.int64), np.array(list(taken.values()))))
        return found

    def captions(self, names: Names) -> dict[int, tuple[int, str]]:
        """Row → (decision, text) of the captions that were written here."""
        query = (
            "SELECT d.id, c.content, c.key, c.text FROM decision d JOIN caption c ON c.decision = d.id "
            "WHERE d.undone_at IS NULL ORDER BY d.id"
        )
        rows = (
            (names.find(content, key, {}), number, text)
            for number, content, key, text in self._connection.execute(query)
        )
        return {row: (number, text) for row, number, text in rows if row >= 0}

    def state(self, *places: str) -> dict[str, Any]:
        """What was saved under the first of these names that is known; {} when none is."""
        for place in places:
            found = self._connection.execute("SELECT value FROM state WHERE name = ?", (place,)).fetchone()
            if found:
                value = json.loads(found[0])
                return value if isinstance(value, dict) else {}
        return {}

    def save_state(self, value: dict[str, Any], *places: str) -> None:
        text = json.dumps(value)
        with self._writing() as connection:
            connection.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", [(place, text) for place in places])

    @staticmethod
    def _row(connection: sqlite3.Connection, kind: str, rule: str) -> int:
        query = "INSERT INTO decision (at, kind, rule) VALUES (?, ?, ?)"
        return int(connection.execute(query, (time.time_ns(), kind, rule)).lastrowid or 0)


class Names:
    """The rows of a catalog by content, and back. Pictures that never were files go by what was measured of them."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._contents = [bytes(content) for content in catalog.facts["content"]]
        for row in np.flatnonzero(~catalog.facts["content"].any(axis=1)).tolist():
            self._contents[row] = sha256(catalog.bits[row].tobytes() + catalog.descriptors[row].tobytes()).digest()
        self._rows: dict[bytes, list[int]] = {}
        for row, content in enumerate(self._contents):
            self._rows.setdefault(content, []).append(row)

    def of(self, row: int) -> tuple[bytes, str]:
        """(content, key); what no encoding can carry is escaped."""
        return self._contents[row], self._catalog.items[row].key.encode("utf-8", "backslashreplace").decode()

    def find(self, content: bytes, key: str, taken: dict[int, bool]) -> int:
        """The row of a content: the one with that key, else the first not yet taken; -1 when there is none."""
        rows = [row for row in self._rows.get(content, ()) if row not in taken]
        if len(rows) > 1:
            return next((row for row in rows if self.of(row)[1] == key), rows[0])
        return rows[0] if rows else -1

    def digest(self) -> str:
        """One name for exactly these contents."""
        return sha256(b"".join(sorted(self._contents))).hexdigest()
