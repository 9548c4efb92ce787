"""Bits → search keys, each once and sorted, with the rows that have it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oneofeach.engines.ray.identical import heads_in
from oneofeach.engines.ray.keys import search_part, sorted_keys
from oneofeach.engines.ray.parts import read
from oneofeach.engines.ray.settings import Settings
from oneofeach.kernels.bands import Words, words_of
from oneofeach.plugins import Fingerprint
from oneofeach.tables import Bytes, Mask, Rows

NONE: Words = np.zeros(0, np.uint64)


@dataclass(frozen=True)
class Keyed:
    """The rows with key k are of[starts[k]:starts[k + 1]], counted from the row `low` on.

    keys: uint8[k, bytes]. dense: bool[k].
    """

    low: int
    keys: Bytes
    of: Rows
    starts: Rows
    dense: Mask

    @property
    def sizes(self) -> Rows:
        """int64[k]: how many rows have each key."""
        return np.diff(self.starts)


def keyed(method: Fingerprint, bits: Bytes) -> Keyed:
    """All rows of `bits`."""
    return _grouped(0, *sorted_keys(method, bits), NONE)


def keyed_block(settings: Settings, block: int, dense: Words = NONE, own: bool = True) -> Keyed:
    """The rows of a block that stand for their class: own ones, or those that are only compared with.

    dense: uint64[d], what keys that are dense begin with.
    """
    low, high = settings.block(block)
    of, keys = read(settings.store, search_part(block), "of", "search")
    chosen = heads_in(settings, block) & ((np.arange(low, high) < settings.own) == own)
    if not chosen.all():
        mine = np.flatnonzero(chosen[of])
        of, keys = of[mine], np.take(keys, mine, axis=0)
    return _grouped(low, of, keys, dense)


def _grouped(low: int, of: Rows, keys: Bytes, dense: Words) -> Keyed:
    words = words_of(keys)
    other = (words[1:] != words[:-1]).any(axis=1)
    starts = np.flatnonzero(np.concatenate([[True], other, [True]])) if len(words) else np.zeros(1, np.int64)
    first = starts[:-1]
    return Keyed(low, np.take(keys, first, axis=0), of.astype(np.int64), starts, np.isin(words[first, 0], dense))
