"""Files that people asked for, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from oneofeach.errors import NotWritable


@contextmanager
def whole_file(path: str | os.PathLike[str], mode: str = "w", **options: Any) -> Iterator[IO[Any]]:
    """A file to write, under a hidden name beside its own, which it takes when all of it is there.

    mode, options: as for `open`. NotWritable, naming `path`, when the file system does not let us.
    """
    target = os.fspath(path)
    hidden = os.path.join(os.path.dirname(target), f".{os.path.basename(target)}.{os.getpid()}.part")
    try:
        with open(hidden, mode, **options) as file:
            yield file
        os.replace(hidden, target)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(hidden)
        if isinstance(error, OSError) and error.filename in (hidden, None):
            raise NotWritable(target, error.strerror or str(error)) from error
        raise
