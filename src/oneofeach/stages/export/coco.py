"""Units → images and COCO annotation files: entries and annotations of removed images are gone, all ids are kept.

Units that do not come from an annotation file get one with their sizes and captions.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from oneofeach.stages.export.folder import write_folder
from oneofeach.stages.export.units import Unit, plain


def write_coco(units: Sequence[Unit], root: Path, facts: npt.NDArray[np.void]) -> list[str]:
    """annotations/*.json and images/...; the written name of each image. facts: of the catalog, for the sizes."""
    (root / "annotations").mkdir()
    sources = [getattr(unit.item.source, "annotations", "") for unit in units]
    if not all(sources):
        return _write_new(units, root, facts)
    written = []
    for path in dict.fromkeys(sources):
        members = [unit for unit, source in zip(units, sources, strict=True) if source == path]
        written += _write_rest(path, members, root)
    order = {unit.row: name for unit, name in written}
    return [order[unit.row] for unit in units]


def _write_rest(path: str, units: Sequence[Unit], root: Path) -> list[tuple[Unit, str]]:
    """One annotation file without what was removed."""
    whole: dict[str, Any] = units[0].item.source.document()
    kept = {unit.item.source.identifier for unit in units}
    whole["images"] = [entry for entry in whole["images"] if entry["id"] in kept]
    whole["annotations"] = [entry for entry in whole.get("annotations", []) if entry["image_id"] in kept]
    _write_json(root / "annotations" / os.path.basename(path), whole)
    folder = f"images/{Path(path).stem.rpartition('_')[2]}"
    written = []
    for unit in units:
        name = f"{folder}/{unit.item.source.file_name}"
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(unit.read())
        written.append((unit, name))
    return written


def _write_new(units: Sequence[Unit], root: Path, facts: npt.NDArray[np.void]) -> list[str]:
    names = write_folder([replace(unit, name=plain(unit.name)) for unit in units], root / "images")
    images: list[dict[str, Any]] = []
    captions: list[dict[str, Any]] = []
    for number, (unit, name) in enumerate(zip(units, names, strict=True), 1):
        size = {side: int(facts[side][unit.row]) for side in ("width", "height")}
        images.append({"id": number, "file_name": name, **size})
        if text := unit.caption(unit.companions()).strip():
            captions.append({"id": len(captions) + 1, "image_id": number, "caption": text})
    _write_json(root / "annotations" / "all.json", {"images": images, "annotations": captions, "categories": []})
    return [f"images/{name}" for name in names]


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8", errors="backslashreplace")
