"""One read per image: a path, bytes or a Readable → bytes, SHA-256 and size; in-memory images pass through."""

from __future__ import annotations

import errno
import os
import stat
from hashlib import sha256
from typing import Any, NamedTuple

from oneofeach.errors import UnreadableImage
from oneofeach.tables import Readable

MAX_BYTES = 1 << 31
"""Larger files are refused unread. Every picture within Pillow's pixel limit fits."""

NO_CONTENT = bytes(32)
_READ_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_REASONS = {
    errno.ENOENT: "file not found",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ELOOP: "symbolic link loops",
    errno.EISDIR: "is a directory",
    errno.ENAMETOOLONG: "file name too long",
}


class Loaded(NamedTuple):
    """What `load` read.

    data: the encoded bytes, None for an image that is already in memory.
    content: SHA-256 of data, all zero without data. size: length of data, 0 without.
    image: the PIL image, array or tensor, None with data.
    """

    data: bytes | None
    content: bytes = NO_CONTENT
    size: int = 0
    image: Any = None


def load(source: Any) -> Loaded:
    """Read `source` once: a path, bytes, a Readable, or an in-memory image (PIL image, array, tensor).

    Raises UnreadableImage with the reason in one line.
    """
    if isinstance(source, (str, os.PathLike)):
        data = _read_file(os.fspath(source))
    elif isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
    elif callable(getattr(source, "read", None)):  # a Readable; asking for the protocol takes ten times as long
        data = _read(source)
    else:
        return Loaded(None, image=source)
    if not data:
        raise UnreadableImage("file is empty")
    return Loaded(data, sha256(data).digest(), len(data))


def _read(source: Readable) -> bytes:
    try:
        data = source.read()
    except Exception as error:  # foreign code: whatever it raises costs one image
        raise UnreadableImage(f"cannot be read: {_one_line(error)}") from error
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise UnreadableImage(f"read() returned {type(data).__name__}, expected bytes")
    return bytes(data)


def _read_file(path: str | bytes) -> bytes:
    try:
        handle = os.open(path, _READ_FLAGS)
    except OSError as error:
        raise UnreadableImage(_reason(error)) from error
    except ValueError as error:  # a null character in the name
        raise UnreadableImage(f"bad file name: {_one_line(error)}") from error
    try:
        return _read_handle(handle)
    except OSError as error:
        raise UnreadableImage(_reason(error)) from error
    finally:
        os.close(handle)


def _read_handle(handle: int) -> bytes:
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableImage("is a directory" if stat.S_ISDIR(status.st_mode) else "not a regular file")
    if status.st_size > MAX_BYTES:
        raise UnreadableImage(f"file has {status.st_size} bytes, more than the limit of {MAX_BYTES}")
    parts = []
    missing = status.st_size
    while missing > 0 and (part := os.read(handle, missing)):
        parts.append(part)
        missing -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _reason(error: OSError) -> str:
    return _REASONS.get(error.errno or 0) or f"cannot be read: {_one_line(error.strerror or error)}"


def _one_line(error: object) -> str:
    return " ".join(str(error).split()) or type(error).__name__
