"""A function → the same without garbage collection: where a million new objects stay, none of them is garbage."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def uncollected(work: Callable[P, T]) -> Callable[P, T]:
    """For a function that makes many objects and no reference cycles: to look at them again and again takes longer."""

    @wraps(work)
    def call(*arguments: P.args, **options: P.kwargs) -> T:
        if not gc.isenabled():
            return work(*arguments, **options)
        gc.disable()
        try:
            return work(*arguments, **options)
        finally:
            gc.enable()

    return call
