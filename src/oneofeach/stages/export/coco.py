"""Units → images and COCO annotation files: entries and annotations of removed images are gone, all ids are kept.

Units that do not come from an annotation file get one with their sizes and captions.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from oneofeach.errors import UnsupportedInput
from oneofeach.stages.export.folder import write_folder
from oneofeach.stages.export.units import Unit, numbered, plain


def write_coco(units: Sequence[Unit], root: Path, facts: npt.NDArray[np.void]) -> list[str]:
    """annotations/*.json and images/...; the written name of each image. facts: of the catalog, for the sizes."""
    (root / "annotations").mkdir()
    sources = [getattr(unit.item.source, "annotations", "") for unit in units]
    if not any(sources):
        return _write_new(units, root, facts)
    if not all(sources):
        hint = "Export them one by one, or as --format folder."
        raise UnsupportedInput(f"Images with annotations and images without cannot become one COCO set\n{hint}")
    written: dict[int, str] = {}
    places: dict[str, str] = {}
    for path in dict.fromkeys(sources):
        members = [unit for unit, source in zip(units, sources, strict=True) if source == path]
        written |= _write_rest(path, members, root, places)
    return [written[unit.row] for unit in units]


def _write_rest(path: str, units: Sequence[Unit], root: Path, places: dict[str, str]) -> dict[int, str]:
    """One annotation file without what was removed. places: what is written → where it comes from; filled."""
    whole: dict[str, Any] = units[0].item.source.document()
    sources = [unit.item.source for unit in units]
    names = {(source.identifier, source.file_name): name for source, name in zip(sources, _names(units), strict=True)}
    kept = {identifier for identifier, _ in names}
    whole["images"] = [
        {**entry, "file_name": names[entry["id"], entry["file_name"]]}
        for entry in whole["images"]
        if (entry["id"], entry["file_name"]) in names
    ]
    whole["annotations"] = [entry for entry in whole.get("annotations", []) if entry["image_id"] in kept]
    file, folder = _free(path, dict(zip(names.values(), (source.place for source in sources), strict=True)), places)
    _write_json(root / file, whole)
    written = {}
    for unit, source in zip(units, sources, strict=True):
        name = written[unit.row] = f"{folder}/{names[source.identifier, source.file_name]}"
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(unit.read())
    return written


def _names(units: Sequence[Unit]) -> list[str]:
    """The `file_name` of each image without steps up, which would lead out of the export; each its own."""
    taken: dict[str, str] = {}
    names = []
    for unit in units:
        place, parts = unit.item.source.place, unit.item.source.file_name.replace(os.sep, "/").split("/")
        stem, extension = os.path.splitext("/".join(part for part in parts if part not in ("", ".", "..")))
        options = (f"{option}{extension}" for option in numbered(stem))
        names.append(next(name for name in options if taken.setdefault(name.casefold(), place) == place))
    return names


def _free(path: str, images: Mapping[str, str], places: dict[str, str]) -> tuple[str, str]:
    """Where an annotation file and its images (name → place) are written: nowhere that others were. places: filled."""
    for stem in numbered(Path(path).stem):
        file, folder = f"annotations/{stem}.json", f"images/{stem.rpartition('_')[2]}"
        wanted = {f"{folder}/{name}".casefold(): place for name, place in images.items()} | {file.casefold(): path}
        if all(places.get(name, place) == place for name, place in wanted.items()):
            break
    places.update(wanted)
    return file, folder


def _write_new(units: Sequence[Unit], root: Path, facts: npt.NDArray[np.void]) -> list[str]:
    names = write_folder([replace(unit, name=plain(unit.name)) for unit in units], root / "images")
    images: list[dict[str, Any]] = []
    captions: list[dict[str, Any]] = []
    for number, (unit, name) in enumerate(zip(units, names, strict=True), 1):
        size = {side: int(facts[side][unit.row]) for side in ("width", "height")}
        images.append({"id": number, "file_name": name, **size})
        if text := unit.caption(unit.companions()).strip():
            captions.append({"id": len(captions) + 1, "image_id": number, "caption": text})
    _write_json(root / "annotations" / "all.json", {"images": images, "annotations": captions})
    return [f"images/{name}" for name in names]


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8", errors="backslashreplace")
