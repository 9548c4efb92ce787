"""One image on its way: Item, as a source names it → Picture, decoded → Description, fingerprinted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Protocol, runtime_checkable

import numpy as np

from oneofeach.tables.columns import Bytes


@runtime_checkable
class Readable(Protocol):
    """An encoded image that is not a plain file: a tar member, a Parquet cell. Picklable."""

    def read(self) -> bytes: ...


@runtime_checkable
class Sample(Readable, Protocol):
    """A Readable whose container holds more that belongs to the image: a tar sample, a Parquet row, a COCO entry.

    place: where the bytes are, the same in every run ("/data/shard-1.tar#512"); what the index knows it by.
    name: unique inside the container, without extension. extension: of the image, without dot ("jpg").
    companions: what travels with the image, by extension ("txt", "json", "seg.png") or ending ("-masklabel.png").
    """

    @property
    def place(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def extension(self) -> str: ...

    def companions(self) -> Mapping[str, bytes]: ...


def ending_of(extension: str) -> str:
    """What the name of a companion adds to that of its image: ".txt" for "txt"; "-masklabel.png" stays as it is."""
    return extension if extension.startswith(("-", "_")) else f".{extension}"


@dataclass(frozen=True, slots=True)
class Item:
    """One image as a source names it, not yet opened.

    key: stable and printable (a relative path, "shard-0001.tar#000123", "[3]").
    input: what the user gave and gets back in `unique_images`.
    opener: str path, bytes, PIL image, array, tensor, or Readable; what `decode` opens. None: same as input.
    size, mtime_ns, inode: hints for the index, -1 when there is none.
    sidecars: paths of the files that belong to the image (captions, masks, ...).
    error: the source already knows that this image cannot be read.
    """

    key: str
    input: Any
    opener: Any = None
    size: int = -1
    mtime_ns: int = -1
    inode: int = -1
    sidecars: tuple[str, ...] = ()
    error: str = ""

    def __init__(
        self,
        key: str,
        input: Any,
        opener: Any = None,
        size: int = -1,
        mtime_ns: int = -1,
        inode: int = -1,
        sidecars: tuple[str, ...] = (),
        error: str = "",
    ) -> None:
        # what a frozen dataclass does by itself, in half the time: items are made by the million
        _set_key(self, key)
        _set_input(self, input)
        _set_opener(self, opener)
        _set_size(self, size)
        _set_mtime_ns(self, mtime_ns)
        _set_inode(self, inode)
        _set_sidecars(self, sidecars)
        _set_error(self, error)

    @property
    def source(self) -> Any:
        return self.input if self.opener is None else self.opener


_set_key, _set_input, _set_opener, _set_size, _set_mtime_ns, _set_inode, _set_sidecars, _set_error = (
    getattr(Item, field.name).__set__ for field in fields(Item)
)


@dataclass(frozen=True, slots=True)
class Picture:
    """Decoded pixels on their way to a fingerprint.

    pixels: uint8 [h, w] or [h, w, 3], not yet turned upright, alpha already flattened over white; or what gives such
    pixels where it is indexed (kernels.levels.Levels), so that a large tensor is never copied whole.
    extent: (width, height) in pixels of `pixels` that the picture truly covers: a scaled decode may pad its last block.
    orientation: EXIF orientation 1..8 still to be applied.
    """

    pixels: Any
    extent: tuple[float, float]
    orientation: int = 1


@dataclass(frozen=True, slots=True)
class Description:
    """What a scan knows about one image: a row of the catalog to be. `error` is empty when it was readable."""

    facts: np.void
    bits: Bytes  # [bits / 8]
    descriptor: Bytes  # [bytes], layout private to the fingerprint
    note: str = ""
    error: str = ""
