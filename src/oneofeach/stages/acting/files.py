"""The images of an outcome as files on this disk: their paths and folders, their sidecars, and whose those are.

In: an Outcome. Out: names and recorded facts; nothing is opened.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence, Set

from oneofeach.captions import CAPTION_EXTENSIONS
from oneofeach.stages.acting.names import absolute, inside
from oneofeach.stages.acting.steps import File
from oneofeach.tables import Item, Outcome


class Files:
    """paths: per row, empty where it is no file. roots: the scanned folders, found from the items when not named.

    owners: sidecar, and stem of an image → the images it belongs to.
    """

    def __init__(self, outcome: Outcome, roots: Sequence[str]) -> None:
        self.items: Sequence[Item] = outcome.catalog.items
        self._facts = outcome.catalog.facts
        self.paths = [path_of(item) for item in self.items]
        self.roots = tuple(map(absolute, roots)) or _roots(self.items, self.paths)
        self.owners = _owners(self.items, self.paths)

    def file(self, row: int) -> File:
        """An image as the scan saw it."""
        facts = self._facts[row]
        return File(self.paths[row], int(facts["bytes"]), int(facts["mtime_ns"]), self.content(row))

    def content(self, row: int) -> str:
        return bytes(self._facts["content"][row]).hex()

    def sidecars(self, row: int) -> list[str]:
        return list(map(absolute, self.items[row].sidecars))

    def caption(self, row: int) -> str:
        """The caption of an image; empty when it has none."""
        found = ((ending, path) for ending in CAPTION_EXTENSIONS for path in self.sidecars(row))
        return next((path for ending, path in found if path.lower().endswith(ending)), "")

    def caption_place(self, row: int, going: Set[str] = frozenset()) -> str:
        """Where a caption written for this image alone goes: the one it has or a new one after its stem; after its full
        name where another image reads that too, unless it is one of those in `going`.
        """
        path, mine = self.paths[row], self.caption(row)
        stem = os.path.splitext(path)[0]
        if self.owners[mine or stem] - going <= {path}:
            return mine or stem + CAPTION_EXTENSIONS[0]
        return path + CAPTION_EXTENSIONS[0]


def path_of(item: Item) -> str:
    """The absolute path of an item that is a file; empty for anything else."""
    named = isinstance(item.input, (str, os.PathLike)) and item.opener is None and "://" not in os.fspath(item.input)
    return absolute(os.fspath(item.input)) if named and item.mtime_ns >= 0 else ""


def _roots(items: Sequence[Item], paths: Sequence[str]) -> tuple[str, ...]:
    """The folders that keys are relative to; the folder of the file where a key is a path of its own."""
    roots: dict[str, None] = {}
    for item, path in zip(items, paths, strict=True):
        if path:
            relative = item.key != os.fspath(item.input) and path.endswith(os.sep + item.key)
            roots[path[: -len(item.key) - 1] if relative else os.path.dirname(path)] = None
    return tuple(root for root in roots if not inside(root, [other for other in roots if other != root]))


def _owners(items: Sequence[Item], paths: Sequence[str]) -> dict[str, set[str]]:
    owners: dict[str, set[str]] = defaultdict(set)
    for item, path in zip(items, paths, strict=True):
        for sidecar in item.sidecars:
            owners[absolute(sidecar)].add(path)
        if path:
            owners[os.path.splitext(path)[0]].add(path)
    return owners
