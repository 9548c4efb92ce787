"""A URL for fsspec (s3://, gs://, hf://, https://, ...) → items: a folder is listed, a file is one image."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from oneofeach.errors import SourceNotFound
from oneofeach.stages.sources.files import is_url, name_of, read_range, suffix_of
from oneofeach.stages.sources.listing import companion_name, images_among
from oneofeach.stages.sources.reach import file_system, reached
from oneofeach.tables import Item


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One image behind a URL, and the URLs of its sidecars."""

    place: str
    key: str
    others: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return os.path.splitext(self.key)[0]

    @property
    def extension(self) -> str:
        return suffix_of(self.place)[1:]

    def read(self) -> bytes:
        return read_range(self.place)

    def companions(self) -> dict[str, bytes]:
        return {companion_name(other, self.place): read_range(other) for other in self.others}


class RemoteSource:
    """Accepts a URL."""

    def accepts(self, source: Any) -> bool:
        return is_url(source)

    def items(self, source: Any) -> Iterator[Item]:
        system, inner = file_system(source)
        with reached(source):
            if not system.exists(inner):
                raise SourceNotFound(source)
            alone = system.info(inner) if system.isfile(inner) else None
            listed: Mapping[str, Any] = {} if alone else system.find(inner, detail=True)
        if alone:
            yield _item(source, RemoteFile(source, name_of(source)), alone)
            return
        root = inner.rstrip("/") + "/"
        names = {path.removeprefix(root): path for path in listed}
        for name, others in images_among(names):
            beside = tuple(system.unstrip_protocol(names[other]) for other in others)
            reader = RemoteFile(system.unstrip_protocol(names[name]), name, beside)
            yield _item(name, reader, listed[names[name]])


def _item(key: str, reader: RemoteFile, info: Mapping[str, Any]) -> Item:
    changed = info.get("mtime") or info.get("LastModified")
    seconds = changed.timestamp() if isinstance(changed, datetime) else changed
    mtime_ns = int(seconds * 1e9) if isinstance(seconds, (int, float)) else -1
    return Item(key, reader.place, reader, int(info.get("size") or -1), mtime_ns)
