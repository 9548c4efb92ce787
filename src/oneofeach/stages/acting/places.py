"""Where a file goes in quarantine: same volume, relative path kept, no two files in one place. Nothing is made here."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from oneofeach.stages.acting.names import QUARANTINE, absolute, free, inside, long_path


class Places:
    """Called with a path, gives its place, the same one each time.

    quarantine: a folder of the user's choice; empty for a hidden one at the top of the root, or of its part that lies
    on the volume of the file. name: the folder of this plan in it.
    """

    def __init__(self, roots: Sequence[str], quarantine: str, name: str) -> None:
        self._roots, self._quarantine, self._name = roots, quarantine, name
        self._taken: set[str] = set()
        self._known: dict[str, str] = {}
        self._tops: dict[str, str] = {}

    def __call__(self, path: str) -> str:
        if path not in self._known:
            root = next(root for root in self._roots if inside(path, [root]))
            top = absolute(self._quarantine) if self._quarantine else self._top(root, path)
            wanted = os.path.join(top, self._name, os.path.relpath(path, root))
            self._known[path] = free(long_path(wanted), self._taken)
        return self._known[path]

    def _top(self, root: str, path: str) -> str:
        folder = os.path.dirname(path)
        if folder not in self._tops:
            self._tops[folder] = os.path.join(top_of_volume(root, folder), QUARANTINE)
        return self._tops[folder]


def top_of_volume(root: str, folder: str, volume: Callable[[str], int] = lambda path: os.stat(path).st_dev) -> str:
    """The highest folder from `folder` up to `root` that lies on the same volume as `folder`."""
    top = folder
    while top != root and volume(os.path.dirname(top)) == volume(folder):
        top = os.path.dirname(top)
    return top
