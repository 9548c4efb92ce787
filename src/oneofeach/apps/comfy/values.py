"""What ComfyUI hands to a node → one checked value. List nodes get every input as a list, widgets too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from oneofeach.errors import InvalidThreshold

T = TypeVar("T")


def single(values: Sequence[T] | T) -> T:
    """The value of a widget, out of its list if it comes in one."""
    return values[0] if isinstance(values, (list, tuple)) else values  # type: ignore[return-value]


def threshold_of(values: Any) -> float:
    """The similarity threshold, 0.0..1.0. InvalidThreshold when it is another, or a list of different ones."""
    given = list(values) if isinstance(values, (list, tuple)) else [values]
    different = {str(value) for value in given}
    if len(different) != 1:
        raise InvalidThreshold(f"{len(different)} different values")
    value = given[0]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 <= value <= 1.0:
        raise InvalidThreshold(value)
    return float(value)


def threshold_fault(values: Any) -> bool | str:
    """For `validate_inputs`: True, or what is wrong. A linked threshold is None here and checked when it is there."""
    if values is None or None in (values if isinstance(values, (list, tuple)) else [values]):
        return True
    try:
        threshold_of(values)
    except InvalidThreshold as error:
        return str(error)
    return True
