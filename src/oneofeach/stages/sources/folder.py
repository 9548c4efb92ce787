"""A folder, or one image file → items in natural order of the relative path. Only names and sizes are read.

Hidden files and folders are left alone. A folder is entered once however many links lead to it. Whatever looks like an
image but cannot be one (a broken link, a pipe, camera raw) comes out as an item with an error, and so does a link that
leads out to a folder above.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from oneofeach.garbage import uncollected
from oneofeach.stages.sources.natural import in_order, natural_key
from oneofeach.stages.sources.sidecars import sidecars_in, sidecars_of
from oneofeach.tables import Item

SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".avif", ".avifs", ".gif", ".bmp", ".dib", ".tif"),
    *(".tiff", ".jp2", ".j2k", ".jpf", ".jpx", ".j2c", ".jpc", ".heic", ".heif", ".hif", ".jxl", ".ppm", ".pgm"),
    *(".pbm", ".pnm", ".tga", ".icns", ".ico", ".qoi", ".psd", ".dds", ".sgi"),
)
RAW_SUFFIXES = (".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".raf", ".pef", ".srw")
_IMAGES, _RAW = frozenset(SUFFIXES + RAW_SUFFIXES), frozenset(RAW_SUFFIXES)


class FolderSource:
    """Accepts a path: a folder is walked recursively, any other file is one image."""

    def accepts(self, source: Any) -> bool:
        return isinstance(source, (str, os.PathLike))

    def items(self, source: Any) -> Iterator[Item]:
        path = os.fspath(source)
        if os.path.isdir(path):
            yield from _items_in(path)
        else:
            folder, name = os.path.split(path)
            try:
                beside = frozenset(os.listdir(folder or "."))
            except OSError:
                beside = frozenset()
            yield file_item(path, path, sidecars_of(name, beside), folder)


@uncollected
def _items_in(folder: str) -> list[Item]:
    walk = _Walk(folder)
    walk.enter("")
    walk.follow_links()
    return in_order(walk.found)


@dataclass
class _Walk:
    """found: the items of each folder."""

    root: str
    found: list[list[Item]] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    entered: set[tuple[int, int]] = field(default_factory=set)

    def enter(self, folder: str) -> None:
        """Collect the images below one folder (relative path); links to folders wait until the real ones are known."""
        pending = [folder]
        while pending:
            relative = pending.pop()
            path = os.path.join(self.root, relative)
            try:
                status = os.stat(path)
                if (status.st_dev, status.st_ino) in self.entered:
                    continue
                self.entered.add((status.st_dev, status.st_ino))
                with os.scandir(path) as listing:
                    entries = [entry for entry in listing if entry.name[0] != "."]
            except OSError as error:
                key = relative or os.path.basename(self.root)
                self.found.append([Item(key, path, error=f"folder cannot be read: {error.strerror}")])
                continue
            pending += self._sort_out(entries, relative)

    def follow_links(self) -> None:
        while self.links:
            link = self.links.pop(0)
            if self._leads_above(link):
                error = "a link to a folder above is not followed: give that folder itself"
                self.found.append([Item(link, os.path.join(self.root, link), error=error)])
            else:
                self.enter(link)

    def _leads_above(self, link: str) -> bool:
        """Whether a link leads to a folder that is not entered, and in which the root or the link itself lies."""
        path = os.path.join(self.root, link)
        status = os.stat(path)
        if (status.st_dev, status.st_ino) in self.entered:
            return False
        target = os.path.join(os.path.realpath(path), "")
        return any(os.path.realpath(inside).startswith(target) for inside in (self.root, os.path.dirname(path)))

    def _sort_out(self, entries: list[os.DirEntry[str]], relative: str) -> list[str]:
        files, folders = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)], []
        for entry in entries if len(files) < len(entries) else ():
            if entry.is_dir(follow_symlinks=False):
                folders.append(os.path.join(relative, entry.name))
            elif entry.is_symlink() and os.path.isdir(entry.path):
                self.links.append(os.path.join(relative, entry.name))
            elif not entry.is_file(follow_symlinks=False):
                files.append(entry.name)
        self.links.sort(key=natural_key)
        images = {name for name in files if name[name.rfind(".") :].lower() in _IMAGES}
        path = os.path.join(self.root, relative) if relative else self.root
        above, inside = os.path.join(relative, ""), os.path.join(path, "")  # joined once, not per file
        found = sidecars_in(files, images)
        self.found.append([file_item(above + name, inside + name, found[name], path) for name in sorted(found)])
        return folders


def file_item(key: str, path: str, sidecars: tuple[str, ...], folder: str) -> Item:
    """One file of a folder as an item; `sidecars` are names in the same folder. Only its status is read."""
    beside = tuple(os.path.join(folder, name) for name in sidecars) if sidecars else ()
    try:
        status = os.stat(path)
    except OSError as error:
        return Item(key, path, error=f"cannot be opened: {error.strerror}")
    if not stat.S_ISREG(status.st_mode):
        return Item(key, path, error="not a regular file")
    raw = "camera raw files are not supported" if path[-4:].lower() in _RAW else ""
    return Item(key, path, None, status.st_size, status.st_mtime_ns, status.st_ino, beside, raw)
