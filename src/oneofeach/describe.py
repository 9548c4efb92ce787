"""Items → descriptions: load, decode and fingerprint images in chunks, by way of an engine.

What the index knows is neither read nor decoded again. Whatever goes wrong with an image becomes its description's
error; equal bytes are decoded once.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from oneofeach.assembly import Assembly
from oneofeach.errors import UnreadableImage
from oneofeach.index.images import Images
from oneofeach.plugins import Engine, Fingerprint, Fused, Progress
from oneofeach.seen import Claim, Seen
from oneofeach.stages.decode import (
    Loaded,
    Room,
    decode,
    describe_arrays,
    describe_files,
    load,
    plain,
    small_array,
    weight,
)
from oneofeach.tables import FACTS, Description, Item, Rows

CHUNK = 16  # images per task: large enough that the cost of a task disappears
HELD = 4 << 20  # bytes of encoded files that wait to be described by one call, and that end a task

_ROOM = Room()  # decoded pixels of all runs of this process


@dataclass(frozen=True)
class Describing:
    """`describe_chunk`, for an engine to run."""

    method: Fingerprint
    seen: Seen

    def __call__(self, items: Sequence[Item]) -> list[Description]:
        return describe_chunk(items, method=self.method, seen=self.seen)

    def recalled(self, item: Item) -> Description | None:
        """What an earlier run knew of a file that has been moved here: it is read and never decoded.

        For engines whose workers cannot ask the index.
        """
        if not self.seen.asks or not isinstance(item.source, (str, os.PathLike)):
            return None
        try:
            found = self.seen.before(load(item.source).content)
        except UnreadableImage:
            return None
        return found and _dated(item, found)


def describe_all(
    assembly: Assembly,
    method: Fingerprint,
    run: Engine,
    workers: int,
    stored: Images | None = None,
    progress: Progress | None = None,
) -> None:
    """Fill the assembly: first from the index by hints, then by reading."""
    if stored:
        for known in stored.known(assembly.items):
            assembly.put_known(known.rows, known.facts, known.bits, known.descriptors, known.notes, known.errors)
    rows = assembly.missing
    done = len(assembly.items) - len(rows)
    if progress and done:
        progress("scan", done, len(assembly.items))
    describe = Describing(method, Seen(stored.find if stored else None))
    parts = _parts(assembly.items, rows)
    chunks = ([assembly.items[row] for row in rows[part].tolist()] for part in parts)
    described = run(describe, chunks, workers=workers)
    with stored.writer() if stored else nullcontext() as writer:
        for which, part in zip(parts, described, strict=True):
            chunk = rows[which].tolist()
            assembly.put(chunk, part)
            if writer:
                writer.put([assembly.items[row] for row in chunk], part)
            done += len(chunk)
            if progress:
                progress("scan", done, len(assembly.items))


def _parts(items: Sequence[Item], rows: Rows) -> list[slice]:
    """Which rows are one task: few large files, or the threads that are done would wait long for the last one."""
    ends, size = [0], 0
    for end, row in enumerate(rows, 1):
        size += items[row].size
        if end - ends[-1] == CHUNK or size >= HELD or end == len(rows):
            ends.append(end)
            size = 0
    return [slice(*part) for part in pairwise(ends)]


def describe_chunk(items: Sequence[Item], *, method: Fingerprint, seen: Seen) -> list[Description]:
    """One description per item, in the same order."""
    chunk = _Chunk(method, seen)
    try:
        known = chunk.arrays(items)
        described = [known.get(row) or chunk.take(item) for row, item in enumerate(items)]
        chunk.finish()
    except BaseException as error:
        seen.give_up(chunk.claims, error)
        raise
    return [
        _dated(item, seen.wait(found) if isinstance(found, Claim) else found)
        for item, found in zip(items, described, strict=True)
    ]


class _Chunk:
    """The files of a chunk that this thread has to describe; plain ones wait until they are worth a call."""

    def __init__(self, method: Fingerprint, seen: Seen) -> None:
        self.claims: list[Claim] = []
        self._method, self._seen = method, seen
        self._fused = method.spectrum if isinstance(method, Fused) else None
        self._waiting: list[tuple[Claim, Loaded]] = []
        self._bytes = 0

    def arrays(self, items: Sequence[Item]) -> dict[int, Description]:
        """The small images in memory among the items, described together; by their place."""
        if not self._fused:
            return {}
        small = {row: image for row, item in enumerate(items) if (image := _small(item)) is not None}
        described = describe_arrays(list(small.values()), self._fused)
        return {row: found for row, found in zip(small, described, strict=True) if found}

    def take(self, item: Item) -> Description | Claim:
        """The description of the item, or a claim that is settled once the chunk is finished, or by another thread."""
        if item.error:
            return failed(item, self._method, item.error)
        try:
            loaded = load(item.source)
        except (UnreadableImage, OSError) as error:
            return failed(item, self._method, _reason(error))
        if loaded.data is None:
            return _decode(loaded, self._method)
        claim, first = self._seen.claim(loaded.content)
        if first:
            self.claims.append(claim)
            self._describe(claim, loaded)
        return claim

    def _describe(self, claim: Claim, loaded: Loaded) -> None:
        if known := self._seen.before(loaded.content):
            self._seen.settle(claim, known)
        elif self._fused and plain(loaded):
            self._waiting.append((claim, loaded))
            self._bytes += loaded.size
            if self._bytes > HELD:
                self.finish()
        else:
            self._seen.settle(claim, _decode(loaded, self._method))

    def finish(self) -> None:
        """Describe what waits."""
        if not self._waiting or not self._fused:
            return
        claims, files = zip(*self._waiting, strict=True)
        with _ROOM.claim(max(weight(loaded, self._method.min_side) for loaded in files)):
            described = describe_files(files, self._method.min_side, self._fused)
        for claim, loaded, found in zip(claims, files, described, strict=True):
            self._seen.settle(claim, found or _decode(loaded, self._method))
        self._waiting, self._bytes = [], 0


def failed(item: Item, method: Fingerprint, error: str) -> Description:
    """The description of an image that could not be read."""
    return _dated(item, _described(_no_facts(), method, error=error))


def _small(item: Item) -> npt.NDArray[Any] | None:
    return None if item.error else small_array(item.source)


def _decode(loaded: Loaded, method: Fingerprint) -> Description:
    try:
        with _ROOM.claim(weight(loaded, method.min_side)):
            decoded = decode(loaded, min_side=method.min_side)
            bits, descriptors = method.describe([decoded.picture])
    except Exception as error:  # decoders raise whatever they like; one bad image must never end a run
        facts = _no_facts()
        facts["content"] = np.frombuffer(loaded.content, np.uint8)
        facts["bytes"] = loaded.size
        return _described(facts, method, error=_reason(error))
    return Description(decoded.facts, bits[0], descriptors[0], decoded.note)


def _no_facts() -> np.void:
    record: np.void = np.zeros(1, FACTS)[0]
    return record


def _described(facts: np.void, method: Fingerprint, error: str) -> Description:
    bits, descriptor = np.zeros(method.bits // 8, np.uint8), np.zeros(method.descriptor_bytes, np.uint8)
    return Description(facts, bits, descriptor, error=error)


def _dated(item: Item, found: Description) -> Description:
    if item.mtime_ns <= 0 and item.size < 0:
        return found
    facts = found.facts.copy()
    facts["mtime_ns"] = max(item.mtime_ns, 0)
    if item.size >= 0 and not facts["bytes"]:
        facts["bytes"] = item.size
    return Description(facts, found.bits, found.descriptor, found.note, found.error)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be opened: {error.strerror}"
    text = " ".join(str(error).split()) or type(error).__name__
    return text if isinstance(error, UnreadableImage) else f"cannot be decoded: {text}"
