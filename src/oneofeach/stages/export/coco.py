"""Units → images and COCO annotation files: entries and annotations of removed images are gone, all ids are kept.

Units that do not come from an annotation file get one with their sizes and captions. What a file says of an image is an
entry, a line of JSON, so that the files can be put together where no image is at hand.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from oneofeach.errors import UnsupportedInput
from oneofeach.stages.export.naming import annotations_of, images_of
from oneofeach.stages.export.units import Unit

Document = dict[str, Any]
Kept = dict[tuple[Any, str], str]  # id and file_name → file_name now


def write_images(units: Sequence[Unit], root: Path) -> list[str]:
    """The images alone; the written name of each."""
    written = []
    for unit in units:
        name = f"{unit.name}.{unit.extension}"
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(unit.read())
        written.append(name)
    return written


def entry_of(unit: Unit, facts: np.void, stems: Mapping[str, str]) -> str:
    """What annotation files need of an image. facts: its FACTS. stems: of the files that images come from."""
    name = f"{unit.name}.{unit.extension}"
    if stems:
        source = unit.item.source
        folder = images_of(stems[source.annotations])
        return json.dumps([source.annotations, source.identifier, source.file_name, name.removeprefix(f"{folder}/")])
    size = {side: int(facts[side]) for side in ("width", "height")}
    return json.dumps([name, size, unit.caption(unit.companions()).strip()])


def write_annotations(
    entries: Iterable[str], root: Path, stems: Mapping[str, str], document: Callable[[str], Document]
) -> None:
    """annotations/*.json. entries: of all units, in order, read twice. document: reads a file that images come from."""
    folder = root / "annotations"
    folder.mkdir()
    if not stems:
        _write_new(entries, folder / "all.json")
        return
    kept: dict[str, Kept] = {}
    for path, identifier, file_name, name in map(json.loads, entries):
        kept.setdefault(path, {})[identifier, file_name] = name
    for path in kept:
        _write_json(folder / f"{stems[path]}.json", _rest(document(path), kept[path]))


def documents(units: Iterable[Unit]) -> Callable[[str], Document]:
    """Reads the annotation files that units come from, by their paths."""
    sources = {annotations_of(unit.item): unit.item.source for unit in units}
    return lambda path: dict(sources[path].document())


def checked(annotated: int, images: int) -> None:
    """UnsupportedInput when only some of the images come from annotation files."""
    if 0 < annotated < images:
        hint = "Export them one by one, or as --format folder."
        raise UnsupportedInput(f"Images with annotations and images without cannot become one COCO set\n{hint}")


def is_annotated(units: Sequence[Unit]) -> bool:
    """Do they come from annotation files? UnsupportedInput when only some of them do."""
    annotated = sum(bool(annotations_of(unit.item)) for unit in units)
    checked(annotated, len(units))
    return annotated > 0


def _rest(whole: Document, kept: Kept) -> Document:
    """An annotation file without what was removed."""
    named = [(entry, kept.get((entry["id"], entry["file_name"]))) for entry in whole["images"]]
    images = [{**entry, "file_name": name} for entry, name in named if name is not None]
    identifiers = {entry["id"] for entry in images}
    annotations = [entry for entry in whole.get("annotations", []) if entry["image_id"] in identifiers]
    return {**whole, "images": images, "annotations": annotations}


def _write_new(entries: Iterable[str], path: Path) -> None:
    """Written entry by entry: there may be more than memory holds."""
    with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
        for before, part in (('{"images": [', _images(entries)), ('], "annotations": [', _captions(entries))):
            file.write(before)
            for number, one in enumerate(part):
                file.write(", " * bool(number) + json.dumps(one, ensure_ascii=False))
        file.write("]}")


def _images(entries: Iterable[str]) -> Iterator[Document]:
    for number, (name, size, _) in enumerate(map(json.loads, entries), 1):
        yield {"id": number, "file_name": name, **size}


def _captions(entries: Iterable[str]) -> Iterator[Document]:
    identifier = 0
    for number, (_, _, caption) in enumerate(map(json.loads, entries), 1):
        if caption:
            identifier += 1
            yield {"id": identifier, "image_id": number, "caption": caption}


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8", errors="backslashreplace")
