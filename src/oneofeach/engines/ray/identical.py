"""Digests of all blocks → the classes of identical images, and which rows of a block stand for theirs."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt

from oneofeach.engines.ray.keys import keys_part
from oneofeach.engines.ray.parts import WIDE_GROUP, Counts, concatenated, encoded, read, read_range
from oneofeach.engines.ray.settings import SUFFIX, Settings
from oneofeach.tables import Bytes, Mask, Rows

BUCKET_ROWS = 50_000_000  # rows whose digests are sorted by one task


def identical_part(bucket: int) -> str:
    return f"identical/{bucket:05}{SUFFIX}"


def buckets(settings: Settings) -> int:
    return -(-settings.rows // BUCKET_ROWS)


def gather_identical(settings: Settings, bucket: int) -> Counts:
    """Rows of classes of two or more identical images, and the first row of each class; sorted by row.

    Images that are only compared with form classes of their own.
    A digest is 128 bits of a cryptographic hash over bits and descriptor: equal digests are equal images.
    """
    store, began = settings.store, time.process_time()
    batches = [_share(settings, block, bucket) for block in range(settings.blocks)]
    rows, digests = concatenated(batches, [np.zeros(0, np.int64), np.zeros((0, 2), np.uint64)])
    shared = _repeated(digests[:, 0])
    rows, digests = rows[shared], digests[shared]
    order = np.lexsort((rows, digests[:, 1], digests[:, 0]))
    rows, digests = rows[order], digests[order]
    other = (digests[1:] != digests[:-1]).any(axis=1) | (np.diff(rows >= settings.own) != 0)
    new = np.concatenate([[True], other])[: len(rows)]
    starts = np.flatnonzero(new)
    sizes = np.diff(np.append(starts, len(rows)))
    first, shared = np.repeat(rows[starts], sizes), np.repeat(sizes > 1, sizes)
    rows, first = rows[shared], first[shared]
    by_row = np.argsort(rows)
    counts: Counts = {"rows": len(rows), "seconds": time.process_time() - began}
    columns = {"row": rows[by_row], "first": first[by_row]}
    store.write(identical_part(bucket), encoded(columns, counts, WIDE_GROUP))
    return counts


def _repeated(words: npt.NDArray[np.uint64]) -> Rows:
    """The positions of words that are there more than once, and of a few that only begin like another one."""
    place = np.uint64((1 << len(words).bit_length()) - 1)
    placed = np.sort(words & ~place | np.arange(len(words), dtype=np.uint64))
    ahead = (placed[1:] ^ placed[:-1]) <= place
    alike = np.concatenate([ahead, [False]])[: len(words)] | np.concatenate([[False], ahead])[: len(words)]
    found: Rows = (placed[alike] & place).astype(np.int64)
    return found


def _share(settings: Settings, block: int, bucket: int) -> list[Any]:
    """Rows and digests of a block that belong to a bucket."""
    digests, readable = read(settings.store, keys_part(block), "digest", "readable")
    words = np.ascontiguousarray(digests).view(np.uint64)
    mine = np.flatnonzero(readable & (words[:, 0] % buckets(settings) == bucket))
    return [mine + settings.block(block)[0], np.take(words, mine, axis=0)]


def same_in(settings: Settings, low: int, high: int) -> Rows:
    """int64[high - low]: the first row that is identical to each of the rows low..high."""
    same = np.arange(low, high)
    for bucket in range(buckets(settings)):
        row, first = read_range(settings.store, identical_part(bucket), "row", low, high, "row", "first")
        same[row - low] = first
    return same


def heads_in(settings: Settings, block: int) -> Mask:
    """bool[rows of the block]: which are the first of their class. Those that cannot be read are too."""
    low, high = settings.block(block)
    heads: Mask = same_in(settings, low, high) == np.arange(low, high)
    return heads


def own_heads(settings: Settings, block: int) -> tuple[Rows, Bytes]:
    """The rows of a block of which there are pairs with each other: readable and the first of their class; their bits.

    Without images that are only compared with.
    """
    low = settings.block(block)[0]
    bits, readable = read(settings.store, keys_part(block), "bits", "readable")
    heads = np.flatnonzero(readable & heads_in(settings, block))
    heads = heads[heads + low < settings.own]
    return heads + low, bits[heads]
