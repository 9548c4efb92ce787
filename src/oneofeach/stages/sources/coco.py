"""A COCO annotation file (.json) and the folder of its images → one item per entry of "images"."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from oneofeach.errors import SourceNotFound, UnsupportedInput
from oneofeach.stages.sources.files import exists, hints_of, is_url, open_binary, read_range, suffix_of, version_of
from oneofeach.tables import Item


@dataclass(frozen=True, slots=True)
class CocoImage:
    """One image of an annotation file. place: its path; annotations: the path of the .json."""

    place: str
    annotations: str
    identifier: Any
    file_name: str

    @property
    def name(self) -> str:
        return os.path.splitext(self.file_name)[0]

    @property
    def extension(self) -> str:
        return suffix_of(self.file_name)[1:]

    def read(self) -> bytes:
        return read_range(self.place)

    def document(self) -> dict[str, Any]:
        """The whole annotation file."""
        with open_binary(self.annotations) as file:
            return dict(json.load(file))

    def companions(self) -> dict[str, bytes]:
        """The annotations of this image as "json"."""
        found = _annotations_by_image(self.annotations, version_of(self.annotations))
        return {"json": json.dumps(found.get(self.identifier, []), ensure_ascii=False).encode()}


class CocoSource:
    """Accepts the path or URL of a .json."""

    def accepts(self, source: Any) -> bool:
        return suffix_of(source) == ".json" and (is_url(source) or os.path.isfile(source))

    def items(self, source: Any) -> Iterator[Item]:
        path = os.fspath(source)
        entries = _images(path)
        root = _root(path, entries[0]["file_name"]) if entries else ""
        for entry in entries:
            name = entry["file_name"]
            key, place = f"{path}#{name}", os.path.join(root, name)
            reader = CocoImage(place, path, entry["id"], name)
            try:
                hints = hints_of(place)
            except OSError as error:
                yield Item(key, place, reader, error=f"cannot be opened: {error.strerror}")
                continue
            yield Item(key, place, reader, *hints)


def _images(path: str) -> list[dict[str, Any]]:
    if not exists(path):
        raise SourceNotFound(path)
    with open_binary(path) as file:
        try:
            entries = json.load(file)["images"]
        except (ValueError, KeyError, TypeError) as error:
            hint = 'Give a COCO file, which has "images", "annotations" and "categories".'
            raise UnsupportedInput(f"Not a COCO annotation file: {path}\n{hint}") from error
    return list(entries)


def _root(path: str, first: str) -> str:
    """The folder that file names are relative to: where the first image is found."""
    folder, file = os.path.split(path if is_url(path) else os.path.abspath(path))
    parent, split = os.path.dirname(folder), os.path.splitext(file)[0].rpartition("_")[2]
    for base in (folder, parent):
        for root in (
            base,
            os.path.join(base, "images"),
            os.path.join(base, split),
            os.path.join(base, "images", split),
        ):
            if exists(os.path.join(root, first)):
                return root
    return folder


@lru_cache(maxsize=4)
def _annotations_by_image(path: str, version: int) -> dict[Any, list[Any]]:
    with open_binary(path) as file:
        annotations = json.load(file).get("annotations", [])
    found: dict[Any, list[Any]] = {}
    for annotation in annotations:
        found.setdefault(annotation["image_id"], []).append(annotation)
    return found
