"""Row → the bytes of a small JPEG, or of the whole image in a form that every browser draws. Never a path.

Thumbnails are made on first sight and kept by content in a cache that can be deleted. The file itself is sent only when
its bytes are those of the scan and of a format that cannot hold script; anything else is drawn anew.
"""

from __future__ import annotations

import os
import sqlite3
from hashlib import sha256
from io import BytesIO
from threading import Lock

import numpy as np
from PIL import Image

from oneofeach.errors import UnreadableImage
from oneofeach.stages.decode import Loaded, decode, load, open_image
from oneofeach.stages.decode.pillow import guarded, orientation_of
from oneofeach.stages.fingerprints.description import upright
from oneofeach.tables import Catalog, Picture

SIDE = 256
QUALITY = 82
AS_THEY_ARE = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp"}
TURNED_BY_BROWSERS = ("JPEG",)  # the orientation in other formats is not obeyed by all of them
PNG = "image/png"


class Changed(UnreadableImage):
    """The file is not the one that was scanned."""


def default_path() -> str:
    """Where thumbnails are kept."""
    import platformdirs

    return os.path.join(platformdirs.user_cache_dir("oneofeach"), "thumbnails.sqlite")


class Pictures:
    """The images of one catalog. Threads may share it. UnreadableImage when an image cannot be had any more."""

    def __init__(self, catalog: Catalog, path: str | os.PathLike[str]) -> None:
        path = os.fspath(path)
        if path != ":memory:":
            os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        self._catalog = catalog
        self._lock = Lock()
        self._store = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._store.execute("PRAGMA journal_mode = WAL")
        self._store.execute("PRAGMA synchronous = OFF")  # a cache: what a power cut takes is made again
        self._store.execute("CREATE TABLE IF NOT EXISTS thumbnail (content BLOB PRIMARY KEY, jpeg BLOB) STRICT")

    def close(self) -> None:
        self._store.close()

    def __len__(self) -> int:
        return len(self._catalog)

    def tag(self, row: int) -> str:
        """Changes when the picture does: for ETags and addresses."""
        content = bytes(self._catalog.facts["content"][row])
        return (content if any(content) else sha256(self._catalog.descriptors[row].tobytes()).digest())[:12].hex()

    def thumbnail(self, row: int) -> bytes:
        """A JPEG that fits into 256 x 256 pixels, upright."""
        content = bytes(self._catalog.facts["content"][row])
        with self._lock:
            found = self._store.execute("SELECT jpeg FROM thumbnail WHERE content = ?", (content,)).fetchone()
        if found:
            return bytes(found[0])
        jpeg = _small(decode(self._load(row), min_side=SIDE).picture)
        if any(content):
            with self._lock:
                self._store.execute("INSERT OR IGNORE INTO thumbnail VALUES (?, ?)", (content, jpeg))
        return jpeg

    def small(self, row: int) -> tuple[bytes, str]:
        """The thumbnail and its media type."""
        return self.thumbnail(row), "image/jpeg"

    def whole(self, row: int) -> tuple[bytes, str]:
        """All pixels, and the media type: the file as it is when that is safe, else a PNG of the upright image."""
        loaded = self._load(row)
        kind = self._catalog.facts["format"][row].decode()
        if loaded.data is not None and kind in AS_THEY_ARE and _as_it_is(loaded.data, kind):
            return loaded.data, AS_THEY_ARE[kind]
        image = open_image(loaded.data if loaded.data is not None else loaded.image)
        data = BytesIO()
        image.save(data, "PNG", compress_level=1)
        return data.getvalue(), PNG

    def _load(self, row: int) -> Loaded:
        loaded = load(self._catalog.items[row].source)
        if loaded.content != bytes(self._catalog.facts["content"][row]):
            raise Changed("the file has changed since the scan")
        return loaded


def _as_it_is(data: bytes, kind: str) -> bool:
    """Whether the bytes are of that format, and upright in every browser."""
    with guarded():
        image = Image.open(BytesIO(data))
        if (image.format or "").replace("MPO", "JPEG") != kind:
            return False
        return kind in TURNED_BY_BROWSERS or orientation_of(image) == 1


def _small(picture: Picture) -> bytes:
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
