"""A table → the class of each row, by name where Hugging Face's metadata name the classes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

LABELS = ("label", "cls", "class")


def label_column(names: Iterable[str]) -> str:
    """The first usual column for a class; "" for none."""
    known = set(names)
    return next((name for name in LABELS if name in known), "")


def labels(table: Any) -> list[str]:
    """The class of each row of a pyarrow.Table; [] when it has no column for it."""
    column = label_column(table.schema.names)
    if not column:
        return []
    names = (features(table.schema).get(column) or {}).get("names") or []
    return [_label(value, names) for value in table[column].to_pylist()]


def features(schema: Any) -> dict[str, Any]:
    """What Hugging Face says of the columns; {} for other tables."""
    told = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    return dict(told.get("info", {}).get("features", {}))


def _label(value: Any, names: Sequence[str]) -> str:
    if isinstance(value, int) and 0 <= value < len(names):
        return str(names[value])
    return str(value) if isinstance(value, (str, int)) else ""
