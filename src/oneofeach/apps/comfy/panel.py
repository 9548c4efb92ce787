"""What the panel in the node shows: one row of cards per group, with a thumbnail file each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import folder_paths

from oneofeach.apps.comfy.decide import Verdict
from oneofeach.apps.comfy.tensors import thumbnail

VERSION = 1
GROUPS = 200  # shown at most; the report says so when there are more
CARDS = 60  # of one group, likewise
SIDE = 160  # pixels of a thumbnail's longer side
TEXT = 80  # characters of a caption
FOLDER = "oneofeach"


def payload(verdict: Verdict, report: str, names: Sequence[str] | None, texts: Sequence[str] | None) -> dict[str, Any]:
    """The `ui` value of a run: JSON and files in ComfyUI's temp folder, no tensors."""
    shown = [rows[:CARDS] for rows in verdict.groups[:GROUPS]]
    keys = verdict.keys.of(row for rows in shown for row in rows)
    groups = [[card(row, keys[row], verdict, names, texts) for row in rows] for rows in shown]
    more = [len(rows) - len(cards) for rows, cards in zip(verdict.groups, groups, strict=False)]
    content = {"version": VERSION, "report": report, "total": len(verdict.groups), "groups": groups, "more": more}
    return {"oneofeach": [content]}


def card(
    row: int, key: str, verdict: Verdict, names: Sequence[str] | None, texts: Sequence[str] | None
) -> dict[str, Any]:
    height, width = verdict.keys.images[row].shape[1:3]
    return {
        "key": key,
        "index": row + 1,
        "name": str(names[row]) if names else "",
        "w": int(width),
        "h": int(height),
        "similarity": float(verdict.similarity[row]),
        "text": str(texts[row])[:TEXT] if texts else "",
        "auto": bool(verdict.automatic[row]),
        "kept": bool(verdict.kept[row]),
        "file": _saved(key, verdict.keys.images[row]),
    }


def _saved(key: str, image: Any) -> dict[str, str]:
    """Write the thumbnail unless an earlier run did: the same key means the same pixels."""
    folder = os.path.join(folder_paths.get_temp_directory(), FOLDER)
    name = f"{key.partition(':')[0]}.webp"
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        thumbnail(image, SIDE).save(path, "WEBP", quality=80, method=2)
    return {"filename": name, "subfolder": FOLDER, "type": "temp"}
