"""Shards → one part each: key, facts, fingerprint, descriptor, error. The only stage that opens images.

A decoder can take its whole process down. A shard that did so three times is cut in halves until the image is alone;
that image becomes a skipped row. Attempts are counted in files, so that a restarted job goes on counting.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import numpy as np

from oneofeach.describe import describe_chunk, failed
from oneofeach.engines.ray.parts import Counts, concatenated, counts_of, encoded, read
from oneofeach.engines.ray.settings import SUFFIX, Settings, scan_part
from oneofeach.engines.ray.shards import Shard
from oneofeach.engines.ray.watch import Watch, is_remote
from oneofeach.engines.threads import run
from oneofeach.plugins import Fingerprint
from oneofeach.seen import Seen
from oneofeach.tables import FACTS, Description, Item

CRASHES = 3  # of a shard before it is cut, and of a single image before it is skipped
TRIES = 5  # of a shard whose storage failed, before its unread images are skipped
CHUNK = 16
CONNECTIONS = 8  # reads of remote images at the same time: they wait for the network, not for the core
POISON = f"its decoder crashed {CRASHES} times"
COLUMNS = ("key", "facts", "bits", "descriptor", "digest", "error", "note")


@dataclass(frozen=True)
class Piece:
    """Rows start..stop of a shard; stop -1: to its end."""

    number: int
    shard: Shard
    start: int = 0
    stop: int = -1

    @property
    def name(self) -> str:
        return f"{self.number:08}" if self.stop < 0 else f"{self.number:08}-{self.start}-{self.stop}"

    @property
    def part(self) -> str:
        return scan_part(self.number) if self.stop < 0 else f"pieces/{self.name}{SUFFIX}"

    @property
    def attempts(self) -> str:
        return f"attempts/{self.name}"

    def halves(self) -> tuple[Piece, Piece]:
        middle = (self.start + self.stop + 1) // 2
        return replace(self, stop=middle), replace(self, start=middle)


def scan(settings: Settings, piece: Piece) -> Counts:
    """Describe the images of a piece and write its part. OSError when the storage of the images is out of reach."""
    done = counts_of(settings.store, piece.part)
    if done:
        return done
    attempts = int(settings.store.read_json(piece.attempts) or 0) + 1
    settings.store.write_json(piece.attempts, attempts)
    began = time.process_time()
    items = piece.shard.items(settings.store)
    items = items[piece.start : piece.stop if piece.stop >= 0 else len(items)]
    watch = Watch()
    seen, method = Seen(), settings.method
    chunks = ([watch.over(item) for item in items[at : at + CHUNK]] for at in range(0, len(items), CHUNK))
    threads = CONNECTIONS if any(is_remote(item) for item in items[:1]) else 1
    described = run(lambda chunk: describe_chunk(chunk, method=method, seen=seen), chunks, workers=threads)
    descriptions = [row for part in described for row in part]
    watch.check(items, descriptions, last=attempts >= TRIES)
    return _write(settings, piece, items, descriptions, time.process_time() - began)


def length(settings: Settings, piece: Piece) -> Counts:
    """How many rows a shard has: its images are named, not opened."""
    return {"rows": len(piece.shard.items(settings.store))}


def skip(settings: Settings, piece: Piece) -> Counts:
    """Write the part of a single image that must not be opened again."""
    items = piece.shard.items(settings.store)[piece.start : piece.stop]
    return _write(settings, piece, items, [failed(item, settings.method, POISON) for item in items], 0.0)


def skip_shard(settings: Settings, piece: Piece) -> Counts:
    """Write the part of a shard whose images cannot even be named: one row stands for it."""
    item = Item(f"{piece.shard.path}#", piece.shard.path, error=POISON)
    return _write(settings, piece, [item], [failed(item, settings.method, POISON)], 0.0)


def assemble(settings: Settings, whole: Piece, pieces: Sequence[Piece]) -> Counts:
    """Put the pieces of a shard together again, in their order."""
    batches = [read(settings.store, piece.part, *COLUMNS) for piece in pieces]
    counts = [counts_of(settings.store, piece.part) or {} for piece in pieces]
    columns = dict(zip(COLUMNS, concatenated(batches, []), strict=True))
    total = {name: sum(count[name] for count in counts) for name in counts[0]}
    settings.store.write(whole.part, encoded(columns, total))
    return total


def _write(
    settings: Settings, piece: Piece, items: Sequence[Item], rows: Sequence[Description], seconds: float
) -> Counts:
    columns = columns_of(settings.method, items, rows)
    errors = sum(bool(row.error) for row in rows)
    size = int(sum(row.facts["bytes"] for row in rows))
    counts: Counts = {"rows": len(rows), "skipped": errors, "bytes": size, "seconds": round(seconds, 3)}
    settings.store.write(piece.part, encoded(columns, counts))
    return counts


def columns_of(method: Fingerprint, items: Sequence[Item], rows: Sequence[Description]) -> dict[str, Any]:
    """COLUMNS of a part."""
    bits = np.array([row.bits for row in rows], np.uint8).reshape(len(rows), method.bits // 8)
    descriptors = np.array([row.descriptor for row in rows], np.uint8).reshape(len(rows), method.descriptor_bytes)
    digests = b"".join(blake2b(row.bits.tobytes() + row.descriptor.tobytes(), digest_size=16).digest() for row in rows)
    return {
        "key": [item.key for item in items],
        "facts": np.array([row.facts for row in rows], FACTS),
        "bits": bits,
        "descriptor": descriptors,
        "digest": np.frombuffer(digests, np.uint8).reshape(-1, 16),
        "error": [row.error for row in rows],
        "note": [row.note for row in rows],
    }
