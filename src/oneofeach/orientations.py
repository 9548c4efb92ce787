"""Pairs that match only after a flip or a quarter turn: the join and the verification again, with one side turned."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from oneofeach.engines import threads
from oneofeach.errors import OneOfEachError
from oneofeach.plugins import Fingerprint
from oneofeach.stages.neighbors import neighbors
from oneofeach.tables import Bytes, Catalog, Pairs, Rows, joined

ORIENTATIONS: dict[str, tuple[int, ...]] = {"upright": (), "all": (2, 3, 4, 5, 6, 7, 8)}
"""Which turns are tried beside the upright one, as EXIF orientation values."""

AT_ONCE = 8_192  # rows or pairs whose turned descriptors one thread has in memory


def turns_of(orientations: str) -> tuple[int, ...]:
    """The turns of a name in ORIENTATIONS. OneOfEachError for another name."""
    if orientations not in ORIENTATIONS:
        raise OneOfEachError(f"Unknown orientations: {orientations}\nChoose one of: {', '.join(ORIENTATIONS)}.")
    return ORIENTATIONS[orientations]


def with_turns(catalog: Catalog, method: Fingerprint, pairs: Pairs, turns: Sequence[int], workers: int) -> Pairs:
    """`pairs`, and what the turns add: each pair once, with its best similarity; upright wins a tie, then the order of
    `turns`. evidence["orientation"] is the turn that lays j onto i.
    """
    rows = np.flatnonzero(catalog.readable & (pairs.same == np.arange(len(catalog))))
    own, reference = rows[~catalog.reference[rows]], rows[catalog.reference[rows]]
    parts = [pairs]
    for turn in turns:
        i, j = _candidates(catalog, method, turn, own, reference, pairs.floor, workers)
        split = [(i[start : start + AT_ONCE], j[start : start + AT_ONCE]) for start in range(0, len(i), AT_ONCE)]
        verify = partial(_verified, catalog, method, turn, pairs)
        parts += threads.run(verify, split, workers=min(workers, len(split)))
    every = joined(parts, pairs.floor, pairs.same)
    best = np.lexsort((np.arange(len(every)), -every.similarity, every.j, every.i))
    first = np.r_[True, (np.diff(every.i[best]) != 0) | (np.diff(every.j[best]) != 0)][: len(best)]
    return every.take(best[first])


def _candidates(
    catalog: Catalog, method: Fingerprint, turn: int, own: Rows, reference: Rows, floor: float, workers: int
) -> tuple[Rows, Rows]:
    """Pairs i < j, of which j is turned: the pairs i > j come with the inverse turn, the other way round."""
    others = np.concatenate([own, reference])
    of, keys = method.keys(catalog.bits[own])
    of_turned, turned_keys = method.keys(_turned_bits(catalog, method, turn, others))
    left, right, _ = neighbors(keys, method.radius(floor), turned_keys, workers)
    i, j = own[of[left]], others[of_turned[right]]
    i, j = np.divmod(np.unique(i * len(catalog) + j), len(catalog) or 1)
    return i[i < j], j[i < j]


def _turned_bits(catalog: Catalog, method: Fingerprint, turn: int, rows: Rows) -> Bytes:
    turned = np.empty((len(rows), catalog.bits.shape[1]), np.uint8)
    for start in range(0, len(rows), AT_ONCE):
        part = rows[start : start + AT_ONCE]
        turned[start : start + AT_ONCE] = method.turned(catalog.bits[part], catalog.descriptors[part], turn)[0]
    return turned


def _verified(catalog: Catalog, method: Fingerprint, turn: int, pairs: Pairs, candidates: tuple[Rows, Rows]) -> Pairs:
    i, j = candidates
    bits, descriptors = method.turned(catalog.bits[j], catalog.descriptors[j], turn)
    both = np.concatenate([catalog.bits[i], bits]), np.concatenate([catalog.descriptors[i], descriptors])
    at = np.arange(len(i))
    similarity, evidence = method.similarity(*both, at, at + len(i), pairs.floor)
    evidence["orientation"] = turn
    return Pairs(pairs.floor, i, j, similarity, evidence, pairs.same).at(pairs.floor)
