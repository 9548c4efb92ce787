"""Keeps the decoded pixels of all threads together within a number of bytes; larger pictures wait, or go alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from oneofeach.errors import UnreadableImage
from oneofeach.stages.decode.formats import format_of
from oneofeach.stages.decode.jpeg import decoded_pixels
from oneofeach.stages.decode.pillow import size_of
from oneofeach.stages.decode.read import Loaded

BYTES = 1 << 30
_PER_PIXEL = 8  # Pillow's own four, the array's three, and what becomes of them
_LIGHT = 100_000  # a JPEG file of fewer bytes cannot hold more than 10 million pixels


class Room:
    """Bytes that threads share. A claim larger than all of them is admitted when nobody else is in."""

    def __init__(self, capacity: int = BYTES) -> None:
        self.taken = 0
        self._capacity = capacity
        self._changed = Condition()

    @contextmanager
    def claim(self, size: int) -> Iterator[None]:
        """Wait until `size` bytes are free, and hold them."""
        size = min(size, self._capacity)
        with self._changed:
            self._changed.wait_for(lambda: self.taken + size <= self._capacity)
            self.taken += size
        try:
            yield
        finally:
            with self._changed:
                self.taken -= size
                self._changed.notify_all()


def weight(loaded: Loaded, min_side: int) -> int:
    """Bytes that decoding the image will take, from its header; 0 for small ones and those that will be refused."""
    data = loaded.data
    if data is None:
        return 0
    try:
        name = format_of(data)
        if name != "JPEG":
            width, height = size_of(data, name)
            return width * height * _PER_PIXEL
    except UnreadableImage:
        return 0
    return 0 if len(data) < _LIGHT else decoded_pixels(data, min_side) * _PER_PIXEL
