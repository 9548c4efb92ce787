"""Items → the names that they have inside an export, each decided by those before it alone.

Only images that had one stem where they come from share one, because captions and masks go by it. Another image that
would take such a name gets a number.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from pathlib import PurePath
from typing import NamedTuple

from PIL import Image

from oneofeach.tables import Item, Sample

STEMS = ("webdataset", "kohya")
"""Formats that tell images apart by their names without the extension."""
REPEATS = re.compile(r"[0-9]+_.+")
NUMBERS = re.compile(r"(-[0-9]+)+$")


class Wish(NamedTuple):
    """name: relative, with "/" between folders, without extension. extension: without dot.

    origin: equal for images that share their companions: files of one stem, in a folder or a zip.
    """

    name: str
    extension: str
    origin: str


def wish(item: Item, format: str, stems: Mapping[str, str]) -> Wish:
    """What an image would be called in an export of this format, if it were alone. stems: of `stems_of`, for COCO."""
    name, extension = _name(item)
    if stems and (path := annotations_of(item)) in stems:
        stem, dot_and_extension = os.path.splitext(item.source.file_name)
        name, extension = "/".join(filter(None, [images_of(stems[path]), _relative(stem)])), dot_and_extension[1:]
    return Wish(STYLES.get(format, str)(name), extension, _origin(item))


def annotations_of(item: Item) -> str:
    """The annotation file that an image is named in; "" for others."""
    return str(getattr(item.source, "annotations", ""))


def stems_of(items: Iterable[Item], format: str) -> dict[str, str]:
    """The annotation files that images come from, by their paths: what each is called as COCO. Empty for others."""
    paths = dict.fromkeys(filter(None, map(annotations_of, items))) if format == "coco" else {}
    names = Names(STEMS[0])
    return {path: names.give(Wish(_relative(PurePath(path).stem), "", "")) for path in paths}


def images_of(stem: str) -> str:
    """The folder of the images of an annotation file, where its readers look for them: "val" of "instances_val"."""
    return stem.rpartition("_")[2]


class Names:
    """Gives names, one after the other: to no two images one, and a stem to images of one origin."""

    def __init__(self, format: str) -> None:
        self._stems, self._origins, self._taken = format in STEMS, dict[str, str](), set[str]()

    def give(self, wished: Wish) -> str:
        """The wished name, or the first free one of "name-2", "name-3", ..."""
        for option in _numbered(wished.name):
            own = _own(option, wished.extension, self._stems)
            if own not in self._taken and self._origins.setdefault(option.casefold(), wished.origin) == wished.origin:
                self._taken.add(own)
                return option
        raise AssertionError("there is always another number")


def digests(wished: Wish, format: str) -> tuple[int, int, int, int]:
    """64-bit digests of family, stem, origin and name. Images of different families never ask for each other's names.

    In a family where no name is there twice and no stem has two origins, each image has the name that it wishes.
    """
    own = _own(wished.name, wished.extension, format in STEMS)
    found = [_digest(text) for text in (_family(wished.name), wished.name.casefold(), wished.origin, own)]
    return found[0], found[1], found[2], found[3]


def plain(text: str) -> str:
    """A name as text that any reader takes: bytes that are no UTF-8 are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "little")


def _family(name: str) -> str:
    """What all options of a name have in common: all up to the first dot, in any case and without numbers."""
    folder, slash, base = name.rpartition("/")
    return NUMBERS.sub("", (folder + slash + base.partition(".")[0]).casefold())


def _own(name: str, extension: str, stems: bool) -> str:
    return (name if stems else f"{name}.{extension}").casefold()


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}-{number}" for number in range(2, 1 << 31))


def _without_dots(name: str) -> str:
    """For formats where all that follows the first dot is the extension."""
    folder, slash, base = name.rpartition("/")
    return folder + slash + base.replace(".", "_")


def _with_repeats(name: str) -> str:
    """Below a folder `N_name`, N being how often its images are repeated in training; 1 where the name tells none."""
    *folders, base = name.split("/")
    if any(REPEATS.fullmatch(folder) for folder in folders):
        return name
    return "/".join([f"1_{'_'.join(folders) or 'images'}", base])


STYLES: dict[str, Callable[[str], str]] = {"webdataset": _without_dots, "kohya": _with_repeats, "coco": plain}


def _name(item: Item) -> tuple[str, str]:
    """The name inside the export, and the extension."""
    source = item.source
    if isinstance(source, Sample):
        return _relative(f"{_container(item.key)}/{source.name}"), source.extension
    if isinstance(source, (str, os.PathLike)):
        stem, extension = os.path.splitext(item.key)
        return _relative(stem), extension[1:]
    return _relative(item.key), _extension(source)


def _origin(item: Item) -> str:
    source = item.source
    if isinstance(source, Sample):
        return str(getattr(source, "stem", source.place))
    if isinstance(source, (str, os.PathLike)):
        return os.path.normpath(os.path.splitext(source)[0])
    return item.key


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
