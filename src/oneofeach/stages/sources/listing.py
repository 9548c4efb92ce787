"""Slash-separated names, as archives and object stores list them → each image with its sidecars, in natural order."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator

from oneofeach.stages.sources.folder import SUFFIXES
from oneofeach.stages.sources.natural import natural_key
from oneofeach.stages.sources.sidecars import sidecars_in


def images_among(names: Iterable[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(image, its sidecars). Hidden files and folders, and what archivers add for their own use, are left alone."""
    folders: dict[str, list[str]] = defaultdict(list)
    for name in names:
        if not any(part.startswith(".") or part == "__MACOSX" for part in name.split("/")):
            folder, slash, base = name.rpartition("/")
            folders[folder + slash].append(base)
    found = []
    for folder, files in folders.items():
        images = {name for name in files if os.path.splitext(name)[1].lower() in SUFFIXES}
        for image, sidecars in sidecars_in(files, images).items():
            found.append((folder + image, tuple(folder + name for name in sidecars)))
    yield from sorted(found, key=lambda pair: natural_key(pair[0]))


def companion_name(sidecar: str, image: str) -> str:
    """What a sidecar's name adds to the stem of its image's: "txt" for a.txt, "jpg.txt" for a.jpg.txt beside a.jpg."""
    return sidecar[len(os.path.splitext(image)[0]) :].removeprefix(".")
