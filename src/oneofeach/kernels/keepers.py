"""Keeper-first over a list of pairs: compiled, or by its NumPy twin with equal results."""

from __future__ import annotations

import numpy as np

from oneofeach import kernels
from oneofeach.kernels import keepers_numpy
from oneofeach.tables import Floats, Mask, Rows


def keepers(
    order: Rows, i: Rows, j: Rows, similarity: Floats, same: Rows, readable: Mask, threshold: float
) -> tuple[Rows, Rows]:
    """The keeper of each row (int64[n], itself when kept, -1 when not readable) and the position of the pair that
    joins them (int64[n], -1 when there is none).

    order: int64[n], all rows by preference. i, j: int64[m], pairs of classes, named by their first row.
    same: int64[n], the class of each row. A class that keeps a row keeps its best one, and the others join it.
    """
    if kernels.compiled is None or len(order) >= kernels.MOST_ROWS:
        return keepers_numpy.keepers(order, i, j, similarity, same, readable, threshold)
    n, m = len(order), len(i)
    arrays = [np.ascontiguousarray(a, np.int64) for a in (order, i, j)]
    arrays += [np.ascontiguousarray(similarity, np.float64), np.ascontiguousarray(same, np.int64)]
    arrays += [np.ascontiguousarray(readable, np.bool_), np.empty(n, np.int64), np.empty(n, np.int64)]
    addresses = [array.ctypes.data for array in arrays]
    kernels.compiled.keepers(n, m, *addresses[:6], threshold, *addresses[6:])
    return arrays[6], arrays[7]
