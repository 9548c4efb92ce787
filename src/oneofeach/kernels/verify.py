"""How alike two descriptors are: verify.c when it is there, else its NumPy twin, which gives the same values."""

from __future__ import annotations

import numpy as np

from oneofeach import kernels
from oneofeach.kernels import verify_numpy
from oneofeach.kernels.score_numpy import Verified
from oneofeach.kernels.verify_numpy import OVERLAP_COST
from oneofeach.tables import Bytes, Floats, Mask

__all__ = ["OVERLAP_COST", "Verified", "verify"]


def verify(first: Bytes, second: Bytes, cap: Floats, still: Mask | None = None) -> Verified:
    """Compare rows of uint8[m, 1152]: luma 32×32, then two planes of 8×8 signed chroma.

    cap: float64[m]; what reaches its cap directly (or 0.98) is not registered, nor is what bool[m] `still` says.
    """
    still = np.zeros(len(first), bool) if still is None else np.ascontiguousarray(still)
    if kernels.compiled is None:
        return verify_numpy.verify(first, second, cap, still)
    first, second = (np.ascontiguousarray(rows, np.uint8) for rows in (first, second))
    cap = np.ascontiguousarray(cap, np.float64)
    count = len(first)
    if not first.shape == second.shape == (count, verify_numpy.BYTES) or not cap.shape == still.shape == (count,):
        raise ValueError(f"rows of {verify_numpy.BYTES} bytes and one cap for each are needed")
    out = Verified(np.empty(count), np.empty(count), np.empty(count), np.empty((count, 6)), np.empty((count, 2), "u1"))
    addresses = [values.ctypes.data for values in (first, second, cap, still)]
    kernels.compiled.verify(*addresses, count, *(values.ctypes.data for values in out))
    return out
