"""Edges that are left, and a crowd → which classes fall, and the edges of the crowd by which they do.

The local walk over dense rows does it: a row that stays is measured with the rows near it that may go for it. The
machine that asks keeps their descriptors in a temporary file, 2.3 KB each.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from oneofeach.crowd import Crowd
from oneofeach.engines.ray.bitmap import Bitmap
from oneofeach.engines.ray.classes import first_of_each
from oneofeach.engines.ray.crowd import crowd_of, crowd_orders_part
from oneofeach.engines.ray.order import Orders, orders_from, sorted_by
from oneofeach.engines.ray.parts import WIDE_GROUP, Counts, concatenated, encoded, read
from oneofeach.engines.ray.settings import SUFFIX, Settings
from oneofeach.stages.grouping import keeper_first
from oneofeach.tables import EVIDENCE, FACTS, Catalog, Floats, Item, Mask, Pairs, Rows


@dataclass(frozen=True)
class Rest:
    """Edges between classes, each named by its first row, with the orders of their most preferred rows."""

    i: Rows
    j: Rows
    order_i: Orders
    order_j: Orders

    def leaders(self) -> tuple[Rows, Orders]:
        """All these classes, ascending, and the order of each."""
        heads, place = np.unique(np.concatenate([self.i, self.j]), return_inverse=True)
        orders = np.zeros((len(heads), self.order_i.shape[1]), np.uint64)
        orders[place] = np.concatenate([self.order_i, self.order_j])
        return heads, orders


@dataclass
class Asking:
    """Stands for `tables.Unlisted` in a table that has the classes of a crowd at `places`; remembers what it finds.

    best: float64[classes], the highest similarity found for each so far: what is less decides nothing.
    found: of the crowd, whom an edge lets fall; i, j, similarity and evidence of the edge.
    """

    crowd: Crowd
    threshold: float
    places: Rows
    dense: Mask
    best: Floats
    found: list[list[Any]]

    def around(self, row: int) -> Rows:
        return self.places[self.crowd.around(int(np.searchsorted(self.places, row)))]

    def similarity(self, row: int, others: Rows) -> Floats:
        keeper, goers = np.searchsorted(self.places, row), np.searchsorted(self.places, others)
        pairs = self.crowd.pairs(np.full(len(goers), keeper), goers)
        better = np.flatnonzero((pairs.similarity >= self.threshold) & (pairs.similarity > self.best[goers]))
        self.best[goers[better]] = pairs.similarity[better]
        edges = (pairs.i, pairs.j, pairs.similarity, pairs.evidence)
        self.found.append([goers[better], *(values[better] for values in edges)])
        return pairs.similarity


def fallen_in_crowd(
    settings: Settings, folder: str, parts: Mapping[str, Counts], rest: Rest, fallen: Bitmap, threshold: float
) -> Rows:
    """The first rows of classes that fall, of the crowd and of others; writes `asked_part` of every block.

    parts: of the crowd. rest: the edges that are left. fallen: the classes of which that is known.
    """
    names = [crowd_orders_part(folder, block) for block in settings.own_blocks]
    first, orders = concatenated([read(settings.store, name, "first", "order") for name in names], [])
    table = _Table(first, orders_from(orders), rest)
    with _crowd(settings, parts) as (heads, crowd):
        asking = Asking(crowd, threshold, table.places, table.dense, np.zeros(len(heads)), [])
        known = table.places[fallen[heads]]
        i = np.concatenate([table.at(rest.i), np.full(len(known), table.root)])
        j = np.concatenate([table.at(rest.j), known])
        pairs = Pairs(threshold, i, j, np.ones(len(i)), np.zeros(len(i), EVIDENCE), table.same, unlisted=asking)
        groups = keeper_first(table.order, pairs, np.ones(table.root + 1, bool), threshold)
    _write(settings, folder, heads, table.orders[table.places], asking.found)
    return np.asarray(table.names[groups.removed[table.at(table.names)]])


class _Table:
    """All rows of the classes of a crowd, then one for each other class, then one that lets known classes fall.

    names: the first rows of these classes, ascending. places: int64[classes of the crowd], where each begins.
    same: the place of each row's class. order: all rows by preference; the last one, `root`, comes first.
    """

    def __init__(self, first: Rows, members: Orders, rest: Rest) -> None:
        new = first_of_each(first)
        self.places = np.flatnonzero(new)
        others, leaders = rest.leaders()
        apart = ~np.isin(others, first)
        self.orders = np.concatenate([members, leaders[apart].reshape(-1, members.shape[1])])
        self.root = len(self.orders)
        self.same = np.concatenate([self.places[np.cumsum(new) - 1], np.arange(len(first), self.root + 1)])
        self.order = np.concatenate([[self.root], sorted_by(self.orders)])
        self.dense = np.zeros(self.root + 1, bool)
        self.dense[self.places] = True
        names = np.concatenate([first[new], others[apart]])
        by_name = np.argsort(names)
        self.names, self._at = names[by_name], np.append(self.places, np.arange(len(first), self.root))[by_name]

    def at(self, names: Rows) -> Rows:
        """Where these classes begin."""
        return np.asarray(self._at[np.searchsorted(self.names, names)])


def asked_part(folder: str, block: int) -> str:
    return f"{folder}/asked/{block:05}{SUFFIX}"


def _write(settings: Settings, folder: str, heads: Rows, leaders: Orders, found: Sequence[list[Any]]) -> None:
    """The edges as `gather_edges` writes others, those of a block together whose rows fall."""
    nothing: list[Any] = [np.zeros(0, np.int64)] * 3 + [np.zeros(0), np.zeros(0, EVIDENCE)]
    goes, i, j, similarity, evidence = concatenated([nothing, *found], [])
    columns = {
        "i": heads[i],
        "j": heads[j],
        "similarity": similarity,
        "evidence": evidence,
        "order_i": leaders[i],
        "order_j": leaders[j],
    }
    for block in settings.own_blocks:
        mine = heads[goes] // settings.in_block == block
        part = {name: values[mine] for name, values in columns.items()}
        settings.store.write(asked_part(folder, block), encoded(part, {"rows": int(mine.sum())}, WIDE_GROUP))


@contextmanager
def _crowd(settings: Settings, parts: Mapping[str, Counts]) -> Iterator[tuple[Rows, Crowd]]:
    """The rows of the crowd, ascending, and what measures them, by their places among them."""
    size, width, heads = int(sum(counts["rows"] for counts in parts.values())), settings.method.descriptor_bytes, []
    with tempfile.TemporaryFile(prefix="oneofeach-") as file:
        for name in parts:
            row, bits, descriptors = read(settings.store, name, "row", "bits", "descriptor")
            heads.append([row, bits])
            file.write(descriptors)
        file.flush()
        row, bits = concatenated(heads, [])
        descriptors = np.memmap(file, np.uint8, "r", shape=(size, width)) if width else np.zeros((size, 0), np.uint8)
        catalog = Catalog(settings.fingerprint, [Item("", None)] * size, np.zeros(0, FACTS), bits, descriptors)
        crowd = crowd_of(settings, catalog, np.arange(size))
        yield row, crowd
