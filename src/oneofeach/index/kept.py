"""What applied runs kept: the contents that later runs prefer, run by run, so that each run can be taken back.

Two things are remembered. What stands in place of a removed image is a decision, sealed and salvaged like those of a
person. All else that stayed is a list per run: noted with the plan, valid from the first step that is done on.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from zlib import crc32

from oneofeach.index.store import Store, renewing

CONTENT = 32  # bytes
PLANNED = 4  # plans that wait to be applied; older ones are forgotten
APART = 4  # applied runs that can be taken back one by one; older ones become one
EARLIER = ""  # the plan of these


class KeptStore:
    """What the runs that used one index file kept."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @renewing
    def load(self) -> set[bytes]:
        """The contents that an applied run kept. IndexDamaged when some cannot be read."""
        with self._store.reading() as connection:
            found = {content for (content,) in self._store.sealed(connection, "kept")}
            for stays in self._applied(connection).values():
                found |= _cut(stays)
        return found

    @renewing
    def mark(self, contents: Iterable[bytes]) -> None:
        """These stand in place of others that were removed."""
        rows = [(bytes(content),) for content in contents]
        with self._store.changing("kept") as connection:
            connection.executemany("INSERT OR IGNORE INTO kept (content) VALUES (?)", rows)

    @renewing
    def forget(self, contents: Iterable[bytes]) -> None:
        """Take `mark` back."""
        rows = [(bytes(content),) for content in contents]
        with self._store.changing("kept") as connection:
            connection.executemany("DELETE FROM kept WHERE content = ?", rows)

    @renewing
    def planned(self, plan: str, stays: Iterable[bytes]) -> None:
        """Note what a plan leaves in place, for the time it is applied."""
        blob = b"".join(sorted(set(stays)))
        with self._store.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO run VALUES (?, ?, 0, ?, ?)", _row(plan, blob))
            query = "DELETE FROM run WHERE applied = 0 AND plan NOT IN (SELECT plan FROM run WHERE applied = 0 {})"
            connection.execute(query.format("ORDER BY planned_at DESC, plan DESC LIMIT ?"), (PLANNED,))

    @renewing
    def applied(self, plan: str) -> None:
        """From now on what the plan left in place is kept; nothing is when it was not noted here."""
        with self._store.writing() as connection:
            connection.execute("UPDATE run SET applied = 1 WHERE plan = ?", (plan,))
            found = self._applied(connection)
            older = [name for name in found if name != EARLIER][:-APART]
            if older:
                stays = (_cut(found.get(name, b"")) for name in (*older, EARLIER))
                blob = b"".join(sorted(set[bytes]().union(*stays)))
                connection.executemany("DELETE FROM run WHERE plan = ?", [(name,) for name in older])
                connection.execute("INSERT OR REPLACE INTO run VALUES (?, ?, 1, ?, ?)", _row(EARLIER, blob))

    @renewing
    def taken_back(self, plan: str) -> None:
        """What the plan left in place is not kept any more, unless another run did."""
        with self._store.writing() as connection:
            connection.execute("UPDATE run SET applied = 0 WHERE plan = ?", (plan,))

    def _applied(self, connection: sqlite3.Connection) -> dict[str, bytes]:
        """Plan → what it left in place, of the applied runs, oldest first. IndexDamaged when one differs."""
        query = "SELECT plan, coalesce(CAST(stays AS BLOB), x''), checksum FROM run WHERE applied"
        rows = connection.execute(f"{query} ORDER BY planned_at, plan").fetchall()
        if any(crc32(stays) != checksum for _, stays, checksum in rows):
            raise self._store.damaged("the checksum of what a run kept differs")
        return {plan: stays for plan, stays, _ in rows}


def _row(plan: str, stays: bytes) -> tuple[str, int, bytes, int]:
    return plan, time.time_ns(), stays, crc32(stays)


def _cut(contents: bytes) -> set[bytes]:
    return {contents[start : start + CONTENT] for start in range(0, len(contents), CONTENT)}
