"""Pairs parts → edges between the most preferred rows of their classes → removed rows with their keepers.

A block is settled by the local function, on the few rows that matter: those whose class falls, and the kept rows that
are like them. All kept neighbors of a row are there, so it goes where it would go among all rows.
"""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from oneofeach.engines.ray.asking import Rest
from oneofeach.engines.ray.bitmap import Bitmap
from oneofeach.engines.ray.classes import first_of_each, leaders_of, members_in, orders_of
from oneofeach.engines.ray.order import Orders, before, orders_from, row_of, sorted_by
from oneofeach.engines.ray.parts import WIDE_GROUP, Counts, concatenated, encoded, read
from oneofeach.engines.ray.settings import SUFFIX, Settings
from oneofeach.stages.grouping import keeper_first
from oneofeach.tables import EVIDENCE, Floats, Mask, Pairs, Rows

Evidence = npt.NDArray[np.void]


def edges_part(folder: str, pairs: str) -> str:
    return f"{folder}/edges/{pairs.rpartition('/')[2]}"


def removed_part(folder: str, block: int) -> str:
    return f"{folder}/removed/{block:05}{SUFFIX}"


def gather_edges(settings: Settings, folder: str, pairs: str, threshold: float) -> Counts:
    """The pairs at or above the threshold, with the order of the most preferred row of either class."""
    store, began = settings.store, time.process_time()
    i, j, similarity, evidence = read(store, pairs, "i", "j", "similarity", "evidence")
    near = similarity >= threshold
    columns = {"i": i[near], "j": j[near], "similarity": similarity[near], "evidence": evidence[near]}
    for name in ("i", "j"):
        heads, place = np.unique(columns[name], return_inverse=True)
        columns[f"order_{name}"] = leaders_of(settings, folder, heads)[place]
    columns["i_first"] = before(columns["order_i"], columns["order_j"])
    counts: Counts = {"rows": int(near.sum()), "seconds": time.process_time() - began}
    store.write(edges_part(folder, pairs), encoded(columns, counts, WIDE_GROUP))
    return counts


def settle(
    settings: Settings, folder: str, block: int, edges: tuple[str, ...], fallen: str, threshold: float
) -> Counts:
    """The removed rows of the classes whose first row is in a block, with keeper, similarity and evidence.

    edges: parts that name rows of the block. fallen: the bitmap of classes that keep no row.
    """
    store, began = settings.store, time.process_time()
    low, high = settings.block(block)
    falls = Bitmap.load(store.read(fallen))
    head, members = members_in(settings, folder, low, high)
    other_head, others, similarity, evidence = _kept_neighbors(settings, edges, falls, low, high)
    single = np.setdiff1d(falls.between(low, high), head)
    if len(single):
        head, members = np.concatenate([head, single]), np.concatenate([members, orders_of(settings, folder, single)])
    falling = falls[head]
    local = _settled(head[falling], members[falling], other_head, others, similarity, evidence, threshold)
    leader = first_of_each(head[~falling])
    copies = np.flatnonzero(~leader) if len(leader) else np.zeros(0, np.int64)
    stay = members[~falling]
    keeper = stay[np.maximum.accumulate(np.where(leader, np.arange(len(leader)), 0))] if len(stay) else stay
    columns = {
        "row": np.concatenate([local[0], row_of(stay[copies])]),
        "keeper": np.concatenate([local[1], row_of(keeper[copies])]),
        "similarity": np.concatenate([local[2], np.ones(len(copies))]),
        "identical": np.concatenate([local[3], np.ones(len(copies), bool)]),
        "evidence": np.concatenate([local[4], np.zeros(len(copies), EVIDENCE)]),
    }
    mine = columns["row"] < settings.own
    by_row = np.argsort(columns["row"][mine])
    columns = {name: values[mine][by_row] for name, values in columns.items()}
    counts: Counts = {"rows": len(by_row), "seconds": time.process_time() - began}
    store.write(removed_part(folder, block), encoded(columns, counts, WIDE_GROUP))
    return counts


def fallen_among(rest: Rest) -> Rows:
    """The first rows of classes that keep no row, among the classes that these edges join."""
    heads, orders = rest.leaders()
    left, right = np.searchsorted(heads, rest.i), np.searchsorted(heads, rest.j)
    ones = np.ones(len(left))
    pairs = Pairs(1.0, left, right, ones, np.zeros(len(left), EVIDENCE), np.arange(len(heads)))
    groups = keeper_first(sorted_by(orders), pairs, np.ones(len(heads), bool), 1.0)
    return heads[groups.removed]


def _settled(
    head: Rows,
    members: Orders,
    other_head: Rows,
    others: Orders,
    similarity: Floats,
    evidence: Evidence,
    threshold: float,
) -> tuple[Rows, Rows, Floats, Mask, Evidence]:
    """Rows of falling classes to the kept rows that are like them: row, keeper, similarity, identical?, evidence."""
    kept, kept_place = np.unique(others, axis=0, return_inverse=True)
    orders = np.concatenate([members, kept.reshape(-1, members.shape[1])])
    _, first, of = np.unique(head, return_index=True, return_inverse=True)
    same = np.concatenate([first[of], np.arange(len(members), len(orders))])
    i = first[np.searchsorted(np.unique(head), other_head)] if len(head) else other_head
    pairs = Pairs(threshold, i, kept_place.reshape(-1) + len(members), similarity, evidence, same)
    groups = keeper_first(sorted_by(orders), pairs, np.ones(len(orders), bool), threshold)
    goes = np.flatnonzero(groups.removed)
    pair = groups.pair[goes]
    shown = np.zeros(len(goes), EVIDENCE)
    shown[pair >= 0] = evidence[pair[pair >= 0]]
    rows = row_of(orders)
    return rows[goes], rows[groups.keeper[goes]], groups.similarity[goes], pair < 0, shown


def _kept_neighbors(
    settings: Settings, edges: tuple[str, ...], falls: Bitmap, low: int, high: int
) -> tuple[Rows, Orders, Floats, Evidence]:
    """For falling classes of the rows low..high: their first row, and order, similarity and evidence of a kept one."""
    batches = []
    names = ("i", "j", "order_i", "order_j", "similarity", "evidence")
    for part in edges:
        i, j, order_i, order_j, similarity, evidence = read(settings.store, part, *names)
        for here, there, order in ((i, j, order_j), (j, i, order_i)):
            takes = (here >= low) & (here < high) & falls[here] & ~falls[there]
            batches.append([here[takes], order[takes], similarity[takes], evidence[takes]])
    nothing = [
        np.zeros(0, np.int64),
        np.zeros((0, 8), np.uint8),
        np.zeros(0),
        np.zeros((0, EVIDENCE.itemsize), np.uint8),
    ]
    head, orders, similarity, evidence = concatenated(batches, nothing)
    return head, orders_from(orders), similarity, np.ascontiguousarray(evidence).view(EVIDENCE).reshape(-1)
