"""The bits of many blocks in one piece, so that a question need not gather them from all over a large file.

A pack repeats what is in blocks: it is made when enough new ones are there, and dropped when one of them is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt

from oneofeach.index.blocks import bits_of
from oneofeach.index.store import Store
from oneofeach.tables import Bytes

PACK = 512  # blocks; the bits of fewer are read one by one
SIZES = np.dtype([("block", "<i8"), ("images", "<i8")])
STORED = "SELECT last, coalesce(CAST(sizes AS BLOB), x''), coalesce(CAST(bits AS BLOB), x''), checksum FROM pack"


class Packed(NamedTuple):
    """sizes: SIZES[k], ascending blocks; bits: uint8[n, bits/8] of their images; images: of the version, in all."""

    sizes: npt.NDArray[np.void]
    bits: Bytes
    images: int


def read_bits(store: Store, version: int, after: int, width: int) -> Packed:
    """The bits of all images of a version in blocks with a number above `after`. IndexDamaged when one differs.

    width: bytes per image.
    """
    sizes, bits = [np.zeros(0, SIZES)], []
    with store.at_once() as connection:
        images = {number: count for number, _, count in store.sealed(connection, "version")}
        stored = [] if after else connection.execute(f"{STORED} WHERE version = ? ORDER BY id", (version,))
        for last, numbers, packed, checksum in stored:
            if _checksum(last, numbers, packed) != checksum:
                raise store.damaged("the checksum of packed images differs")
            sizes.append(np.frombuffer(numbers, SIZES))
            bits.append(packed)
            after = last
        for number, count, unpacked in bits_of(store, connection, version, after):
            sizes.append(np.array([(number, count)], SIZES))
            bits.append(unpacked)
    return Packed(
        np.concatenate(sizes), np.frombuffer(b"".join(bits), np.uint8).reshape(-1, width), images.get(version, 0)
    )


def pack(store: Store, connection: sqlite3.Connection, version: int) -> None:
    """Pack the blocks of a version that are in no pack yet, once there may be PACK of them. Inside a transaction."""
    newest, last = (
        connection.execute(query, given).fetchone()[0] or 0
        for query, given in (
            ("SELECT max(id) FROM block", ()),
            ("SELECT max(last) FROM pack WHERE version = ?", (version,)),
        )
    )
    while newest - last >= PACK:
        part = list(bits_of(store, connection, version, last, PACK))
        last = part[-1][0] if len(part) == PACK else newest
        sizes = np.array([(number, count) for number, count, _ in part], SIZES).tobytes()
        bits = b"".join(found for _, _, found in part)
        query = "INSERT INTO pack (version, last, sizes, bits, checksum) VALUES (?, ?, ?, ?, ?)"
        connection.execute(query, (version, last, sizes, bits, _checksum(last, sizes, bits)))


def unpack(connection: sqlite3.Connection, blocks: Iterable[int]) -> set[int]:
    """Drop the packs of these blocks before they are changed, and all later ones; the versions that are concerned."""
    versions = dict(connection.execute("SELECT id, version FROM block"))
    first: dict[int, int] = {}
    for number in sorted(blocks, reverse=True):
        first[versions[number]] = number
    connection.executemany("DELETE FROM pack WHERE version = ? AND last >= ?", first.items())
    return set(first)


def _checksum(last: int, sizes: bytes, bits: bytes) -> int:
    return crc32(bits, crc32(sizes, crc32(str(last).encode())))
