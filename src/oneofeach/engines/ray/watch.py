"""Tells an image that cannot be read from a storage that cannot be reached: one is skipped, the other tried again."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from oneofeach.errors import UnreadableImage
from oneofeach.stages.sources.files import is_url
from oneofeach.tables import Description, Item

OF_THE_IMAGE = (FileNotFoundError, PermissionError, IsADirectoryError, UnreadableImage, ValueError, LookupError)
"""What reading one remote image can raise through its own fault."""


@dataclass
class Watch:
    """Remembers what went wrong between the worker and a remote storage."""

    lost: list[str] = field(default_factory=list)

    def over(self, item: Item) -> Item:
        """The same item, watched when it is read from a remote storage."""
        return replace(item, opener=_Watched(item.source, self.lost)) if is_remote(item) else item

    def check(self, items: Sequence[Item], rows: Sequence[Description], last: bool) -> None:
        """OSError when rows are missing through no fault of the images.

        last: enough tries: then single images that cannot be fetched are skipped, unless all of them failed.
        """
        if self.lost and not (last and any(not row.error for row in rows)):
            raise OSError(errno.EIO, self.lost[0])
        local = [item.source for item in items if item.size >= 0 and isinstance(item.source, (str, os.PathLike))]
        if local and not any(os.path.exists(path) for path in local):
            raise OSError(errno.EIO, "the images are not to be seen from this worker: mount them there", str(local[0]))


@dataclass
class _Watched:
    reader: Any
    lost: list[str]

    def read(self) -> bytes:
        try:
            return bytes(self.reader.read())
        except OF_THE_IMAGE:
            raise
        except Exception as error:
            self.lost.append(f"{type(error).__name__}: {error}")
            raise


def is_remote(item: Item) -> bool:
    return is_url(getattr(item.source, "place", ""))
