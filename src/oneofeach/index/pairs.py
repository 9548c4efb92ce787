"""Pairs found before, so that K new images are matched against N known ones instead of all against all.

Stored are sets of images all of whose pairs (down to a floor) are known. Any subset of such a set is known as well, so
a run takes the set that covers most of its images, and only what is outside of it is new.
"""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np
import numpy.typing as npt

from oneofeach.index.store import Store
from oneofeach.tables import EVIDENCE, Floats, Rows

Contents = npt.NDArray[np.bytes_]  # S16[n]: the first 16 bytes of each SHA-256
STORED_PAIR = np.dtype([("i", "S16"), ("j", "S16"), ("similarity", "<f8"), ("evidence", EVIDENCE)])
SETS = 8  # remembered; the one not used for longest goes
BLOCKS = 32  # of pairs per set, before they are written anew as one
LARGEST = 5_000_000  # pairs; a denser set is matched afresh each time


@dataclass(frozen=True)
class KnownPairs:
    """known: bool[n], images whose pairs with each other are all given: i before j, both counting the n images."""

    known: npt.NDArray[np.bool_]
    i: Rows
    j: Rows
    similarity: Floats
    evidence: npt.NDArray[np.void]


@dataclass(frozen=True)
class _Set:
    """A stored set; number 0: none."""

    number: int = 0
    checksum: int = 0
    pairs: int = 0  # bytes
    images: Contents = field(default_factory=lambda: np.zeros(0, "S16"))


class PairStore:
    """The pairs of one fingerprint and version of its similarity in a store."""

    def __init__(self, store: Store, fingerprint: str) -> None:
        self.store = store
        self.fingerprint = fingerprint
        self._chosen = _Set()
        self._stale = False

    def known(self, contents: Contents) -> KnownPairs:
        """What is known of the pairs among images, given by their distinct contents in the order of the run."""
        with self.store.at_once() as connection:
            self._chosen = self._choose(connection, contents)
            stored = self._pairs(connection)
        known = _isin(contents, self._chosen.images)
        order = np.argsort(contents)
        i, there_i = _positions(contents, order, stored["i"])
        j, there_j = _positions(contents, order, stored["j"])
        here = there_i & there_j
        turned = here & (i > j)  # evidence has a direction: the few that changed places are measured again
        self._stale = bool(turned.any())
        known[j[turned]] = False
        here[here] = known[i[here]] & known[j[here]]
        return KnownPairs(known, i[here], j[here], stored["similarity"][here], stored["evidence"][here])

    def add(self, contents: Contents, known: npt.NDArray[np.bool_], pairs: npt.NDArray[np.void]) -> None:
        """Store that `pairs` (STORED_PAIR[m]) are all there are among the images. known: as `known` answered."""
        if len(pairs) > LARGEST:
            return
        with self.store.writing() as connection:
            row = connection.execute("SELECT checksum FROM matched WHERE id = ?", (self._chosen.number,)).fetchone()
            if self._chosen.number and row != (self._chosen.checksum,):
                return  # another process was faster; what it stored is as good
            if not known.all():
                self._keep(connection, np.sort(contents), np.sort(contents[known]), pairs)
            connection.execute("UPDATE matched SET used_at = ? WHERE id = ?", (time.time_ns(), self._chosen.number))
            connection.execute(
                "DELETE FROM matched WHERE id NOT IN (SELECT id FROM matched ORDER BY used_at DESC, id DESC LIMIT ?)",
                (SETS,),
            )

    def _choose(self, connection: sqlite3.Connection, contents: Contents) -> _Set:
        """The stored set that covers most of the images."""
        best, chosen, ordered = 0, _Set(), np.sort(contents)
        columns = "id, coalesce(CAST(images AS BLOB), x''), checksum, pairs"  # CAST: damaged ones may have any type
        query = f"SELECT {columns} FROM matched WHERE fingerprint = ? ORDER BY used_at DESC, id DESC"
        for number, blob, checksum, pairs in connection.execute(query, (self.fingerprint,)).fetchall():
            if crc32(blob) != checksum:
                raise self.store.damaged("the checksum of a set of images differs")
            images = np.frombuffer(blob, "S16")
            covered = int(_isin(images, ordered).sum())
            if covered > best:
                best, chosen = covered, _Set(number, checksum, pairs, images)
        return chosen

    def _pairs(self, connection: sqlite3.Connection) -> npt.NDArray[np.void]:
        query = "SELECT coalesce(CAST(block AS BLOB), x''), checksum FROM pairs WHERE matched = ? ORDER BY id"
        blocks = connection.execute(query, (self._chosen.number,)).fetchall()
        if any(crc32(block) != checksum for block, checksum in blocks):
            raise self.store.damaged("the checksum of a block of pairs differs")
        if sum(len(block) for block, _ in blocks) != self._chosen.pairs:
            raise self.store.damaged("stored pairs are missing")
        return np.frombuffer(b"".join(block for block, _ in blocks), STORED_PAIR)

    def _keep(
        self, connection: sqlite3.Connection, images: Contents, known: Contents, pairs: npt.NDArray[np.void]
    ) -> None:
        """Grow the chosen set, replace it when most of it is still there, or begin another one beside it."""
        remaining = _isin(self._chosen.images, images)
        blob, number = images.tobytes(), self._chosen.number
        if remaining.mean() < 0.5 if len(remaining) else True:
            query = "INSERT INTO matched (fingerprint, used_at, images, checksum) VALUES (?, 0, ?, ?)"
            number = int(connection.execute(query, (self.fingerprint, blob, crc32(blob))).lastrowid or 0)
        else:
            query = "UPDATE matched SET images = ?, checksum = ? WHERE id = ?"
            connection.execute(query, (blob, crc32(blob), number))
        (blocks,) = connection.execute("SELECT count(*) FROM pairs WHERE matched = ?", (number,)).fetchone()
        if self._stale or blocks >= BLOCKS or not remaining.all():
            connection.execute("DELETE FROM pairs WHERE matched = ?", (number,))
        elif blocks:
            pairs = pairs[~(_isin(pairs["i"], known) & _isin(pairs["j"], known))]
        block = pairs.tobytes()
        query = "INSERT INTO pairs (matched, block, checksum) VALUES (?, ?, ?)"
        connection.execute(query, (number, block, crc32(block)))
        query = "UPDATE matched SET pairs = (SELECT sum(length(block)) FROM pairs WHERE matched = ?1) WHERE id = ?1"
        connection.execute(query, (number,))
        self._chosen = _Set(number, crc32(blob), images=images)


def _isin(values: Contents, ordered: Contents) -> npt.NDArray[np.bool_]:
    """bool[n]: which values are among `ordered`, which is sorted."""
    if not len(ordered):
        return np.zeros(len(values), bool)
    if len(values) == len(ordered) and (values == ordered).all():
        return np.ones(len(values), bool)
    at = np.searchsorted(ordered, values)
    return np.asarray(ordered[np.minimum(at, len(ordered) - 1)] == values)


def _positions(contents: Contents, order: Rows, values: Contents) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """Where each value is in `contents`, and whether it is there at all."""
    if not len(contents):
        return np.zeros(len(values), np.int64), np.zeros(len(values), bool)
    at = np.minimum(np.searchsorted(contents, values, sorter=order), len(contents) - 1)
    rows = order[at]
    return rows, np.asarray(contents[rows] == values)
