"""One apply or undo at a time on a folder, on the folders in it and on those around it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from oneofeach.errors import Refused
from oneofeach.stages.acting.names import inside


@contextmanager
def locked(roots: Sequence[str], folder: str) -> Iterator[None]:
    """Hold the roots until the block ends; the system lets go of them when the process dies. Refused when one is held.

    Each root is locked for this process alone, the folders above it together with others: a second apply on the same
    root, on one inside it or on one around it is refused. Where folders cannot be locked (Windows, some network
    shares), one lock file in `folder` stands for all of them.
    """
    alone = {os.path.realpath(root) for root in roots}
    alone = {root for root in alone if not inside(root, sorted(alone - {root}))}
    above = {parent for root in alone for parent in _parents(root)} - alone
    with ExitStack() as held:
        try:
            for path in sorted(alone | above):
                _hold_folder(held, path, alone=path in alone)
        except OSError:
            _hold_file(held, os.path.join(folder, "lock"))
        yield


def _parents(path: str) -> list[str]:
    found: list[str] = []
    while (parent := os.path.dirname(path)) != path:
        found.append(parent)
        path = parent
    return found


def _hold_folder(held: ExitStack, path: str, alone: bool) -> None:
    if sys.platform == "win32":
        raise OSError("folders cannot be locked")
    from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock

    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:
        if alone:
            raise
        return  # a folder above that we may not even list: nobody can apply there with our rights either
    held.callback(os.close, descriptor)
    try:
        flock(descriptor, (LOCK_EX if alone else LOCK_SH) | LOCK_NB)
    except BlockingIOError:
        raise _busy(path) from None


def _hold_file(held: ExitStack, path: str) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    held.callback(os.close, descriptor)
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            from fcntl import LOCK_EX, LOCK_NB, flock

            flock(descriptor, LOCK_EX | LOCK_NB)
    except OSError:
        raise _busy(path) from None


def _busy(path: str) -> Refused:
    return Refused(f"Another apply or undo is at work in {path}\nWait until it has finished, then try again.")
