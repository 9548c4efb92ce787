"""Small tables, each under one checksum: a row that changed or vanished by damage is noticed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any
from zlib import crc32

DECIDED = {"kept": 1, "always_kept": 1, "no_duplicates": 2}
"""What nothing can compute again: name of a table → how many of its columns are contents; the others are names."""
SEALED = ("version", *DECIDED)

Row = tuple[Any, ...]


def rows_of(connection: sqlite3.Connection, name: str) -> list[Row]:
    return connection.execute(f"SELECT * FROM {name}").fetchall()


def is_sound(connection: sqlite3.Connection, name: str, rows: Iterable[Row]) -> bool:
    """Whether these rows are those that were sealed."""
    found = connection.execute("SELECT checksum FROM seal WHERE name = ?", (name,)).fetchone()
    return bool(found == (_checksum(rows),))


def seal(connection: sqlite3.Connection, name: str) -> None:
    """After every change."""
    rows = rows_of(connection, name)
    connection.execute("INSERT OR REPLACE INTO seal VALUES (?, ?)", (name, _checksum(rows)))


def _checksum(rows: Iterable[Row]) -> int:
    """CRC-32 in the order of the primary key, which is that of such a table."""
    value = 0
    for row in rows:
        for cell in row:
            value = crc32(cell if isinstance(cell, bytes) else str(cell).encode(), value)
    return value
