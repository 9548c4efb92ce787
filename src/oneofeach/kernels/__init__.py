"""The hot loops: small C sources and their NumPy twins, which give the same results.

ONEOFEACH_KERNELS=numpy in the environment forces the twins.
"""

from __future__ import annotations

import os
import warnings
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt

from oneofeach.tables import Bytes

_BIT_COUNTS = np.array([bin(value).count("1") for value in range(256)], np.uint8)

MOST_ROWS = 2**32 - 1
"""The compiled join and grouping number rows with 32 bits; for more the twins run."""


def _load() -> ModuleType | None:
    if os.environ.get("ONEOFEACH_KERNELS") == "numpy":
        return None
    try:
        module = import_module("oneofeach._kernels")
    except ImportError:
        return None
    if digest() == getattr(module, "DIGEST", ""):
        return module
    warnings.warn("the compiled kernels are older than their sources: NumPy runs instead; reinstall", stacklevel=2)
    return None


def digest() -> str:
    """SHA-256 of the C sources beside this file, which setup.py builds into the extension."""
    files = sorted(file for file in Path(__file__).parent.iterdir() if file.suffix in (".c", ".h"))
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


compiled = _load()
"""The extension module, or None: then the NumPy twins run."""


def active() -> str:
    """ "compiled" or "numpy"."""
    return "numpy" if compiled is None else "compiled"


def hamming(a: Bytes, b: Bytes) -> npt.NDArray[np.int64]:
    """int64[m]: how many bits differ between the rows of two uint8[m, k]."""
    different = a ^ b
    counts = np.bitwise_count(different) if hasattr(np, "bitwise_count") else _BIT_COUNTS[different]
    return np.asarray(counts.sum(axis=1, dtype=np.int64))
