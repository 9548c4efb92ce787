"""Items → the hints by which their files are known again, and where the images of unchanged files were last found.

Hints (place, size, time of change, inode) say that a file need not be read; only its content says what it is.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from oneofeach.garbage import uncollected
from oneofeach.index.store import Store
from oneofeach.tables import Item, Readable

AT_ONCE = 500  # parameters in one query; SQLite before 3.32 takes 999
SETTLED = 2_000_000_000  # ns; a file changed less than this before it was read may change again unnoticed
# CAST, because in a damaged file values may have any type, or none
WHERE_IT_IS = (
    "coalesce(CAST(content AS BLOB), x''), coalesce(CAST(block AS INTEGER), 0), coalesce(CAST(slot AS INTEGER), -1)"
)
FILES = f"SELECT place, size, mtime_ns, inode, {WHERE_IT_IS} FROM file WHERE place "
PLACED = np.dtype([("row", "<i8"), ("mtime_ns", "<i8"), ("content", "S32"), ("block", "<i8"), ("slot", "<i8")])


@uncollected
def unchanged(store: Store, items: Sequence[Item]) -> npt.NDArray[np.void]:
    """PLACED[k]: the items that have the hints they were stored with, and where their images were last found."""
    places = [place_of(item.source) if item.mtime_ns >= 0 else "" for item in items]
    order = sorted(filter(places.__getitem__, range(len(items))), key=places.__getitem__)
    parts = [np.zeros(0, PLACED)]
    for start in range(0, len(order), AT_ONCE):
        rows = order[start : start + AT_ONCE]
        stored = {found[0]: found for found in _stored(store, [places[row] for row in rows])}
        placed = []
        for row in rows:
            if found := stored.get(places[row]):
                item, (_, size, mtime_ns, inode, *where) = items[row], found
                if item.mtime_ns == mtime_ns and item.size == size and item.inode == inode:
                    placed.append((row, mtime_ns, *where))
        parts.append(np.array(placed, PLACED))
    return np.concatenate(parts)


def _stored(store: Store, places: Sequence[str]) -> list[tuple[Any, ...]]:
    """What is stored of sorted places: in one sweep where little else lies between the first and the last."""
    most = 4 * AT_ONCE
    with store.reading() as connection:
        query = f"{FILES} BETWEEN ? AND ? LIMIT {most}"
        found = connection.execute(query, (places[0], places[-1])).fetchall()
        if len(found) == most:
            found = connection.execute(f"{FILES} IN ({','.join('?' * len(places))})", places).fetchall()
    return found


def remember(
    connection: sqlite3.Connection, found: Iterable[tuple[Item, bytes, tuple[int, int]]], read_at: int
) -> None:
    """Store where contents were seen: (item, content, its block and slot), but for files that may still change.

    read_at: ns, when all of them had been read.
    """
    settled = read_at - SETTLED
    connection.executemany(
        "INSERT OR REPLACE INTO file (place, size, mtime_ns, inode, content, block, slot) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (place, item.size, item.mtime_ns, item.inode, content, *where)
            for item, content, where in found
            if 0 <= item.mtime_ns < settled and (place := place_of(item.source))
        ],
    )


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
