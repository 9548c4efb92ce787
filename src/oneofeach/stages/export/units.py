"""Kept rows of an outcome → units to write: one image with everything that travels with it, under a name of its own."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Container, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from oneofeach.captions import CAPTION_EXTENSIONS, ENDINGS, text_in
from oneofeach.errors import Refused, UnsupportedInput
from oneofeach.stages.export.naming import Names, wish
from oneofeach.tables import Item, Outcome, Readable, Sample, ending_of

EXTRA = ".extra"


@dataclass(frozen=True, slots=True)
class Unit:
    """row: of the catalog. name, extension: what it is called in the export; see naming.py."""

    row: int
    item: Item
    name: str
    extension: str
    content: bytes  # SHA-256 as scanned; all zero for images that never were a file

    @property
    def path(self) -> str:
        """The image as a file of its own; "" when it is not one."""
        source = self.item.source
        return os.fspath(source) if isinstance(source, (str, os.PathLike)) else ""

    def read(self) -> bytes:
        """The bytes of the image, as scanned. Refused when they have changed since."""
        data = _bytes_of(self.item)
        if any(self.content) and hashlib.sha256(data).digest() != self.content:
            raise changed(self.item)
        return data

    def companions(self) -> dict[str, bytes]:
        """What travels with the image, by what the name adds to its: ".txt", "-mask.png", "_512x512_sd.npz"."""
        if isinstance(self.item.source, Sample):
            found = self.item.source.companions()
            return {ending_of(extension): data for extension, data in found.items()}
        return {ending: _file(path) for ending, path in self.sidecars().items()}

    def caption(self, companions: Mapping[str, bytes]) -> str:
        """The text of its caption: of two that end alike that after its full name (`a.jpg.txt`); "" for none."""
        whole = f".{self.extension}"
        names = ((f"{start}{ending}", ending) for ending in ENDINGS for start in (whole, ""))
        texts = (text_in(companions[name], ending) for name, ending in names if name in companions)
        return next(filter(None, texts), "")

    def sidecars(self) -> dict[str, str]:
        """The same for companions that are files of their own, as paths."""
        stem = os.path.splitext(os.path.basename(self.path))[0]
        return {os.path.basename(path)[len(stem) :]: path for path in self.item.sidecars}


def changed(item: Item) -> Refused:
    return Refused(f"An image has changed since it was scanned: {item.key}\nRun again; nothing was written.")


def units_of(outcome: Outcome, format: str, stems: Mapping[str, str]) -> list[Unit]:
    """One unit per kept image, in input order. stems: see naming.py."""
    items, contents, names = outcome.catalog.items, outcome.catalog.facts["content"], Names(format)
    units = []
    for row in np.flatnonzero(outcome.assignment.kept).tolist():
        wished = wish(items[row], format, stems)
        units.append(Unit(row, items[row], names.give(wished), wished.extension, bytes(contents[row])))
    return units


def by_reader(ending: str, unit: Unit, endings: Container[str]) -> str:
    """The ending under which trainers find a companion: they look for captions after the stem only.

    endings: of all companions. A caption after the full name takes the place of one after the stem.
    """
    whole = f".{unit.extension}"
    if ending.removeprefix(whole) in CAPTION_EXTENSIONS:
        return f".other{ending}" if whole + ending in endings else ending.removeprefix(whole)
    return ending


def _bytes_of(item: Item) -> bytes:
    source = item.source
    if isinstance(source, (str, os.PathLike)):
        return _file(os.fspath(source))
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    if isinstance(source, Readable):
        return source.read()
    if isinstance(source, Image.Image):
        file = io.BytesIO()
        source.save(file, "PNG")
        return file.getvalue()
    hint = "Save it yourself: `unique_images` holds the arrays and tensors that were kept."
    raise UnsupportedInput(f"An image that is only an array cannot be exported: {item.key}\n{hint}")


def _file(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
