"""Scan parts → blocks of what the later stages need of every row, and the classes of identical images.

Blocks are runs of rows of one size, whatever the shards were: the join then knows only blocks.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt

from oneofeach.engines.ray.parts import (
    WIDE_GROUP,
    Counts,
    array_of,
    concatenated,
    encoded,
    read,
    read_range,
    sliced,
    spans,
)
from oneofeach.engines.ray.settings import SUFFIX, Settings, scan_part
from oneofeach.plugins import extra
from oneofeach.tables import Bytes, Rows

COLUMNS = ("key", "bits", "digest", "error")
BUCKET_ROWS = 50_000_000  # rows whose digests are sorted by one task
SAMPLED, SAMPLED_SHARE = 8192, 1024  # own rows, and one row in so many where that is more


def keys_part(block: int) -> str:
    return f"keys/{block:05}{SUFFIX}"


def sample_part(block: int) -> str:
    return f"sample/{block:05}{SUFFIX}"


def identical_part(bucket: int) -> str:
    return f"identical/{bucket:05}{SUFFIX}"


def buckets(settings: Settings) -> int:
    return -(-settings.rows // BUCKET_ROWS)


def sampled_one_in(settings: Settings) -> int:
    """One own row in so many is in the sample."""
    return min(max(1, settings.own // SAMPLED), SAMPLED_SHARE)


def gather_keys(settings: Settings, block: int) -> Counts:
    """Bits, digests, names and errors of one block's rows; and in another part those of a sample of them."""
    store, began = settings.store, time.process_time()
    low, high = settings.block(block)
    pyarrow, compute = extra("pyarrow", "ray"), extra("pyarrow.compute", "ray")
    spanned = spans(settings.offsets(), low, high)
    table = pyarrow.concat_tables(
        sliced(store, scan_part(shard), start, stop, *COLUMNS) for shard, start, stop in spanned
    )
    columns = {name: table[name] for name in COLUMNS}  # as they are: names and errors need not become Python's
    columns["readable"] = compute.equal(compute.binary_length(table["error"]), 0)
    sample = {name: columns[name].take(_sampled(settings, columns, low)) for name in ("bits", "digest")}
    store.write(sample_part(block), encoded(sample, {}))
    counts: Counts = {"rows": high - low, "seconds": time.process_time() - began}
    store.write(keys_part(block), encoded(columns, counts, WIDE_GROUP))
    return counts


def _sampled(settings: Settings, columns: dict[str, Any], low: int) -> Rows:
    """Positions of the sampled rows in a block from row `low` on: of copies, all or none."""
    words = np.ascontiguousarray(array_of(columns["digest"])).view(np.uint64)[:, 1]
    chosen = array_of(columns["readable"]) & (words % np.uint64(sampled_one_in(settings)) == 0)
    chosen[max(settings.own - low, 0) :] = False
    return np.flatnonzero(chosen)


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
    """The positions of words that are there more than once."""
    order = np.argsort(words)
    ahead = words[order[1:]] == words[order[:-1]]
    return order[np.append(ahead, False) | np.append(False, ahead)] if len(words) else order


def _share(settings: Settings, block: int, bucket: int) -> list[Any]:
    """Rows and digests of a block that belong to a bucket."""
    digests, readable = read(settings.store, keys_part(block), "digest", "readable")
    words = np.ascontiguousarray(digests).view(np.uint64)
    mine = np.flatnonzero(readable & (words[:, 0] % buckets(settings) == bucket))
    return [mine + settings.block(block)[0], words[mine]]


def same_in(settings: Settings, low: int, high: int) -> Rows:
    """int64[high - low]: the first row that is identical to each of the rows low..high."""
    same = np.arange(low, high)
    for bucket in range(buckets(settings)):
        row, first = read_range(settings.store, identical_part(bucket), "row", low, high, "row", "first")
        same[row - low] = first
    return same


def heads_of(settings: Settings, block: int) -> tuple[Rows, Bytes]:
    """The rows of a block that are compared: readable, and the first of their class; and their bits."""
    low, high = settings.block(block)
    bits, readable = read(settings.store, keys_part(block), "bits", "readable")
    heads = np.flatnonzero(readable & (same_in(settings, low, high) == np.arange(low, high)))
    return heads + low, bits[heads]
