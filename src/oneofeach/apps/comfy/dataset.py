"""Tensors, captions and masks → files of one folder, and a manifest of what was written there."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from PIL import Image

from oneofeach.apps.comfy.report import plural
from oneofeach.apps.comfy.tensors import picture, pixels_of, to_bytes
from oneofeach.errors import OneOfEachError

MANIFEST = "oneofeach_manifest.json"
LONGEST = 120  # characters of a stem: leaves room for endings on every file system
RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})


def safe_stem(name: str) -> str:
    """The file name in `name` without folder and ending, made fit for every file system; "image" if nothing is left."""
    stem = os.path.splitext(re.split(r"[/\\]", name)[-1])[0]
    stem = re.sub(r'[<>:"|?*\x00-\x1f\x7f]', "_", stem).strip(" .")[:LONGEST].strip(" .")
    if not stem:
        return "image"
    return f"_{stem}" if stem.casefold().partition(".")[0] in RESERVED else stem


class Dataset:
    """Writes into one folder; a name that is taken gets `_2`, so no file is ever overwritten."""

    def __init__(self, folder: str, extension: str, earlier: list[str]) -> None:
        self.folder, self.extension, self.earlier = folder, extension, earlier
        self.written: list[str] = []
        self.images = self.captions = self.masks = self.replaced = 0
        self._stems = {_stem_of(name).casefold() for name in os.listdir(folder)}

    @classmethod
    @contextmanager
    def opened(cls, folder: str, mode: str, extension: str) -> Iterator[Dataset]:
        """mode: "new folder", "replace" or "add". The manifest is written at the end, after a Cancel too."""
        with explained(folder):
            if mode == "new folder":
                folder = unused(folder)
            os.makedirs(folder, exist_ok=True)
            earlier = _manifest(folder)
            replaced = _remove(folder, earlier) if mode == "replace" else 0
            dataset = cls(folder, extension, [] if mode == "replace" else earlier)
            dataset.replaced = replaced
            try:
                yield dataset
            finally:
                dataset.close()

    def save(self, image: Any, name: str, caption: str, mask: Any = None) -> None:
        stem = self._free(safe_stem(name))
        self._write_picture(f"{stem}.png", picture(image))
        self.images += 1
        if caption:
            with self._new(f"{stem}{self.extension}") as file:
                file.write(caption.encode())
            self.captions += 1
        if mask is not None:
            self._write_picture(f"{stem}-masklabel.png", Image.fromarray(to_bytes(pixels_of(mask))))
            self.masks += 1

    def close(self) -> None:
        with open(os.path.join(self.folder, MANIFEST), "w", encoding="utf-8") as file:
            json.dump({"version": 1, "files": [*self.earlier, *self.written]}, file, indent=1, ensure_ascii=False)

    def report(self) -> str:
        parts = [plural(self.images, "image"), plural(self.captions, "caption"), plural(self.masks, "mask")]
        removed = f" Removed {plural(self.replaced, 'file')} of an earlier run." if self.replaced else ""
        return f"Saved {', '.join(parts)} to {self.folder}.{removed}"

    def _free(self, stem: str) -> str:
        """Names are compared without case: folders travel to systems that do not tell A.png from a.png."""
        free, number = stem, 1
        while free.casefold() in self._stems:
            number += 1
            free = f"{stem}_{number}"
        self._stems.add(free.casefold())
        return free

    def _write_picture(self, name: str, image: Image.Image) -> None:
        with self._new(name) as file:
            image.save(file, "PNG", compress_level=4)

    def _new(self, name: str) -> Any:
        file = open(os.path.join(self.folder, name), "xb")  # noqa: SIM115
        self.written.append(name)
        return file


def _stem_of(name: str) -> str:
    stem = os.path.splitext(name)[0]
    return stem.removesuffix("-masklabel")


def unused(folder: str) -> str:
    number, free = 1, folder
    while os.path.exists(free) and (not os.path.isdir(free) or os.listdir(free)):
        number += 1
        free = f"{folder}_{number}"
    return free


def _manifest(folder: str) -> list[str]:
    """Names that this node wrote there; only plain names count, whatever else the file may say."""
    try:
        with open(os.path.join(folder, MANIFEST), encoding="utf-8") as file:
            names = json.load(file)["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [name for name in names if isinstance(name, str) and name not in ("", ".", "..") and _is_plain(name)]


def _is_plain(name: str) -> bool:
    return not re.search(r"[/\\\x00]", name) and os.path.basename(name) == name


def _remove(folder: str, names: list[str]) -> int:
    removed = 0
    for name in names:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            os.remove(path)
            removed += 1
    return removed


@contextmanager
def explained(folder: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OneOfEachError(
            f"Cannot write to {folder}: {error.strerror or error}\nCheck free space and rights, or take another folder."
        ) from error
