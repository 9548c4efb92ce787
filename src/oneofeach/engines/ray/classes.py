"""Classes of identical images with the order of each of their rows: the most preferred one stands for the class."""

from __future__ import annotations

import time

import numpy as np

from oneofeach.engines.ray.identical import buckets, identical_part
from oneofeach.engines.ray.order import Orders, order_part, orders_from
from oneofeach.engines.ray.parts import WIDE_GROUP, Counts, concatenated, encoded, read, read_range, read_rows
from oneofeach.engines.ray.settings import SUFFIX, Settings
from oneofeach.tables import Mask, Rows


def classes_part(folder: str, bucket: int) -> str:
    return f"{folder}/classes/{bucket:05}{SUFFIX}"


def gather_classes(settings: Settings, folder: str, bucket: int) -> Counts:
    """Rows of classes of identical images with their first row and their order, sorted by first row, then order."""
    store, began = settings.store, time.process_time()
    row, first = read(store, identical_part(bucket), "row", "first")
    orders = orders_of(settings, folder, row)
    by = np.lexsort((*orders.T[::-1], first))
    counts: Counts = {"rows": len(row), "seconds": time.process_time() - began}
    columns = {"first": first[by], "order": orders[by]}
    store.write(classes_part(folder, bucket), encoded(columns, counts, WIDE_GROUP))
    return counts


def members_in(settings: Settings, folder: str, low: int, high: int) -> tuple[Rows, Orders]:
    """Classes of identical images whose first row is low..high: first row and order of each of their rows."""
    batches = [
        read_range(settings.store, classes_part(folder, bucket), "first", low, high, "first", "order")
        for bucket in range(buckets(settings))
    ]
    first, orders = concatenated(batches, [])
    orders = orders_from(orders)
    by = np.lexsort((*orders.T[::-1], first))
    return first[by], orders[by]


def leaders_of(settings: Settings, folder: str, heads: Rows) -> Orders:
    """The order of the most preferred row of each class, given by its first row; ascending."""
    orders = orders_of(settings, folder, heads)
    for block in np.unique(heads // settings.in_block).tolist():
        first, members = members_in(settings, folder, *settings.block(block))
        leads = first_of_each(first)
        shared = np.isin(first[leads], heads, assume_unique=True)
        orders[np.searchsorted(heads, first[leads][shared])] = members[leads][shared]
    return orders


def orders_of(settings: Settings, folder: str, rows: Rows) -> Orders:
    """The orders of some rows, ascending."""
    batches = []
    for block in np.unique(rows // settings.in_block).tolist() or [0]:
        low, high = settings.block(block)
        here = rows[slice(*np.searchsorted(rows, [low, high]))] - low
        batches.append(read_rows(settings.store, order_part(folder, block), here, "order"))
    return orders_from(concatenated(batches, [])[0])


def first_of_each(sorted_values: Rows) -> Mask:
    return np.concatenate([[True], sorted_values[1:] != sorted_values[:-1]])[: len(sorted_values)]
