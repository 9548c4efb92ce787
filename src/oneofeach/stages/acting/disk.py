"""What acting asks of a disk: move a file without overwriting, make a folder, make a change last; and why it failed.

Every function raises OSError, or Refused with a plain sentence; none of them leaves a half-done change behind.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import cast

from oneofeach import kernels
from oneofeach.errors import Refused

_SENTENCES = {
    errno.EXDEV: "the target is on another volume; files are only ever renamed, never copied",
    errno.EACCES: "no permission to change this folder",
    errno.EPERM: "no permission to change this file or folder",
    errno.EROFS: "this volume is read-only",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.ENAMETOOLONG: "the path is too long for this file system",
    errno.ENOENT: "the file is missing",
    errno.ELOOP: "it is a symbolic link: it is not a plain file",
    errno.EEXIST: "a file of that name is there already, and nothing is ever overwritten",
    errno.EOPNOTSUPP: "this file system cannot do that",
    errno.ENOTTY: "this file system cannot do that",
    errno.EMLINK: "the file has as many hard links as this file system allows",
}
_NO_SYMLINK_RIGHT = 1314


def sentence(error: Exception) -> str:
    """Why an operation failed, for a person."""
    if not isinstance(error, OSError):
        return str(error)
    if getattr(error, "winerror", None) == _NO_SYMLINK_RIGHT:
        return "this account may not create symbolic links (on Windows: turn on Developer Mode)"
    return _SENTENCES.get(error.errno or 0, error.strerror or str(error))


class Stuck(Refused):
    """A change that failed halfway and could not be taken back at once; the message says where the files are."""


def there(path: str) -> os.stat_result | None:
    """What stands at a path, a link itself and not what it points to; None when nothing does."""
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def rename_new(source: str, target: str) -> None:
    """Rename on one volume; FileExistsError rather than overwriting anything."""
    exclusive = _exclusive_rename()
    if exclusive is None:
        _rename_by_link(source, target)
        return
    code = exclusive(source, target)
    if code in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
        _rename_by_link(source, target)
    elif code:
        raise OSError(code, os.strerror(code), source, None, target)


def _rename_by_link(source: str, target: str) -> None:
    if os.name == "nt":
        os.rename(source, target)  # Windows never overwrites here
        return
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise
        if there(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), source, None, target) from error
        os.rename(source, target)
    else:
        os.unlink(source)


@lru_cache(maxsize=1)
def _exclusive_rename() -> Callable[[str, str], int] | None:
    """The system's rename that refuses to overwrite (renameat2 on Linux, renamex_np on macOS): 0 or an errno."""
    if os.name == "nt":
        return None
    if compiled := getattr(kernels.compiled, "rename_new", None):
        return cast("Callable[[str, str], int]", compiled)
    from ctypes import CDLL, c_char_p, c_int, c_uint, get_errno

    library = CDLL(None, use_errno=True)
    if sys.platform == "linux" and hasattr(library, "renameat2"):
        renameat2, here, no_replace, named = library.renameat2, -100, 1, os.fsencode
        renameat2.argtypes = (c_int, c_char_p, c_int, c_char_p, c_uint)
        return lambda a, b: get_errno() if renameat2(here, named(a), here, named(b), no_replace) else 0
    if sys.platform == "darwin" and hasattr(library, "renamex_np"):
        renamex_np, exclusive = library.renamex_np, 4
        renamex_np.argtypes = (c_char_p, c_char_p, c_uint)
        return lambda a, b: get_errno() if renamex_np(os.fsencode(a), os.fsencode(b), exclusive) else 0
    return None


Move = tuple[str, str, tuple[int, ...], str, tuple[int, ...]]
"""Source, target, what was seen of the file, its keeper, what was seen of that one; see `witness.mark_of`."""


def moving_kernel() -> Callable[[list[Move], int], tuple[int, int]] | None:
    """The kernel that renames many files, in turn, and looks at each; None where that is done by `rename_new` alone.

    moves, nanoseconds → how many were made and seen to be right, and 1 when the next one was made but not seen so.
    """
    compiled = kernels.compiled
    return compiled.move_files if compiled and _exclusive_rename() is getattr(compiled, "rename_new", 0) else None


def make_folder(path: str) -> list[str]:
    """Make a folder and what is missing above it. The folders that changed by it, deepest last."""
    changed: list[str] = []
    while not os.path.isdir(path):
        changed.append(path)
        path = os.path.dirname(path)
    for folder in reversed(changed):
        try:
            os.mkdir(folder)
        except FileExistsError:
            if not os.path.isdir(folder):
                raise
    return [path, *reversed(changed)] if changed else []


def sync_folders(folders: Iterable[str]) -> None:
    """Return when the names in these folders would survive a power cut, as far as the system can promise it."""
    if os.name == "nt":
        return  # a folder cannot be opened there; NTFS keeps its own journal of renames
    for folder in sorted(folders):
        try:
            descriptor = os.open(folder, os.O_RDONLY)
        except OSError:
            continue  # gone or not readable: nothing of ours depends on it any more
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.EROFS):
                raise
        finally:
            os.close(descriptor)


def write_new(path: str, data: bytes) -> None:
    """A new file with this content, safe on disk; FileExistsError when there is one, nothing left behind on failure."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        os.unlink(path)
        raise
