"""Items and contents in, what is known of them out; descriptions in, stored in one transaction per batch.

Hints (place, size, time of change, inode) say that a file need not be read; only its content says what it is.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from oneofeach.errors import OneOfEachError
from oneofeach.index.store import Store
from oneofeach.tables import FACTS, Bytes, Description, Item, Readable, Rows

AT_ONCE = 500  # parameters in one query; SQLite before 3.32 takes 999
BATCH = 512  # images per transaction: what a killed run has to do again
SETTLED = 2_000_000_000  # ns; a file changed less than this before it was read may change again unnoticed
ROWS = "i.facts, i.bits, d.bytes, i.note, i.error, i.checksum"
# CROSS JOIN keeps the order of the tables: from the few places asked for to their images
BY_PLACE = (
    f"SELECT f.place, f.size, f.mtime_ns, f.inode, {ROWS} FROM file f CROSS JOIN image i ON i.version = ? "
    "AND i.content = f.content CROSS JOIN descriptor d ON d.image = i.id WHERE f.place IN ({})"
)
BY_CONTENT = (
    f"SELECT {ROWS} FROM image i CROSS JOIN descriptor d ON d.image = i.id WHERE i.version IN (?, ?) AND i.content = ?"
)


@dataclass(frozen=True)
class Known:
    """Items that need not be read: positions int64[k], FACTS[k], uint8[k, bits/8], uint8[k, bytes]; text by position.

    The time of change in the facts is that of the file that was stored first.
    """

    rows: Rows
    facts: npt.NDArray[np.void]
    bits: Bytes
    descriptors: Bytes
    notes: dict[int, str]
    errors: dict[int, str]


class Images:
    """The descriptions of one version in a store.

    version: of fingerprint and decoder; width: bytes of its descriptors, of which the zeros at the end are not stored.
    tools: which decoders are there; an error is only known for the same ones.
    """

    def __init__(self, store: Store, version: str, width: int, tools: str = "") -> None:
        self.store, self.width = store, width
        with store.writing() as connection:
            self.readable = _version(connection, version)
            self.unreadable = _version(connection, f"{version} unreadable with {tools}")

    def known(self, items: Sequence[Item]) -> Iterator[Known]:
        """The items whose hints say that they have not changed since they were stored, in parts."""
        for start in range(0, len(items), AT_ONCE):
            places = {
                place: row
                for row, item in enumerate(items[start : start + AT_ONCE], start)
                if item.mtime_ns >= 0 and (place := place_of(item.source))
            }
            for version in (self.readable, self.unreadable):
                found = self._at(version, list(places))
                placed = [(places.pop(row[0]), row) for row in found]
                same = [(at, row) for at, row in placed if row[1:4] == _hints(items[at])]
                if same:
                    yield self._known([at for at, _ in same], [row[4:] for _, row in same])
                if not places:
                    break

    def _at(self, version: int, places: Sequence[str]) -> list[tuple[Any, ...]]:
        query = BY_PLACE.format(",".join("?" * len(places)))
        with self.store.reading() as connection:
            return connection.execute(query, (version, *places)).fetchall()

    def find(self, content: bytes) -> Description | None:
        """What is known of a content (its SHA-256)."""
        with self.store.reading() as connection:
            row = connection.execute(BY_CONTENT, (self.readable, self.unreadable, content)).fetchone()
        if row is None:
            return None
        known = self._known([0], [row])
        return Description(known.facts[0], known.bits[0], known.descriptors[0], row[3], row[4])

    def add(self, described: Iterable[tuple[Item, Description]]) -> None:
        """Store descriptions and the places of their items; images without content never were files."""
        rows = [(item, found) for item, found in described if found.facts["content"].any()]
        settled = time.time_ns() - SETTLED
        with self.store.writing() as connection:
            for _, found in rows:
                self._insert(connection, found)
            connection.executemany(
                "INSERT OR REPLACE INTO file (place, size, mtime_ns, inode, content) VALUES (?, ?, ?, ?, ?)",
                [
                    (place, *_hints(item), bytes(found.facts["content"]))
                    for item, found in rows
                    if 0 <= item.mtime_ns < settled and (place := place_of(item.source))
                ],
            )

    def writer(self) -> Writer:
        """For descriptions as they come: `with images.writer() as writer: writer.put(items, descriptions)`."""
        return Writer(self)

    def _insert(self, connection: sqlite3.Connection, found: Description) -> None:
        parts = found.facts.tobytes(), found.bits.tobytes(), found.descriptor.tobytes()
        version = self.unreadable if found.error else self.readable
        added = connection.execute(
            "INSERT OR IGNORE INTO image (version, content, facts, bits, note, error, checksum) VALUES (?,?,?,?,?,?,?)",
            (version, bytes(found.facts["content"]), *parts[:2], found.note, found.error, crc32(b"".join(parts))),
        )
        if added.rowcount:
            connection.execute(
                "INSERT INTO descriptor (image, bytes) VALUES (?, ?)", (added.lastrowid, parts[2].rstrip(b"\0"))
            )

    def _known(self, positions: Sequence[int], stored: Sequence[Any]) -> Known:
        facts, bits, short, notes, errors, checksums = zip(*stored, strict=True)
        descriptors = [descriptor.ljust(self.width, b"\0") for descriptor in short]
        for row, checksum in enumerate(checksums):
            if crc32(descriptors[row], crc32(bits[row], crc32(facts[row]))) != checksum:
                raise self.store.damaged("the checksum of an image differs")
        return Known(
            np.array(positions, np.int64),
            np.frombuffer(b"".join(facts), FACTS),
            np.frombuffer(b"".join(bits), np.uint8).reshape(len(stored), -1),
            np.frombuffer(b"".join(descriptors), np.uint8).reshape(len(stored), self.width),
            _texts(positions, notes),
            _texts(positions, errors),
        )


def _texts(positions: Sequence[int], texts: Sequence[str]) -> dict[int, str]:
    return {position: text for position, text in zip(positions, texts, strict=True) if text} if any(texts) else {}


class Writer:
    """Collects descriptions and stores them in batches; what is left is stored at the end, also after an exception."""

    def __init__(self, images: Images) -> None:
        self.images = images
        self._waiting: list[tuple[Item, Description]] = []

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._waiting and not isinstance(error, OneOfEachError):  # the index itself may have failed
            self.images.add(self._waiting)

    def put(self, items: Sequence[Item], descriptions: Sequence[Description]) -> None:
        self._waiting += zip(items, descriptions, strict=True)
        if len(self._waiting) >= BATCH:
            self.images.add(self._waiting)
            self._waiting = []


def _version(connection: sqlite3.Connection, name: str) -> int:
    connection.execute("INSERT OR IGNORE INTO version (name) VALUES (?)", (name,))
    return int(connection.execute("SELECT id FROM version WHERE name = ?", (name,)).fetchone()[0])


def _hints(item: Item) -> tuple[int, int, int]:
    return item.size, item.mtime_ns, item.inode


def place_of(source: Any) -> str:
    """Where the bytes of an item's source are, in full; "" for none, or one that is no text (a surrogate)."""
    if isinstance(source, str):
        place = source
    elif isinstance(source, os.PathLike):
        place = os.fspath(source)
    else:
        place = getattr(source, "place", "") if isinstance(source, Readable) else ""
    if not place.isascii() and not _is_text(place):
        return ""
    if place.startswith("/") and "/." not in place and "//" not in place:
        return place  # as most are: abspath would take longer than all the rest
    return place if not place or "://" in place else os.path.abspath(place)


def _is_text(place: str) -> bool:
    try:
        place.encode()
    except UnicodeEncodeError:
        return False
    return True
