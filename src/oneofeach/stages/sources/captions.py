"""Items → their captions, read from sidecars and samples: `.txt`, then `.caption`, then the "caption" of a `.json`.

Of two that end alike, the one after the full name of the image (`a.jpg.txt`) comes first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from oneofeach.captions import ENDINGS, text_in
from oneofeach.tables import Item, Sample


def caption_of(item: Item) -> str:
    """The caption of one image; "" when it has none or its sidecar cannot be read as text."""
    found: list[tuple[str, bytes | str]] = [*_companions(item.source)]
    found += [(path, path) for path in item.sidecars]
    for ending in ENDINGS:
        for name, data in found:
            if name.lower().endswith(ending) and (text := _text(data, ending)):
                return text
    return ""


def captions_of(items: Sequence[Item]) -> dict[int, str]:
    """Row → caption, for the rows that have one."""
    return {row: text for row, item in enumerate(items) if (text := caption_of(item))}


def _companions(source: Any) -> Iterator[tuple[str, bytes]]:
    if isinstance(source, Sample):
        whole = f"{source.extension}."
        for extension, data in sorted(source.companions().items(), key=lambda one: not one[0].startswith(whole)):
            yield f".{extension}", data


def _text(data: bytes | str, ending: str) -> str:
    """The caption in the bytes of a sidecar, or in the file of that path; "" when there is none."""
    try:
        return text_in(data if isinstance(data, bytes) else Path(data).read_bytes(), ending).strip()
    except OSError:
        return ""
