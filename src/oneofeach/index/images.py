"""Items and contents in, what is known of them out; descriptions in, stored in one transaction per batch."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType

import numpy as np
import numpy.typing as npt

from oneofeach.errors import OneOfEachError
from oneofeach.index.blocks import Block, add, read
from oneofeach.index.files import AT_ONCE, PLACED, WHERE_IT_IS, remember, unchanged
from oneofeach.index.packs import pack
from oneofeach.index.store import IndexRenewed, Store
from oneofeach.tables import FACTS, Bytes, Catalog, Description, Item, Rows

BATCH = 512  # images per transaction: what a killed run has to do again
RECENT = 8  # blocks
IMAGES = f"SELECT {WHERE_IT_IS} FROM image WHERE version = ? AND content IN ({{}})"


@dataclass(frozen=True)
class Known:
    """Items that need not be read: k positions, FACTS[k], uint8[k, bits/8], uint8[k, bytes]; text by position.

    Descriptors may be narrower than the method's: what is missing is zero.
    """

    rows: Rows | slice
    facts: npt.NDArray[np.void]
    bits: Bytes
    descriptors: Bytes
    notes: dict[int, str]
    errors: dict[int, str]


class Images:
    """The descriptions of one version in a store.

    version: of fingerprint and decoder; width: bytes of its descriptors. tools: which decoders are there; an error is
    only known for the same ones.
    """

    def __init__(self, store: Store, version: str, width: int, tools: str = "") -> None:
        self.store, self.width = store, width
        self._recent = lru_cache(maxsize=RECENT)(self._block)
        self._generation = store.generation
        with store.changing("version") as connection:
            known = {name: number for number, name, _ in store.sealed(connection, "version")}
            self.readable = _version(connection, known, version)
            self.unreadable = _version(connection, known, f"{version} unreadable with {tools}")

    def known(self, items: Sequence[Item]) -> Iterator[Known]:
        """The items whose hints say that they have not changed since they were stored, in parts."""
        placed = unchanged(self.store, items)
        with self.store.reading() as connection:
            query = "SELECT id FROM block WHERE version IN (?, ?)"
            own = [number for (number,) in connection.execute(query, (self.readable, self.unreadable))]
        here = np.isin(placed["block"], own)
        placed = np.concatenate([placed[here], self._located(placed[~here])])
        placed = placed[np.argsort(placed["block"], kind="stable")]
        blocks, starts = np.unique(placed["block"], return_index=True)
        by_block = dict(zip(blocks.tolist(), np.split(placed, starts[1:]), strict=False))
        for number, block in read(self.store, list(by_block)):
            part = by_block[number]
            found = self._found(block, part["slot"], part["content"].tobytes())
            texts = [(row, text) for row, text in zip(part["row"].tolist(), found.texts, strict=True) if any(text)]
            notes, errors = ({row: text[side] for row, text in texts if text[side]} for side in (0, 1))
            facts = found.facts.copy()
            facts["mtime_ns"] = part["mtime_ns"]  # of this file; another one may have been stored first
            yield Known(_span(part["row"]), facts, found.bits, found.descriptors, notes, errors)

    def _found(self, block: Block, slots: Rows, contents: bytes) -> Block:
        """The rows of a block at these slots. IndexDamaged when other contents are there."""
        if ((slots >= 0) & (slots < len(block.facts))).all():
            found = block.take(_span(slots))
            if found.facts["content"].tobytes() == contents:
                return found
        raise self.store.damaged("images are not where they were stored")

    def _located(self, placed: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
        """The same for images that another fingerprint was used for last, of those that have one of this version."""
        at = self._at([bytes(content).ljust(32, b"\0") for content in placed["content"]])
        found = [
            (row, mtime_ns, content, *at[key])
            for row, mtime_ns, content, *_ in placed.tolist()
            if (key := content.ljust(32, b"\0")) in at
        ]
        return np.array(found, PLACED)

    def _at(self, contents: Sequence[bytes]) -> dict[bytes, tuple[int, int]]:
        """Block and slot of the contents that are stored; a readable image goes before a failure."""
        self._check()
        at: dict[bytes, tuple[int, int]] = {}
        for version in (self.unreadable, self.readable):
            for start in range(0, len(contents), AT_ONCE):
                part = contents[start : start + AT_ONCE]
                query = IMAGES.format(",".join("?" * len(part)))
                with self.store.reading() as connection:
                    rows = connection.execute(query, (version, *part)).fetchall()
                at.update({content: (block, slot) for content, block, slot in rows})
        return at

    def find(self, content: bytes) -> Description | None:
        """What is known of a content (its SHA-256)."""
        number, slot = self._at([content]).get(content, (0, 0))
        block = self._recent(number) if number else None
        if block is None:
            return None
        found = self._found(block, np.array([slot]), content)
        descriptor = np.zeros(self.width, np.uint8)
        descriptor[: found.descriptors.shape[1]] = found.descriptors[0]
        return Description(found.facts[0], found.bits[0], descriptor, *found.texts[0])

    def _block(self, number: int) -> Block | None:
        return next((block for _, block in read(self.store, [number])), None)

    def add(self, described: Iterable[tuple[Item, Description]]) -> None:
        """Store descriptions and the places of their items; images without content never were files."""
        rows = [(item, found) for item, found in described if found.facts["content"].any()]
        read_at = time.time_ns()
        self._check()
        with self.store.changing("version") as connection:
            at: dict[bytes, tuple[int, int]] = {}
            for version, failed in ((self.readable, False), (self.unreadable, True)):
                at |= self._insert(connection, version, [found for _, found in rows if bool(found.error) == failed])
            pack(self.store, connection, self.readable)
            contents = (bytes(found.facts["content"]) for _, found in rows)
            found = ((item, content, at[content]) for (item, _), content in zip(rows, contents, strict=True))
            remember(connection, found, read_at)

    def _check(self) -> None:
        """IndexRenewed when the index was begun anew since: the numbers of versions are others there."""
        if self.store.generation != self._generation:
            raise IndexRenewed(self.store.rebuilt)

    def add_all(self, catalog: Catalog) -> None:
        """Store all images of a catalog."""
        with self.writer() as writer:
            for row, item in enumerate(catalog.items):
                arrays = catalog.facts[row], catalog.bits[row], catalog.descriptors[row]
                writer.put([item], [Description(*arrays, catalog.notes.get(row, ""), catalog.errors.get(row, ""))])

    def writer(self) -> Writer:
        """For descriptions as they come: `with images.writer() as writer: writer.put(items, descriptions)`."""
        return Writer(self)

    def _insert(
        self, connection: sqlite3.Connection, version: int, described: Sequence[Description]
    ) -> dict[bytes, tuple[int, int]]:
        """Store those that are new, each once; where all of them are now."""
        by_content = {bytes(found.facts["content"]): found for found in described}
        at: dict[bytes, tuple[int, int]] = {}
        for start in range(0, len(by_content), AT_ONCE):
            part = list(by_content)[start : start + AT_ONCE]
            stored = connection.execute(IMAGES.format(",".join("?" * len(part))), (version, *part))
            at |= {content: (block, slot) for content, block, slot in stored}
            new = [content for content in part if content not in at]
            if new:
                placed = dict(zip(new, add(connection, version, _block_of([by_content[c] for c in new])), strict=True))
                query = "INSERT INTO image (version, content, block, slot) VALUES (?, ?, ?, ?)"
                connection.executemany(query, [(version, content, *where) for content, where in placed.items()])
                connection.execute("UPDATE version SET images = images + ? WHERE id = ?", (len(new), version))
                at |= placed
        return at


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


def _version(connection: sqlite3.Connection, known: Mapping[str, int], name: str) -> int:
    found = known.get(name) or connection.execute("INSERT INTO version (name) VALUES (?)", (name,)).lastrowid
    return int(found or 0)


def _block_of(described: Sequence[Description]) -> Block:
    texts = np.empty(len(described), object)
    texts[:] = [(found.note, found.error) for found in described]
    bits, descriptors = (np.stack([getattr(found, name) for found in described]) for name in ("bits", "descriptor"))
    return Block(np.array([found.facts for found in described], FACTS), bits, descriptors, texts)


def _span(rows: Rows) -> Rows | slice:
    """The same rows as a slice where they follow each other: slices are copied at the speed of memory."""
    if len(rows) and (np.diff(rows) == 1).all():
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows
