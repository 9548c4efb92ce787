"""Descriptions in blocks: images that were stored together are one record of arrays, read and checked as one.

A block never changes, and every row of it is known to the table `image`: what is forgotten is written anew without it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import groupby
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt

from oneofeach.index.store import Store
from oneofeach.tables import FACTS, Bytes

BLOCK = 128  # images: smaller blocks cost more where all are read, larger ones where a single one is
AT_ONCE = 16  # blocks in one query
STEP = 128  # bytes: most descriptors get one length, and are read as one array
NO_TEXT = ("", "")
DIFFERS = "the checksum of stored images differs"
STORED = ", ".join(  # values that are damaged may be of any type, or none
    f"coalesce(CAST(b.{name} AS {kind}), {nothing})"
    for name, kind, nothing in (("bits", "BLOB", "x''"), ("facts", "BLOB", "x''"), ("texts", "TEXT", "''"))
)


class Block(NamedTuple):
    """FACTS[n], uint8[n, bits/8] and uint8[n, w]: descriptors, no wider than their longest; what is missing is zero.

    texts: object[n], (note, error) of each image.
    """

    facts: npt.NDArray[np.void]
    bits: Bytes
    descriptors: Bytes
    texts: npt.NDArray[np.object_]

    def take(self, rows: Any) -> Block:
        """The rows that a slice, positions or a mask choose."""
        return Block(self.facts[rows], self.bits[rows], self.descriptors[rows], self.texts[rows])


def add(connection: sqlite3.Connection, version: int, block: Block) -> list[tuple[int, int]]:
    """Store the rows of a block in one or more new ones; the number and the slot that each row got."""
    placed: list[tuple[int, int]] = []
    for start in range(0, len(block.facts), BLOCK):
        part = block.take(slice(start, start + BLOCK))
        texts = {slot: text for slot, text in enumerate(part.texts.tolist()) if any(text)}
        parts = part.bits.tobytes(), part.facts.tobytes(), json.dumps(texts, ensure_ascii=False) if texts else ""
        query = "INSERT INTO block (version, bits, facts, texts, checksum) VALUES (?, ?, ?, ?, ?)"
        number = connection.execute(query, (version, *parts, _checksum(*parts))).lastrowid or 0
        packed = _packed(part.descriptors)
        query = "INSERT INTO descriptors (block, bytes, checksum) VALUES (?, ?, ?)"
        connection.execute(query, (number, packed, crc32(packed)))
        placed += [(number, slot) for slot in range(len(part.facts))]
    return placed


def read(store: Store, numbers: Sequence[int]) -> Iterator[tuple[int, Block]]:
    """The blocks of these numbers, in ascending order; one that is gone is left out. IndexDamaged when one differs."""
    query = (
        f"SELECT b.id, {STORED}, b.checksum, coalesce(CAST(d.bytes AS BLOB), x''), d.checksum FROM block b "
        "CROSS JOIN descriptors d ON d.block = b.id WHERE b.id IN ({}) ORDER BY b.id"
    )
    for start in range(0, len(numbers), AT_ONCE):
        part = numbers[start : start + AT_ONCE]
        with store.reading() as connection:
            rows = connection.execute(query.format(",".join("?" * len(part))), part).fetchall()
        for number, bits, facts, texts, checksum, descriptors, other in rows:
            if _checksum(bits, facts, texts) != checksum or crc32(descriptors) != other:
                raise store.damaged(DIFFERS)
            yield number, _block(bits, facts, texts, descriptors)


def bits_of(
    store: Store, connection: sqlite3.Connection, version: int, after: int, most: int = -1
) -> Iterator[tuple[int, int, bytes]]:
    """Number, images and bits of the blocks of a version with a number above `after`, at most so many of them.

    IndexDamaged when one differs.
    """
    query = f"SELECT id, {STORED}, b.checksum FROM block b WHERE +version = ? AND id > ? ORDER BY id LIMIT ?"
    for number, bits, facts, texts, checksum in connection.execute(query, (version, after, most)):
        if _checksum(bits, facts, texts) != checksum:
            raise store.damaged(DIFFERS)
        yield number, len(facts) // FACTS.itemsize, bits


def _checksum(bits: bytes, facts: bytes, texts: str) -> int:
    return crc32(texts.encode(), crc32(facts, crc32(bits)))


def _block(bits: bytes, facts: bytes, texts: str, descriptors: bytes) -> Block:
    records = np.frombuffer(facts, FACTS)
    told = np.empty(len(records), object)
    told[:] = [NO_TEXT] * len(records)
    for slot, text in json.loads(texts or "{}").items():
        told[int(slot)] = tuple(text)
    return Block(
        records, np.frombuffer(bits, np.uint8).reshape(len(records), -1), _unpacked(descriptors, len(records)), told
    )


def forget(store: Store, connection: sqlite3.Connection, gone: Mapping[int, Set[bytes]]) -> None:
    """Write blocks anew without these contents: number of the block → contents."""
    versions = dict(connection.execute("SELECT id, version FROM block"))
    numbers = sorted(gone, key=lambda number: (versions[number], number))
    for version, members in groupby(numbers, key=versions.__getitem__):
        batch = list(members)
        for start in range(0, len(batch), AT_ONCE):
            old = batch[start : start + AT_ONCE]
            left = joined(
                [
                    block.take(np.array([bytes(content) not in gone[number] for content in block.facts["content"]]))
                    for number, block in read(store, old)
                ]
            )
            connection.executemany("DELETE FROM block WHERE id = ?", [(number,) for number in old])
            contents = map(bytes, left.facts["content"])
            moved = [(*at, content) for at, content in zip(add(connection, version, left), contents, strict=True)]
            query = f"UPDATE image SET block = ?, slot = ? WHERE version = {version} AND content = ?"
            connection.executemany(query, moved)
            query = "UPDATE file SET block = ?, slot = ? WHERE content = ? AND block NOT IN (SELECT id FROM block)"
            connection.executemany(query, moved)


def joined(blocks: Sequence[Block]) -> Block:
    """Blocks of one version as one."""
    width = max(block.descriptors.shape[1] for block in blocks)
    wide = [np.pad(block.descriptors, ((0, 0), (0, width - block.descriptors.shape[1]))) for block in blocks]
    facts, bits, texts = (np.concatenate([block[part] for block in blocks]) for part in (0, 1, 3))
    return Block(facts, bits, np.concatenate(wide), texts)


def _packed(descriptors: Bytes) -> bytes:
    """Lengths as uint16[n], then each descriptor without the zeros at its end, but for the last STEP bytes."""
    width = descriptors.shape[1]
    filled = np.where(descriptors != 0, np.arange(1, width + 1, dtype=np.uint16), np.uint16(0))
    lengths = np.minimum(-(-filled.max(axis=1, initial=0).astype(np.int64) // STEP) * STEP, width).astype("<u2")
    kept = np.arange(width) < lengths[:, None]
    return bytes(lengths) + bytes(descriptors[kept])


def _unpacked(packed: bytes, n: int) -> Bytes:
    """uint8[n, longest]"""
    lengths = np.frombuffer(packed, "<u2", n)
    data = np.frombuffer(packed, np.uint8, offset=2 * n)
    width = int(lengths.max(initial=0))
    if (lengths == width).all():
        return data.reshape(n, width)
    out = np.zeros((n, width), np.uint8)
    ends = np.cumsum(lengths, dtype=np.int64).tolist()
    for row, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
        out[row, : end - start] = data[start:end]
    return out
