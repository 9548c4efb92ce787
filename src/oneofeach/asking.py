"""Is this image already there? An index that can be asked with an image, for library and command line."""

from __future__ import annotations

import os
from typing import Any

from oneofeach import index, plugins
from oneofeach.errors import IndexDamaged, UnreadableImage
from oneofeach.flow import DEFAULT_FINGERPRINT, DEFAULT_THRESHOLD, scan
from oneofeach.index.query import Keys, Match
from oneofeach.matching import checked_threshold
from oneofeach.stages import decode
from oneofeach.tables import Description

FILL = "What it knew of images is gone: run `oneofeach find` on your folders, then ask again."


class Index(index.Index):
    """What was seen, in one SQLite file. The first question reads all keys; from then on each takes milliseconds."""

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        super().__init__(path)
        self._asked: dict[tuple[str, int], Keys] = {}

    def query(
        self,
        image: Any,
        similarity_threshold: float = DEFAULT_THRESHOLD,
        limit: int = 10,
        *,
        fingerprint: str = DEFAULT_FINGERPRINT,
    ) -> list[Match]:
        """The stored images at or above the threshold, most similar first, also those stored since the last question.

        image: anything `deduplicate` takes as one image; it is not stored. UnreadableImage when it cannot be decoded.
        Images that a person called no duplicates of it are left out. IndexDamaged where the index had to be begun anew,
        and nothing has been stored since: no image would be found in it.
        """
        catalog = scan(image, fingerprint=fingerprint, workers=1)
        for reason in catalog.errors.values():
            raise UnreadableImage(f"{reason}\nGive a readable image.")
        asked = Description(catalog.facts[0], catalog.bits[0], catalog.descriptors[0])
        apart = self.decisions.load().apart_from(bytes(catalog.facts["content"][0]))
        try:
            keys = self._keys(fingerprint)
            found = keys.nearest(asked, checked_threshold(similarity_threshold), limit + len(apart))
        except index.IndexRenewed as error:
            raise IndexDamaged(f"{error}\n{FILL}") from error
        return [match for match in found if bytes.fromhex(match.content) not in apart][:limit]

    def _keys(self, fingerprint: str) -> Keys:
        name = fingerprint, self.store.generation
        if name in self._asked:
            self._asked[name].refresh()
        else:
            method = plugins.load("fingerprints", fingerprint)()
            self._asked[name] = self.keys(method, decode.VERSION)
        if self.rebuilt and not len(self._asked[name].bits):
            raise index.IndexRenewed(self.rebuilt)
        return self._asked[name]
