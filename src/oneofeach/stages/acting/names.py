"""Rules about names: protected and permitted paths, collisions, and what Windows cannot store. Pure functions."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from unicodedata import normalize

QUARANTINE = ".oneofeach-quarantine"
"""Folder that removed files move to, at the top of the scanned folder; scans skip it."""

_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)[ ]*(\..*)?", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
LONGEST_NAME = 255
WINDOWS_LIMIT = 248  # folders; files may have 12 characters more


def windows_problem(name: str) -> str:
    """Why Windows cannot store a file of this name; empty when it can.

    Source: learn.microsoft.com/windows/win32/fileio/naming-a-file.
    """
    if _RESERVED.fullmatch(name):
        return f"{name} is a reserved name on Windows"
    if name.endswith((" ", ".")):
        return f"{name!r} ends in a space or a dot, which Windows drops"
    found = _FORBIDDEN.search(name)
    return f"{name!r} contains {found.group()!r}, which Windows forbids" if found else ""


def long_path(path: str, windows: bool = os.name == "nt") -> str:
    r"""An absolute path that Windows opens whatever its length: with the prefix \\?\ from 248 characters on."""
    if not windows or len(path) < WINDOWS_LIMIT or path.startswith("\\\\?\\"):
        return path
    return "\\\\?\\UNC" + path[1:] if path.startswith("\\\\") else "\\\\?\\" + path


def absolute(path: str) -> str:
    """The absolute path, in the form that Windows opens."""
    return long_path(os.path.abspath(path))


def folded(path: str) -> str:
    """Equal for two paths that some file system (Windows, macOS) takes for the same."""
    return normalize("NFC", normalize("NFC", path).casefold())


def numbered(path: str, number: int) -> str:
    """`a.png`, 2 → `a (2).png`; a name of the greatest length loses the end of its stem instead of growing."""
    folder, name = os.path.split(path)
    stem, extension = os.path.splitext(name)
    tail = f" ({number}){extension}"
    while len(os.fsencode(stem + tail)) > LONGEST_NAME and stem:
        stem = stem[:-1]
    return os.path.join(folder, stem + tail)


def free(path: str, taken: set[str]) -> str:
    """`path`, or its first numbered form whose folded form is not in `taken`; it is added to `taken`."""
    found, number = path, 1
    while folded(found) in taken:
        number += 1
        found = numbered(path, number)
    taken.add(folded(found))
    return found


def inside(path: str, roots: Sequence[str]) -> bool:
    """Whether a path is plainly written (no `..`) and lies below one of the folders."""
    plain = os.path.isabs(path) and os.path.normpath(path) == path
    return plain and any(path.startswith(root.rstrip(os.sep) + os.sep) for root in roots)


def protected(path: str, roots: Sequence[str], globs: Sequence[str]) -> str:
    """The first glob that protects a path or a folder it is in; empty when none does.

    A glob is held against the absolute path, the path below a root, and every single name; `*` also matches `/`.
    Case and Unicode form do not matter: a doubt protects.
    """
    if not globs:
        return ""
    candidates = set(_ancestors(path))
    for root in roots:
        if inside(path, [root]):
            candidates |= set(_ancestors(os.path.relpath(path, root)))
    candidates |= {os.path.basename(candidate) for candidate in candidates}
    forms = {folded(candidate.replace(os.sep, "/")) for candidate in candidates if candidate}
    return next((glob for glob in globs if any(fnmatchcase(form, _pattern(glob)) for form in forms)), "")


def _pattern(glob: str) -> str:
    return folded(glob.replace(os.sep, "/")).removeprefix("./").removesuffix("/**").rstrip("/")


def _ancestors(path: str) -> list[str]:
    found = [path]
    while (parent := os.path.dirname(found[-1])) not in ("", found[-1]):
        found.append(parent)
    return found
