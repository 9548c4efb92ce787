"""Looking after an index: how much is in it, whether it still tells the truth, and forgetting what is gone."""

from __future__ import annotations

import hashlib
import os
import random
import sqlite3
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass

from oneofeach.index.blocks import forget, read
from oneofeach.index.kept import KeptStore
from oneofeach.index.packs import pack, unpack
from oneofeach.index.pairs import STORED_PAIR
from oneofeach.index.store import Store

SAMPLE = 1_000
PLACE = "coalesce(CAST(place AS TEXT), '')"  # damaged values may be of any type, or none
BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Status:
    """What is stored, in numbers; bytes: the size of the file, its log included."""

    path: str
    bytes: int
    images: int
    unreadable: int
    files: int
    pairs: int
    kept: int


@dataclass(frozen=True, slots=True)
class Verified:
    """Of `checked` files, `changed` have other hints by now (the next scan reads them), `missing` are gone, and
    `wrong` have the same hints but another content: those hints have been forgotten."""

    checked: int
    changed: tuple[str, ...]
    missing: tuple[str, ...]
    wrong: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pruned:
    files: int
    images: int


def status(store: Store) -> Status:
    failed = "IN (SELECT id FROM version WHERE name LIKE '% unreadable with %')"
    counted = (f"image WHERE version NOT {failed}", f"image WHERE version {failed}", "file")
    with store.reading() as connection:
        images, unreadable, files = (
            connection.execute(f"SELECT count(*) FROM {what}").fetchone()[0] for what in counted
        )
        (stored,) = connection.execute("SELECT coalesce(sum(length(block)), 0) FROM pairs").fetchone()
    kept = len(KeptStore(store).load())
    size = sum(os.path.getsize(store.path + end) for end in ("", "-wal") if os.path.exists(store.path + end))
    return Status(store.path, size, images, unreadable, files, stored // STORED_PAIR.itemsize, kept)


def verify(store: Store, sample: int | None = SAMPLE) -> Verified:
    """Check the file, the checksums of all images, and hash files again (None: all). IndexDamaged when it is broken.

    Only whole files are hashed; members of archives are checked by the scan that reads them.
    """
    with store.reading() as connection:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise store.damaged(found)
        numbers = [number for (number,) in connection.execute("SELECT id FROM block")]
        rows = connection.execute(f"SELECT {PLACE}, size, mtime_ns, content FROM file").fetchall()
    for _ in read(store, numbers):
        pass  # every block is held against its checksum
    rows = [row for row in rows if "#" not in row[0] or os.path.exists(row[0])]
    rows = rows if sample is None or sample >= len(rows) else random.sample(rows, sample)
    changed, missing, wrong = [], [], []
    for place, size, mtime_ns, content in rows:
        try:
            hints = os.stat(place)
            if (hints.st_size, hints.st_mtime_ns) != (size, mtime_ns):
                changed.append(place)
            elif _hash(place) != content:
                wrong.append(place)
        except OSError:
            missing.append(place)
    _forget(store, wrong)
    return Verified(len(rows), tuple(changed), tuple(missing), tuple(wrong))


def prune(store: Store) -> Pruned:
    """Forget the files that are gone, and the images that no known file has any more. Decisions stay."""
    with store.reading() as connection:
        places = [place for (place,) in connection.execute(f"SELECT {PLACE} FROM file")]
    gone = [place for place in places if "://" not in place and not _exists(place)]
    _forget(store, gone)
    with store.changing("version") as connection:
        dead: dict[int, set[bytes]] = defaultdict(set)
        unknown = "FROM image WHERE content NOT IN (SELECT content FROM file)"
        for block, content in connection.execute(f"SELECT block, content {unknown}"):
            dead[block].add(content)
        images = connection.execute(f"DELETE {unknown}").rowcount
        changed = unpack(connection, dead)
        forget(store, connection, dead)
        query = "UPDATE version SET images = (SELECT count(*) FROM image WHERE version = version.id) WHERE id = ?"
        connection.executemany(query, [(version,) for version in changed])
        for version in changed:
            pack(store, connection, version)
    _shrink(store)
    return Pruned(len(gone), images)


def _shrink(store: Store) -> None:
    """Give free pages back, unless another process is using the file."""
    with store.reading() as connection:
        (pages,), (free,) = (
            connection.execute(f"PRAGMA {what}").fetchone() for what in ("page_count", "freelist_count")
        )
        if free * 4 > pages:
            with suppress(sqlite3.OperationalError):
                connection.execute("VACUUM")


def _exists(place: str) -> bool:
    """Whether a file is there, or the archive that it is a member of."""
    return os.path.exists(place) or ("#" in place and os.path.exists(place.rpartition("#")[0]))


def _forget(store: Store, places: list[str]) -> None:
    with store.writing() as connection:
        connection.executemany("DELETE FROM file WHERE place = ?", [(place,) for place in places])


def _hash(path: str) -> bytes:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.digest()
