"""Reading files by path or by URL: local ones directly, "scheme://" ones through fsspec (extra `remote`).

`read_range` opens, reads and closes, so that what holds a path and an offset can travel to another process.
"""

from __future__ import annotations

import os
from typing import BinaryIO, cast
from urllib.parse import urlsplit

from oneofeach.errors import SourceNotFound, UnreadableImage
from oneofeach.stages.sources.reach import file_system, reached


def is_url(path: object) -> bool:
    return isinstance(path, str) and "://" in path


def suffix_of(path: object) -> str:
    """The lower-case suffix of a path or URL, with its dot; "" for anything else."""
    if not isinstance(path, (str, os.PathLike)):
        return ""
    text = os.fspath(path)
    return os.path.splitext(urlsplit(text).path if is_url(text) else text)[1].lower()


def name_of(path: str) -> str:
    """The last part of a path or URL."""
    return os.path.basename((urlsplit(path).path if is_url(path) else path).rstrip("/" + os.sep))


def named_by(place: str) -> list[str]:
    """The URLs that one with "*" stands for, sorted; any other place is itself. SourceNotFound when there is none."""
    if not (is_url(place) and "*" in place):
        return [place]
    system, inner = file_system(place)
    with reached(place):
        found = sorted(system.unstrip_protocol(path) for path in system.glob(inner))
    if not found:
        raise SourceNotFound(place)
    return found


def open_binary(path: str) -> BinaryIO:
    """A seekable file. OSError as `open` raises it."""
    if not is_url(path):
        return open(path, "rb")
    system, inner = file_system(path)
    with reached(path):
        return cast(BinaryIO, system.open(inner, "rb"))


def read_range(path: str, offset: int = 0, size: int = -1) -> bytes:
    """`size` bytes from `offset`, or all of the rest. UnreadableImage when the file ends before."""
    if is_url(path):
        system, inner = file_system(path)
        data = bytes(system.cat_file(inner, start=offset, end=None if size < 0 else offset + size))
    else:
        with open(path, "rb") as file:
            file.seek(offset)
            data = file.read(size)
    if len(data) < size:
        hint = "The file was cut off, or changed during the scan: scan again, or restore it."
        raise UnreadableImage(f"{name_of(path)} ends {size - len(data)} bytes too early\n{hint}")
    return data


def exists(path: str) -> bool:
    if not is_url(path):
        return os.path.exists(path)
    system, inner = file_system(path)
    with reached(path):
        return bool(system.exists(inner))


def version_of(path: str) -> int:
    """Tells a file from one of the same name that is read later; -1 for a URL."""
    return -1 if is_url(path) else os.stat(path).st_mtime_ns


def hints_of(path: str) -> tuple[int, int, int]:
    """(size, mtime_ns, inode) of a local file; -1 each for a URL, whose servers rarely tell them alike."""
    if is_url(path):
        return -1, -1, -1
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns, status.st_ino
