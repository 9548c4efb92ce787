"""Kept rows of an outcome → units to write: one image with everything that travels with it, under a name of its own."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
from PIL import Image

from oneofeach.errors import Refused, UnsupportedInput
from oneofeach.tables import Item, Outcome, Readable, Sample

EXTRA = ".extra"
CAPTIONS = (".txt", ".caption")


@dataclass(frozen=True, slots=True)
class Unit:
    """row: of the catalog. name: relative, with "/" between folders, without extension; extension: without dot."""

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
            raise Refused(
                f"An image has changed since it was scanned: {self.item.key}\nRun again; nothing was written."
            )
        return data

    def companions(self) -> dict[str, bytes]:
        """What travels with the image, by what the name adds to its: ".txt", "-mask.png", "_512x512_sd.npz"."""
        if isinstance(self.item.source, Sample):
            found = self.item.source.companions()
            return {"." * (not name.startswith(("-", "_"))) + name: data for name, data in found.items()}
        return {ending: _file(path) for ending, path in self.sidecars().items()}

    def caption(self, companions: Mapping[str, bytes]) -> str:
        """The text of its caption: that after its full name (`a.jpg.txt`), or else after its stem; "" for none."""
        endings = (whole + ending for whole in (f".{self.extension}", "") for ending in CAPTIONS)
        data = next((companions[ending] for ending in endings if ending in companions), b"")
        return data.decode("utf-8", errors="replace")

    def sidecars(self) -> dict[str, str]:
        """The same for companions that are files of their own, as paths."""
        stem = os.path.splitext(os.path.basename(self.path))[0]
        return {os.path.basename(path)[len(stem) :]: path for path in self.item.sidecars}


def changed(item: Item) -> Refused:
    return Refused(f"An image has changed since it was scanned: {item.key}\nRun again; nothing was written.")


def units_of(outcome: Outcome) -> list[Unit]:
    """One unit per kept image, in input order. Names are unique together with their extension."""
    items, contents = outcome.catalog.items, outcome.catalog.facts["content"]
    rows = np.flatnonzero(outcome.assignment.kept).tolist()
    return named((row, items[row], bytes(contents[row])) for row in rows)


def named(kept: Iterable[tuple[int, Item, bytes]]) -> list[Unit]:
    """The same of (row, item, SHA-256 as scanned) each. Only files that had one stem share one: captions go by it."""
    taken: set[str] = set()
    stems: dict[str, str] = {}
    units = []
    for row, item, content in kept:
        name, extension = _name(item)
        stem = _stem(item)
        unique = next(
            option
            for option in numbered(name)
            if stems.get(option.casefold(), stem) == stem and f"{option}.{extension}".casefold() not in taken
        )
        stems[unique.casefold()] = stem
        taken.add(f"{unique}.{extension}".casefold())
        units.append(Unit(row, item, unique, extension, content))
    return units


def _stem(item: Item) -> str:
    """Equal for images that share their companions where they have them: files of one stem, in a folder or a zip."""
    source = item.source
    if isinstance(source, Sample):
        return str(getattr(source, "stem", source.place))
    return os.path.splitext(os.fspath(source))[0] if isinstance(source, (str, os.PathLike)) else item.key


def plain(text: str) -> str:
    """A name as text that any reader takes: bytes that are no UTF-8 are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def distinct(names: Iterable[str]) -> list[str]:
    """Names that are repeated, also in another case, get a number."""
    taken: set[str] = set()
    found = []
    for name in names:
        found.append(next(option for option in numbered(name) if option.casefold() not in taken))
        taken.add(found[-1].casefold())
    return found


def by_stem(units: list[Unit]) -> list[tuple[str, Unit]]:
    """Units with names that are unique without the extension, for formats whose samples are told apart by it.

    Dots inside the last part become underscores: there, all that follows the first dot is the extension.
    """
    taken: set[str] = set()
    named = []
    for unit in units:
        folder, slash, base = unit.name.rpartition("/")
        stem = folder + slash + base.replace(".", "_")
        name = next(option for option in numbered(stem) if option not in taken)
        taken.add(name)
        named.append((name, unit))
    return named


def by_reader(ending: str, unit: Unit, endings: Container[str]) -> str:
    """The ending under which trainers find a companion: they look for captions after the stem only.

    endings: of all companions. A caption after the full name takes the place of one after the stem.
    """
    whole = f".{unit.extension}"
    if ending.removeprefix(whole) in CAPTIONS:
        return f".other{ending}" if whole + ending in endings else ending.removeprefix(whole)
    return ending


def numbered(name: str) -> Iterator[str]:
    """The name, then "name-2", "name-3", ..."""
    yield name
    yield from (f"{name}-{number}" for number in range(2, 1 << 31))


def _name(item: Item) -> tuple[str, str]:
    """The name inside the export, and the extension."""
    source = item.source
    if isinstance(source, Sample):
        return _relative(f"{_container(item.key)}/{source.name}"), source.extension
    if isinstance(source, (str, os.PathLike)):
        stem, extension = os.path.splitext(item.key)
        return _relative(stem), extension[1:]
    return _relative(item.key), _extension(source)


def _container(key: str) -> str:
    """The archive, table or split that a sample's key begins with: "shard-1" of "data/shard-1.tar#000"."""
    if "#" in key:
        return PurePath(key.rpartition("#")[0]).stem
    return key.rpartition("[")[0] if key.endswith("]") else ""


def _relative(name: str) -> str:
    """A relative path with plain parts only: no root, no drive, no step up."""
    parts = [re.sub(r'[<>:"|?*\[\]\0-\x1f]+', "", part) for part in re.split(r"[/\\]", name)]
    return "/".join(part for part in parts if part.strip(". ")) or "image"


def _extension(source: object) -> str:
    if isinstance(source, (bytes, bytearray, memoryview)):
        with Image.open(io.BytesIO(source)) as image:
            return (image.format or "bin").lower().replace("jpeg", "jpg")
    return "png"


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
