"""Whether a file is still what the plan says: its size, its time of change, and the SHA-256 of its bytes.

Functions raise OSError; `Witness.check` raises Refused with a plain sentence. Nothing here changes a file.
"""

from __future__ import annotations

import os
import stat
from hashlib import sha256

from oneofeach.errors import Refused
from oneofeach.stages.acting.disk import sentence
from oneofeach.stages.acting.steps import File

CHUNK = 1 << 20
READ = os.O_RDONLY | getattr(os, "O_BINARY", 0)
NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # absent on Windows
READ_PLAIN = READ | NO_LINK | getattr(os, "O_NONBLOCK", 0)  # a pipe is opened, and told by its kind, without waiting
NO_TRACE = getattr(
    os, "O_NOATIME", 0
)  # Linux, for the owner: times of access would be most of what a sync has to write


def look(path: str) -> File:
    """The file as it is now: size, mtime and content."""
    before = os.lstat(path)
    return File(path, before.st_size, before.st_mtime_ns, content_of(path, before.st_size))


def content_of(path: str, size: int = CHUNK) -> str:
    """SHA-256 of a file's bytes in hexadecimal. size: what it is expected to have, to read it in one go."""
    descriptor = os.open(path, READ)
    try:
        return _hashed(descriptor, size)
    except OSError as error:
        error.filename = path
        raise
    finally:
        os.close(descriptor)


def _hashed(descriptor: int, size: int) -> str:
    chunk = min(size, CHUNK) + 1
    data = os.read(descriptor, chunk)
    digest = sha256(data)
    while len(data) == chunk:  # a short read is the end of a file
        data = os.read(descriptor, chunk)
        digest.update(data)
    return digest.hexdigest()


class Witness:
    """Remembers which files were seen to be what the plan says, and sees at a glance whether they still are."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, tuple[int, ...]]] = {}

    def check(self, file: File, what: str) -> os.stat_result:
        """Refused unless the file is there with the size, the mtime and the content that the plan recorded."""
        content, mark = self._seen.get(file.path, ("", ()))
        try:
            if content == file.content:
                now = os.lstat(file.path)
                if _mark(now) == mark:
                    return now
            now, same = _compared(file)
        except OSError as error:
            raise Refused(f"{what} {file.path}: {sentence(error)}") from error
        if not stat.S_ISREG(now.st_mode):
            raise Refused(f"{what} {file.path} is not a plain file")
        if not same:
            raise Refused(f"{what} {file.path} has changed since the plan was made")
        self._seen[file.path] = file.content, _mark(now)
        return now

    def identity(self, path: str) -> tuple[int, int]:
        """Device and inode of a file when it was last checked."""
        device, inode, *_ = self._seen[path][1]
        return device, inode

    def moved(self, path: str, target: str) -> bool:
        """Whether at `target` stands what was last checked at `path`; a rename changes its ctime and nothing else."""
        return _mark(os.lstat(target))[:4] == self._seen[path][1][:4]


def _compared(file: File) -> tuple[os.stat_result, bool]:
    """What stands at the path of a file, a link itself and not what it points to, and whether it is that file."""
    descriptor = _opened(file.path)
    try:
        now = os.fstat(descriptor) if NO_LINK else os.lstat(file.path)
        same = now.st_mtime_ns == file.mtime_ns and now.st_size == file.size and stat.S_ISREG(now.st_mode)
        return now, same and _hashed(descriptor, file.size) == file.content
    finally:
        os.close(descriptor)


def _opened(path: str) -> int:
    try:
        return os.open(path, READ_PLAIN | NO_TRACE)
    except PermissionError:
        return os.open(path, READ_PLAIN)


def _mark(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
