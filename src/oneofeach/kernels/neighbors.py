"""The exact Hamming join over bands of bits: on the compiled kernel, or on its NumPy twin with equal results."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from oneofeach import kernels
from oneofeach.kernels import neighbors_compiled, neighbors_numpy
from oneofeach.kernels.bands import Band, Mask, Words
from oneofeach.tables import Rows

Distances = npt.NDArray[np.uint16]


def join(
    left: Words,
    right: Words | None,
    bands: Sequence[Band],
    radius: int,
    workers: int,
    dense: Mask | None = None,
    limit: int = 0,
) -> tuple[Rows, Rows, Distances]:
    """Pairs of rows of uint64[n, words] and uint64[k, words] (None: of left, i < j) within `radius` bits.

    Exact when the limits of the bands leave no pair within the radius unfound (see plan.py of the neighbors stage).
    dense: bool[n], or bool[n + k] for the rows of both, changed in place: pairs of two dense rows are left out, and
    when a part of the join holds more than `limit` pairs, the rows with the most of them become dense. Which ones do
    depends on the kernel, not on `workers`.
    Returns i, j (int64[m]) and the distances (uint16[m]), sorted by (i, j).
    """
    rows = max(len(left), 0 if right is None else len(right))
    chosen = neighbors_numpy if kernels.compiled is None or rows >= kernels.MOST_ROWS else neighbors_compiled
    i, j, distance = chosen.join(left, right, bands, radius, workers, dense, limit)
    if dense is None:
        return i, j, distance
    listed = ~(dense[i] & dense[j + (0 if right is None else len(left))])
    return i[listed], j[listed], distance[listed]
