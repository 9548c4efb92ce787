"""A list of paths, one per line or NUL-separated (as `find -print0` writes them) → items, in the order of the list."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from oneofeach.errors import SourceNotFound
from oneofeach.stages.sources.folder import SUFFIXES, file_item
from oneofeach.stages.sources.sidecars import sidecars_in, sidecars_of
from oneofeach.tables import Item


@dataclass(frozen=True, slots=True)
class FileList:
    """The file that lists the paths; "-" is the standard input. Relative paths start at the working folder."""

    path: str


class FileListSource:
    """Accepts a FileList. A path that is listed again becomes an item with an error, not a second image."""

    def accepts(self, source: Any) -> bool:
        return isinstance(source, FileList)

    def items(self, source: Any) -> Iterator[Item]:
        seen: set[str] = set()
        beside = lru_cache(maxsize=64)(_sidecars_by_image)
        for path in _paths(source.path):
            full = os.path.abspath(path)
            if full in seen:
                yield Item(path, path, error="listed before")
                continue
            seen.add(full)
            folder, name = os.path.split(path)
            names, sidecars = beside(folder or ".")
            own = sidecars.get(name)
            yield file_item(path, path, sidecars_of(name, names) if own is None else own, folder)


def _paths(path: str) -> list[str]:
    try:
        if path == "-":
            data = sys.stdin.buffer.read()
        else:
            with open(path, "rb") as file:
                data = file.read()
    except FileNotFoundError as error:
        raise SourceNotFound(path) from error
    lines = data.split(b"\0") if b"\0" in data else data.splitlines()
    return [os.fsdecode(line) for line in lines if line.strip()]


def _sidecars_by_image(folder: str) -> tuple[frozenset[str], dict[str, tuple[str, ...]]]:
    """All names of a folder, and its images with their sidecars."""
    try:
        names = frozenset(os.listdir(folder))
    except OSError:
        return frozenset(), {}
    return names, sidecars_in(names, {name for name in names if os.path.splitext(name)[1].lower() in SUFFIXES})
