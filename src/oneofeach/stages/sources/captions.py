"""Items → their captions, read from the sidecars: `.txt`, then `.caption`, then the "caption" of a `.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from oneofeach.tables import Item

ENDINGS = (".txt", ".caption", ".json")


def caption_of(item: Item) -> str:
    """The caption of one image; "" when it has none or its sidecar cannot be read as text."""
    for ending in ENDINGS:
        for path in item.sidecars:
            if path.lower().endswith(ending) and (text := _read(path)):
                return text
    return ""


def captions_of(items: Sequence[Item]) -> dict[int, str]:
    """Row → caption, for the rows that have one."""
    return {row: text for row, item in enumerate(items) if (text := caption_of(item))}


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            text = file.read()
        if path.lower().endswith(".json"):
            value = json.loads(text)
            text = value.get("caption", "") if isinstance(value, dict) else ""
    except (OSError, ValueError):
        return ""
    return text.strip() if isinstance(text, str) else ""
