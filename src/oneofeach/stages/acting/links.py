"""Actions that leave the name and give back the space: the file becomes a link to its keeper, or shares its blocks.

Only for files of the same bytes. The new file is made under a hidden name beside, checked, and takes the place of the
old one in a single rename; whatever fails before that leaves the old file untouched.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from abc import ABC, abstractmethod
from contextlib import suppress

from oneofeach.errors import Refused
from oneofeach.stages.acting.disk import Stuck, sentence, there
from oneofeach.stages.acting.journal import Unit
from oneofeach.stages.acting.moves import hidden_name
from oneofeach.stages.acting.steps import File, Step
from oneofeach.stages.acting.witness import Witness, content_of


class Link(ABC):
    """What the three have in common. `make` puts the stand-in at a new path; `points` tells it from a real file."""

    same_bytes = True
    undoable = True

    @abstractmethod
    def make(self, unit: Unit, keeper: str, path: str) -> None: ...

    @abstractmethod
    def points(self, path: str, keeper: str) -> bool:
        """Whether the file at `path` is a stand-in for the keeper that this action made."""

    def do(self, unit: Unit, witness: Witness) -> set[str]:
        file, keeper = unit.step.file, _keeper(unit)
        hidden = hidden_name(file.path, unit)
        try:
            witness.check(keeper, "the keeper")
            self.make(unit, keeper.path, hidden)
            if content_of(hidden, file.size) != file.content:
                raise Refused("the link does not lead to the same content")
            witness.check(file, "the file")
            os.replace(hidden, file.path)
        except (OSError, Refused) as error:
            _clear(hidden, error)
            raise
        return {os.path.dirname(file.path)}

    def settle(self, unit: Unit) -> bool:
        _clear(hidden_name(unit.step.file.path, unit))
        return self.points(unit.step.file.path, _keeper(unit).path)

    def undo(self, unit: Unit) -> set[str]:
        """A real file again, copied back, with its own time, mode and owner."""
        file, hidden = unit.step.file, hidden_name(unit.step.file.path, unit)
        _clear(hidden)
        found = there(file.path)
        if found is None:
            raise Refused("it is missing")
        if content_of(file.path, file.size) != file.content:
            raise Refused("its bytes have changed since, through the link or by hand")
        if not self.points(file.path, _keeper(unit).path) and found.st_mtime_ns == file.mtime_ns:
            return set()
        try:
            shutil.copyfile(file.path, hidden)
            restore_facts(hidden, file, unit.was)
            if content_of(hidden, file.size) != file.content:
                raise Refused("the copy is not the same as the original")
            os.replace(hidden, file.path)
        except (OSError, Refused) as error:
            _clear(hidden, error)
            raise
        return {os.path.dirname(file.path)}


class Hardlink(Link):
    """One file with two names: an edit through one of them shows in the other."""

    def make(self, unit: Unit, keeper: str, path: str) -> None:
        os.link(keeper, path)
        if not os.path.samestat(os.lstat(path), os.lstat(keeper)):
            raise Refused("the link is not the same file as the keeper")

    def points(self, path: str, keeper: str) -> bool:
        found, kept = there(path), there(keeper)
        return found is not None and kept is not None and os.path.samestat(found, kept)


class Symlink(Link):
    """A name that points to the keeper, relative where it can be: a moved folder keeps its links."""

    def make(self, unit: Unit, keeper: str, path: str) -> None:
        folder = os.path.realpath(os.path.dirname(path))
        try:
            destination = os.path.relpath(os.path.realpath(keeper), folder)
        except ValueError:  # another drive on Windows
            destination = os.path.realpath(keeper)
        os.symlink(destination, path)
        if not os.path.samefile(path, keeper):
            raise Refused("the link does not lead to the keeper")

    def points(self, path: str, keeper: str) -> bool:
        return os.path.islink(path)


class Reflink(Link):
    """A file of its own that shares its blocks with the keeper until one of them is written (btrfs, XFS, APFS)."""

    def make(self, unit: Unit, keeper: str, path: str) -> None:
        clone(keeper, path)
        restore_facts(path, unit.step.file, unit.was)

    def points(self, path: str, keeper: str) -> bool:
        return False


def clone(source: str, target: str) -> None:
    """A new file that shares all blocks of `source`. OSError where the file system cannot do it."""
    if sys.platform == "darwin":
        from ctypes import CDLL, c_char_p, c_uint, get_errno

        clonefile = CDLL(None, use_errno=True).clonefile
        clonefile.argtypes = (c_char_p, c_char_p, c_uint)
        if clonefile(os.fsencode(source), os.fsencode(target), 0):
            raise OSError(get_errno(), os.strerror(get_errno()), source)
    elif sys.platform == "linux":
        from fcntl import ioctl

        ficlone = 0x40049409  # linux/fs.h
        with open(source, "rb") as old, open(target, "xb") as new:
            ioctl(new.fileno(), ficlone, old.fileno())
    else:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP), source)


def restore_facts(path: str, file: File, was: tuple[int, int, int]) -> None:
    """Give a file its recorded mode, owner and time, and bring its bytes to the disk."""
    mode, owner, group = was
    now = os.stat(path)
    if (now.st_uid, now.st_gid) != (owner, group) and hasattr(os, "chown"):
        with suppress(PermissionError):  # only root may give a file away; its bytes and its name matter more
            os.chown(path, owner, group)
    os.chmod(path, stat.S_IMODE(mode))
    os.utime(path, ns=(now.st_atime_ns, file.mtime_ns))
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _keeper(unit: Unit) -> File:
    assert isinstance(unit.step, Step)
    return unit.step.keeper


def _clear(hidden: str, error: Exception | None = None) -> None:
    """Take away an unfinished stand-in; if that fails too, say where it is."""
    try:
        if there(hidden):
            os.unlink(hidden)
    except OSError as second:
        reason = f"{sentence(error)}; " if error else ""
        raise Stuck(f"{reason}the unfinished file {hidden} could not be removed ({sentence(second)})") from error
