"""Whether a file is still what the plan says: its size, its time of change, and the SHA-256 of its bytes.

Functions raise OSError; `Witness.check` raises Refused with a plain sentence. Nothing here changes a file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any, NamedTuple

from oneofeach import kernels
from oneofeach.errors import Refused
from oneofeach.stages.acting.disk import sentence
from oneofeach.stages.acting.steps import File

CHUNK = 1 << 20
SMALL = 1 << 15  # bytes of a file that is read together with others
PATIENCE = 200_000_000  # nanoseconds that reading files together may take: an interruption waits for no more
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


Mark = tuple[int, int, int, int, int]
"""Device, inode, size, mtime_ns and ctime_ns: they tell a file, or a link, from every other and from itself before."""


class Sight(NamedTuple):
    """What was seen at a path: facts as in os.stat_result, and the SHA-256 of the bytes in hexadecimal."""

    mark: Mark
    mode: int
    links: int
    owner: int
    group: int
    content: str


class Witness:
    """Remembers which files were seen to be what the plan says, and sees at a glance whether they still are."""

    def __init__(self) -> None:
        self._seen: dict[str, Sight] = {}
        self.ahead: dict[str, Sight] = {}

    def look_ahead(self, files: Iterable[File]) -> dict[str, Sight]:
        """What is seen at once of the small files that `check` was not asked about yet: `ahead` for the next calls."""
        return read_together(
            list({file.path: None for file in files if file.size <= SMALL and file.path not in self._seen})
        )

    def check(self, file: File, what: str) -> Sight:
        """Refused unless the file is there with the size, the mtime and the content that the plan recorded."""
        path = file.path
        seen = self._seen.get(path)
        try:
            if seen is not None and seen.content == file.content and mark_of(path) == seen.mark:
                return seen
            now = self.ahead.pop(path, None) or _seen_now(file)
        except OSError as error:
            raise Refused(f"{what} {path}: {sentence(error)}") from error
        if not stat.S_ISREG(now.mode):
            raise Refused(f"{what} {path} is not a plain file")
        if now.mark[2:4] != (file.size, file.mtime_ns) or now.content != file.content:
            raise Refused(f"{what} {path} has changed since the plan was made")
        self._seen[path] = now
        return now

    def seen(self, file: File) -> Sight | None:
        """What was last seen of a file, when that was what the plan says."""
        seen = self._seen.get(file.path)
        return seen if seen is not None and seen.content == file.content else None

    def identity(self, path: str) -> tuple[int, ...]:
        """Device and inode of a file when it was last checked."""
        return self._seen[path].mark[:2]

    def moved(self, path: str, target: str) -> bool:
        """Whether at `target` stands what was last checked at `path`; a rename changes its ctime and nothing else."""
        return mark_of(target)[:4] == self._seen[path].mark[:4]


def read_together(paths: list[str]) -> dict[str, Sight]:
    """What was seen where a small plain file stands, at as many paths as time allows; nothing without the kernel."""
    read: Any = getattr(kernels.compiled, "read_files", None)
    sights: dict[str, Sight] = {}
    for path, facts in zip(paths, read(paths, SMALL, PATIENCE) if read else (), strict=False):
        if facts is not None:
            mark, mode, links, owner, group, data = facts
            sights[path] = Sight(mark, mode, links, owner, group, sha256(data).hexdigest())
    return sights


def _seen_now(file: File) -> Sight:
    """What stands at the path of a file, a link itself and not what it points to; read when it looks like the file."""
    descriptor = _opened(file.path)
    try:
        now = os.fstat(descriptor) if NO_LINK else os.lstat(file.path)
        same = now.st_mtime_ns == file.mtime_ns and now.st_size == file.size and stat.S_ISREG(now.st_mode)
        content = _hashed(descriptor, file.size) if same else ""
        return Sight(_mark(now), now.st_mode, now.st_nlink, now.st_uid, now.st_gid, content)
    finally:
        os.close(descriptor)


def _opened(path: str) -> int:
    try:
        return os.open(path, READ_PLAIN | NO_TRACE)
    except PermissionError:
        return os.open(path, READ_PLAIN)


def mark_of(path: str) -> Mark:
    """The mark of what stands at a path, a link itself and not what it points to."""
    mark: Callable[[str], Mark] | None = getattr(kernels.compiled, "file_mark", None)
    return mark(path) if mark else _mark(os.lstat(path))


def _mark(found: os.stat_result) -> Mark:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
