"""Scan parts → blocks of what the later stages need of every row, and its search keys, sorted.

Blocks are runs of rows of one size, whatever the shards were: the join then knows only blocks.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from oneofeach.engines.ray.parts import WIDE_GROUP, Counts, array_of, encoded, sliced, spans
from oneofeach.engines.ray.settings import SUFFIX, Settings, scan_part
from oneofeach.kernels.bands import words_of
from oneofeach.plugins import Fingerprint, extra
from oneofeach.tables import Bytes, Mask, Rows

COLUMNS = ("key", "bits", "digest", "error")
SAMPLED, SAMPLED_SHARE = 8192, 1024  # own rows, and one row in so many where that is more


def keys_part(block: int) -> str:
    return f"keys/{block:05}{SUFFIX}"


def facts_part(block: int) -> str:
    return f"facts/{block:05}{SUFFIX}"


def sample_part(block: int) -> str:
    return f"sample/{block:05}{SUFFIX}"


def search_part(block: int) -> str:
    return f"search/{block:05}{SUFFIX}"


def sampled_one_in(settings: Settings) -> int:
    """One own row in so many is in the sample."""
    return min(max(1, settings.own // SAMPLED), SAMPLED_SHARE)


def gather_keys(settings: Settings, block: int) -> Counts:
    """Bits, digests, names and errors of one block's rows; in parts of their own a sample of them, and search keys."""
    store, began = settings.store, time.process_time()
    low, high = settings.block(block)
    compute, table = extra("pyarrow.compute", "ray"), _scanned(settings, low, high, *COLUMNS)
    columns = {name: table[name] for name in ("key", "error")}  # as they are: they need not become Python's
    columns |= {name: array_of(table[name]) for name in ("bits", "digest")}
    columns["readable"] = array_of(compute.equal(compute.binary_length(table["error"]), 0))
    sampled = _sampled(settings, columns["digest"], columns["readable"], low)
    store.write(sample_part(block), encoded({name: columns[name][sampled] for name in ("bits", "digest")}, {}))
    _write_search(settings, block, columns["bits"], columns["readable"])
    counts: Counts = {"rows": high - low, "seconds": time.process_time() - began}
    store.write(keys_part(block), encoded(columns, counts, WIDE_GROUP))
    return counts


def gather_facts(settings: Settings, block: int) -> Counts:
    """The facts of one block's rows: an export explains by them who stays."""
    began, (low, high) = time.process_time(), settings.block(block)
    counts: Counts = {"rows": high - low}
    facts = _scanned(settings, low, high, "facts")["facts"]
    counts["seconds"] = time.process_time() - began
    settings.store.write(facts_part(block), encoded({"facts": facts}, counts, WIDE_GROUP))
    return counts


def _scanned(settings: Settings, low: int, high: int, *columns: str) -> Any:
    """Columns of the rows low..high as an Arrow table."""
    spanned = spans(settings.offsets(), low, high)
    return extra("pyarrow", "ray").concat_tables(
        sliced(settings.store, scan_part(shard), start, stop, *columns) for shard, start, stop in spanned
    )


def _sampled(settings: Settings, digests: Bytes, readable: Mask, low: int) -> Rows:
    """Positions of the sampled rows in a block from row `low` on: of copies, all or none."""
    words = np.ascontiguousarray(digests).view(np.uint64)[:, 1]
    chosen = readable & (words % np.uint64(sampled_one_in(settings)) == 0)
    chosen[max(settings.own - low, 0) :] = False
    return np.flatnonzero(chosen)


def _write_search(settings: Settings, block: int, bits: Bytes, readable: Mask) -> None:
    """The search keys of the rows that can be read, and where in the block these are: a join asks for no more."""
    rows = np.flatnonzero(readable)
    of, keys = sorted_keys(settings.method, bits if len(rows) == len(bits) else bits[rows])
    columns = {"of": rows[of].astype(np.uint32), "search": keys}
    settings.store.write(search_part(block), encoded(columns, {}, WIDE_GROUP))


def sorted_keys(method: Fingerprint, bits: Bytes) -> tuple[Rows, Bytes]:
    """int64[k] rows and uint8[k, bytes] search keys, equal keys side by side."""
    of, keys = method.keys(bits)
    words = words_of(keys)
    by_key = np.argsort(words[:, 0]) if words.shape[1] == 1 else np.lexsort(words.T)
    return of[by_key], np.take(keys, by_key, axis=0)  # ten times as fast as by brackets
