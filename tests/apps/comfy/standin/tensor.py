"""The little of torch that crosses our nodes: tensors that are NumPy arrays underneath."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np


class Tensor(np.ndarray):
    """Has what a node may call on a tensor; slices are tensors again and share memory."""

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:
        return self

    def float(self) -> Tensor:
        return self.astype(np.float32)

    def numpy(self) -> np.ndarray[Any, Any]:
        return self.view(np.ndarray)

    def data_ptr(self) -> int:
        return int(self.ctypes.data)


def from_numpy(array: np.ndarray[Any, Any]) -> Tensor:
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    return array.view(Tensor)


def make_torch() -> ModuleType:
    torch = ModuleType("torch")
    torch.Tensor, torch.from_numpy = Tensor, from_numpy  # type: ignore[attr-defined]
    return torch
