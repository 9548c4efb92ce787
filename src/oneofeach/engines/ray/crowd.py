"""Rows with dense keys, whose pairs are not listed → what is needed to measure these pairs where they decide."""

from __future__ import annotations

import time

import numpy as np

from oneofeach.crowd import Crowd
from oneofeach.engines.ray.classes import members_in, orders_of
from oneofeach.engines.ray.density import dense_words
from oneofeach.engines.ray.identical import own_heads
from oneofeach.engines.ray.match import write_described
from oneofeach.engines.ray.parts import WIDE_GROUP, Counts, encoded, read
from oneofeach.engines.ray.settings import SUFFIX, Settings
from oneofeach.kernels.bands import Words, words_of
from oneofeach.plugins import Fingerprint
from oneofeach.stages.neighbors import Bounded
from oneofeach.tables import Bytes, Catalog, Rows


def crowd_part(settings: Settings, block: int) -> str:
    return f"{settings.folder}/crowd/{block:05}{SUFFIX}"


def crowd_orders_part(folder: str, block: int) -> str:
    return f"{folder}/crowd-orders/{block:05}{SUFFIX}"


def gather_crowd(settings: Settings, block: int) -> Counts:
    """The rows of a block that have dense keys, with their bits and descriptors."""
    began = time.process_time()
    rows, bits = own_heads(settings, block)
    rows = rows[np.unique(_dense(settings.method, bits, dense_words(settings))[0])]
    return write_described(settings, crowd_part(settings, block), rows, began)


def gather_crowd_orders(settings: Settings, folder: str, block: int) -> Counts:
    """Every row that is identical to one of these, with the first row of its class and its order, sorted by both."""
    store, began = settings.store, time.process_time()
    heads = read(store, crowd_part(settings, block), "row")[0]
    first, orders = members_in(settings, folder, *settings.block(block))
    mine, alone = np.isin(first, heads), np.setdiff1d(heads, first)
    first = np.concatenate([first[mine], alone])
    orders = np.concatenate([orders[mine], orders_of(settings, folder, alone)])
    by_first = np.argsort(first, kind="stable")
    counts: Counts = {"rows": len(first), "seconds": time.process_time() - began}
    columns = {"first": first[by_first], "order": orders[by_first]}
    store.write(crowd_orders_part(folder, block), encoded(columns, counts, WIDE_GROUP))
    return counts


def crowd_of(settings: Settings, catalog: Catalog, rows: Rows) -> Crowd:
    """What answers for the pairs among `rows` that are not listed."""
    method = settings.method
    of, keys = _dense(method, catalog.bits[rows], dense_words(settings))
    words, key = np.unique(words_of(keys), axis=0, return_inverse=True)
    key = key.reshape(-1)
    start = np.concatenate([[0], np.cumsum(np.bincount(key, minlength=len(words)))])
    members = rows[of][np.argsort(key, kind="stable")]
    crowded = np.zeros(len(catalog), bool)
    crowded[members] = True
    listed = np.zeros(0, np.int64)
    near = Bounded(listed, listed, crowded, method.radius(settings.floor), words, members, start, rows[of], key)
    return Crowd(catalog, method, settings.floor, (near,))


def _dense(method: Fingerprint, bits: Bytes, dense: Words) -> tuple[Rows, Bytes]:
    """The dense ones of all keys: int64[k], ascending, whose they are; uint8[k, bytes]."""
    of, keys = method.keys(bits)
    mine = np.flatnonzero(np.isin(words_of(keys)[:, 0], dense))
    mine = mine[np.argsort(of[mine], kind="stable")]
    return of[mine], keys[mine]
