"""The tables that a job leaves for people: one row per image of a block, with the image that each goes with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from oneofeach.engines.ray.keys import keys_part
from oneofeach.engines.ray.parts import concatenated, read, read_rows
from oneofeach.engines.ray.settings import Settings
from oneofeach.tables import EVIDENCE, Bytes, Floats, Rows


def table(
    settings: Settings, block: int, name: str, place: Rows, partner: Rows, similarity: Floats, evidence: Bytes
) -> dict[str, Any]:
    """Columns row, key, status, `name`, its key, similarity, identical, error and why; status and identical are empty.

    place: int64[m], positions in the block of the images that have a partner. partner: int64[m], its row.
    similarity: float64[m]. evidence: uint8[m, bytes], EVIDENCE.
    """
    low, high = settings.block(block)
    keys, errors = read(settings.store, keys_part(block), "key", "error")
    why = np.zeros(high - low, EVIDENCE)
    why[place] = np.ascontiguousarray(evidence).view(EVIDENCE).reshape(-1)
    partners = _spread(place, partner, high - low, -1)
    return {
        "row": np.arange(low, high),
        "key": keys,
        "status": [],
        name: partners,
        f"{name}_key": _keys_of(settings, partners),
        "similarity": _spread(place, similarity, high - low, np.nan),
        "identical": np.zeros(high - low, bool),
        "error": errors,
        **{field: why[field] for field in ("key_distance", "distance", "verified")},
    }


def described(settings: Settings, rows: Rows, column: str, part: Callable[[int], str] = keys_part) -> tuple[Rows, Any]:
    """The different ones of some rows, without -1, ascending; and what a column says of each.

    part: block → the part that has the column.
    """
    wanted, batches = np.unique(rows[rows >= 0]), []
    for block in np.unique(wanted // settings.in_block).tolist():
        low, high = settings.block(block)
        here = wanted[slice(*np.searchsorted(wanted, [low, high]))] - low
        batches.append(read_rows(settings.store, part(block), here, column))
    return wanted, concatenated(batches, [[]])[0]


def _keys_of(settings: Settings, rows: Rows) -> list[str]:
    """The keys of some rows, in any order; "" for row -1."""
    wanted, found = described(settings, rows, "key")
    return [found[place] if row >= 0 else "" for row, place in zip(rows, np.searchsorted(wanted, rows), strict=True)]


def _spread(place: Rows, values: npt.NDArray[Any], size: int, other: float) -> npt.NDArray[Any]:
    whole = np.full(size, other, values.dtype)
    whole[place] = values
    return whole
