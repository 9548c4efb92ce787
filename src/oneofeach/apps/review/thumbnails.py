"""Small JPEGs by content, in a cache that can be deleted."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from io import BytesIO
from threading import Lock

import numpy as np
from PIL import Image

from oneofeach.errors import Refused
from oneofeach.stages.fingerprints.description import upright
from oneofeach.tables import Picture

SIDE = 256
QUALITY = 82
PREPARE = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = OFF",  # a cache: what a power cut takes is made again
    "CREATE TABLE IF NOT EXISTS thumbnail (content BLOB PRIMARY KEY, jpeg BLOB) STRICT",
)


def default_path() -> str:
    """Where thumbnails are kept."""
    import platformdirs

    return os.path.join(platformdirs.user_cache_dir("oneofeach"), "thumbnails.sqlite")


class Thumbnails:
    """One open store. Threads may share it."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        path = os.fspath(path)
        self._lock = Lock()
        try:
            if path != ":memory:":
                os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
            self._store = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
            for line in PREPARE:
                self._store.execute(line)
        except (OSError, sqlite3.Error) as error:
            raise Refused(
                f"The thumbnails cannot be opened: {path} ({error})\nDelete the file, or let its folder be written."
            ) from error

    def close(self) -> None:
        self._store.close()

    def find(self, content: bytes) -> bytes | None:
        with self._lock:
            found = self._store.execute("SELECT jpeg FROM thumbnail WHERE content = ?", (content,)).fetchone()
        return None if found is None else bytes(found[0])

    def put(self, content: bytes, jpeg: bytes) -> None:
        with self._lock, suppress(sqlite3.Error):  # a cache that cannot be written costs time, and nothing else
            self._store.execute("INSERT OR IGNORE INTO thumbnail VALUES (?, ?)", (content, jpeg))


def small(picture: Picture) -> bytes:
    """A JPEG that fits into 256 x 256 pixels, upright."""
    pixels = np.asarray(picture.pixels)
    width, height = picture.extent
    scale = min(1.0, SIDE / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = Image.fromarray(pixels).resize(size, Image.Resampling.BOX, box=(0, 0, width, height), reducing_gap=2.0)
    planes = np.moveaxis(np.atleast_3d(np.asarray(small)), -1, 0)
    turned = np.moveaxis(upright(planes, picture.orientation), 0, -1)
    image = Image.fromarray(np.ascontiguousarray(turned if turned.shape[-1] == 3 else turned[..., 0]))
    data = BytesIO()
    image.save(data, "JPEG", quality=QUALITY)
    return data.getvalue()
