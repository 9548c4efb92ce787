"""Whatever the user names → a list of items, in a stable order.

A source is a folder, a dataset, one image, or a list of any of these; every kind is a plugin (see plugins.Source).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from oneofeach.errors import SourceNotFound, UnsupportedInput
from oneofeach.plugins import Source, load, names
from oneofeach.stages.sources.files import suffix_of
from oneofeach.tables import Item

DATASETS = (".tar", ".zip", ".parquet", ".arrow", ".feather")


def items_of(source: Any) -> list[Item]:
    """All items of a source, or of every source in a list, in order; items in a list are taken as they are.

    SourceNotFound for a path that does not exist and UnsupportedInput for an object that is no image;
    inside a list both become items with an error instead.
    """
    if is_list(source):
        return [item for position, one in enumerate(source) for item in element_items(one, position)]
    if isinstance(source, (str, os.PathLike)) and "://" not in str(source) and not os.path.lexists(source):
        raise SourceNotFound(os.fspath(source))
    return [item if item.key else replace(item, key="[0]") for item in _reader(source).items(source)]


def places(source: Any) -> tuple[str, ...]:
    """Absolute paths and URLs by which a source can be found again; () when any part of it cannot."""
    parts = source if isinstance(source, (list, tuple)) else [source]
    if not all(isinstance(part, (str, os.PathLike)) for part in parts):
        return ()
    return tuple(part if "://" in part else os.path.abspath(part) for part in map(os.fspath, parts))


def others_of(against: Any) -> list[Any]:
    """Images that others are only compared with, as a list of sources. SourceNotFound for a path that does not exist.

    That one is no item with an error: a wrong path would pass for a clean comparison.
    """
    if against is None or isinstance(against, (list, tuple)):
        return list(against or ())
    if isinstance(against, (str, os.PathLike)) and "://" not in str(against) and not os.path.lexists(against):
        raise SourceNotFound(os.fspath(against))
    return [against]


def empty_hint(source: Any) -> str:
    """What to do about a source without images."""
    if not isinstance(source, (str, os.PathLike)):
        return "Give a folder, or at least one image."
    if inside := datasets_in(source):
        return f"The folder has no image, but datasets; give these themselves: {inside}"
    return f"No image was found in {os.fspath(source)}: check the folder, and that its files end in .jpg, .png, ..."


def datasets_in(folder: str | os.PathLike[str]) -> str:
    """What to give instead of a folder that only holds datasets: "shards/*.tar"; "" when it holds none."""
    try:
        suffixes = {suffix_of(name) for name in os.listdir(folder)} & set(DATASETS)
    except OSError:
        return ""
    return " ".join(os.path.join(folder, f"*{suffix}") for suffix in sorted(suffixes))


def is_list(source: Any) -> bool:
    if isinstance(source, (list, tuple, set, frozenset)):
        return True
    return isinstance(source, Iterable) and not isinstance(source, (str, bytes)) and _find(source) is None


def element_items(one: Any, position: int) -> Iterator[Item]:
    """The items of one element of a list, under keys that tell the elements apart."""
    if isinstance(one, Item):
        yield one
    elif not isinstance(one, (str, os.PathLike)):
        yield from _object(one, position)
    elif "://" not in str(one) and not os.path.lexists(one):
        yield Item(os.fspath(one), one, error="no such file or folder")
    else:
        prefix = os.path.join(one, "") if os.path.isdir(one) else ""
        for item in _reader(one).items(one):
            yield replace(item, key=f"{os.fspath(prefix)}{item.key}")


def _object(one: Any, position: int) -> Iterator[Item]:
    source = _find(one)
    if source is None:
        yield Item(f"[{position}]", one, error=f"not an image: {type(one).__name__}")
        return
    for item in source.items(one):
        yield replace(item, key=f"[{position}]{item.key}")


def _reader(source: Any) -> Source:
    found = _find(source)
    if found is None:
        raise UnsupportedInput(
            f"Not an image or a dataset: {type(source).__name__}\n"
            "Give a folder, paths, PIL images, NumPy arrays, tensors, bytes, or a list of them."
        )
    return found


def _find(source: Any) -> Source | None:
    return next((plugin for plugin in _plugins() if plugin.accepts(source)), None)


@lru_cache(maxsize=1)
def _plugins() -> tuple[Source, ...]:
    return tuple(load("sources", name)() for name in names("sources"))
