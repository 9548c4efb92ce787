"""Row → the bytes of a small JPEG, or of the whole image in a form that every browser draws. Never a path.

The file itself is sent only when its bytes are those of the scan and of a format that cannot hold script; anything else
is drawn anew.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from io import BytesIO

from PIL import Image

from oneofeach.apps.review.thumbnails import SIDE, Thumbnails, small
from oneofeach.errors import UnreadableImage
from oneofeach.stages.decode import Loaded, decode, load, open_image
from oneofeach.stages.decode.pillow import guarded, orientation_of
from oneofeach.tables import Catalog

AS_THEY_ARE = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp"}
TURNED_BY_BROWSERS = ("JPEG",)  # the orientation in other formats is not obeyed by all of them
PNG = "image/png"


class Changed(UnreadableImage):
    """The file is not the one that was scanned."""


class Pictures:
    """The images of one catalog. Threads may share it. UnreadableImage when an image cannot be had any more."""

    def __init__(self, catalog: Catalog, thumbnails: Thumbnails) -> None:
        self._catalog, self._thumbnails = catalog, thumbnails
        self.seen: Callable[[int], None] = lambda row: None  # told which thumbnail was asked for

    def __len__(self) -> int:
        return len(self._catalog)

    def tag(self, row: int) -> str:
        """Changes when the picture does: for ETags and addresses."""
        content = bytes(self._catalog.facts["content"][row])
        return (content if any(content) else sha256(self._catalog.descriptors[row].tobytes()).digest())[:12].hex()

    def thumbnail(self, row: int) -> bytes:
        """A JPEG that fits into 256 x 256 pixels, upright."""
        content = bytes(self._catalog.facts["content"][row])
        found = self._thumbnails.find(content)
        if found is None:
            found = small(decode(self._load(row), min_side=SIDE).picture)
            if any(content):
                self._thumbnails.put(content, found)
        return found

    def small(self, row: int) -> tuple[bytes, str]:
        """The thumbnail that a reader asks for, and its media type."""
        self.seen(row)
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
