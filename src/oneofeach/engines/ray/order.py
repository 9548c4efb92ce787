"""Keep rules → a record per row whose columns, compared from the left, put the preferred row first.

The record takes the place of the order of all rows, which no single machine holds: two rows, or a handful, can be
compared wherever they meet. Its last column is the row itself, so that no two records are equal.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from oneofeach.engines.ray.parts import WIDE_GROUP, Counts, concatenated, encoded, read_slice, spans
from oneofeach.engines.ray.settings import SUFFIX, Settings, scan_part
from oneofeach.engines.ray.shards import Shard
from oneofeach.stages.preference import parse, rank
from oneofeach.stages.sources.captions import captions_of
from oneofeach.tables import FACTS, Catalog, Floats, Item, Mask, Rows

Orders = npt.NDArray[np.uint64]
_SIGN = np.uint64(1 << 63)
BEFORE_RULES = 2  # columns


def order_part(folder: str, block: int) -> str:
    return f"{folder}/order/{block:05}{SUFFIX}"


def gather_orders(
    settings: Settings, folder: str, keep: str, links: Rows, shards: Mapping[int, Shard], block: int
) -> Counts:
    """The records of one block's rows.

    links: rows that are symbolic links to others' files. shards: by number, where captions must be read; else empty.
    """
    store, began = settings.store, time.process_time()
    low, high = settings.block(block)
    offsets, batches = settings.offsets(), []
    for shard, start, stop in spans(offsets, low, high):
        facts, names = read_slice(store, scan_part(shard), start, stop, "facts", "key")
        items = [Item(name, name) for name in names]
        captions = captions_of(shards[shard].items(store)[start:stop]) if shard in shards else {}
        nothing = np.zeros((len(items), 0), np.uint8)
        catalog = Catalog("", items, np.ascontiguousarray(facts).view(FACTS).reshape(-1), nothing, nothing)
        rows = np.arange(start, stop) + offsets[shard]
        batches.append([records(catalog, keep, captions, rows, rows < settings.own, np.isin(rows, links))])
    orders = concatenated(batches, [])[0]
    counts: Counts = {"rows": len(orders), "seconds": time.process_time() - began}
    store.write(order_part(folder, block), encoded({"order": orders}, counts, WIDE_GROUP))
    return counts


def records(catalog: Catalog, keep: str, captions: Mapping[int, str], rows: Rows, own: Mask, linked: Mask) -> Orders:
    """uint64[n, 3 + rules]: what is only compared with first, links last, then the rules, then the row."""
    rules = rank(catalog, keep, captions).rules
    columns = [own.astype(np.uint64), linked.astype(np.uint64)]
    for name, rule in zip(parse(keep), rules, strict=True):
        whole = {
            "first": rows,
            "last": -rows,
            "oldest": catalog.facts["mtime_ns"],
            "newest": -catalog.facts["mtime_ns"],
        }
        columns.append(_of_integers(whole[name]) if name in whole else _of_floats(rule.cost))
    return np.stack([*columns, rows.astype(np.uint64)], axis=1)


def before(a: Orders, b: Orders) -> npt.NDArray[np.bool_]:
    """bool[m]: is the row of each record of `a` preferred to that of `b`?"""
    first = np.argmax(a != b, axis=1)
    rows = np.arange(len(a))
    return np.asarray(a[rows, first] < b[rows, first])


def sorted_by(orders: Orders) -> Rows:
    """int64[n]: positions of the records, most preferred first."""
    return np.lexsort(orders.T[::-1]).astype(np.int64)


def orders_from(raw: npt.NDArray[np.uint8]) -> Orders:
    """The records as they were, from the bytes in a part."""
    return np.asarray(np.ascontiguousarray(raw).view(np.uint64).reshape(len(raw), raw.shape[1] // 8))


def row_of(orders: Orders) -> Rows:
    return orders[:, -1].astype(np.int64)


def cost_in(orders: Orders, rule: int) -> Floats:
    """float64[n]: what `_of_floats` has made of the cost of the rule at this place among the keep rules."""
    raw = orders[:, BEFORE_RULES + rule]
    return np.where(raw & _SIGN, raw ^ _SIGN, ~raw).view(np.float64)


def _of_integers(values: Rows) -> Orders:
    return np.asarray(values.astype(np.int64).view(np.uint64) ^ _SIGN)


def _of_floats(values: Floats) -> Orders:
    """Their bits, turned so that they compare as whole numbers; -0.0 is 0.0."""
    raw = np.ascontiguousarray(values + 0.0, np.float64).view(np.uint64)
    return np.asarray(np.where(raw & _SIGN, ~raw, raw | _SIGN))
