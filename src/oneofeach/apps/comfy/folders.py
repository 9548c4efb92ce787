"""A folder's items → who stays, and their tensors, captions and masks. The comparison is the library's, on files."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from PIL import Image

from oneofeach.apps.comfy import report as lines
from oneofeach.apps.comfy.decide import LEVELS
from oneofeach.apps.comfy.host import Progress, free_memory, watched
from oneofeach.apps.comfy.places import images_in
from oneofeach.apps.comfy.schema import CAPTIONS, KEEP
from oneofeach.apps.comfy.tensors import image_tensor, mask_tensor
from oneofeach.errors import OneOfEachError, UnreadableImage
from oneofeach.flow import Result, group, match, remembering, scan
from oneofeach.index import users_own
from oneofeach.stages.acting.captions import caption_rule
from oneofeach.stages.decode import open_image
from oneofeach.stages.sources.captions import captions_of
from oneofeach.tables import Item

VALUE = 4  # bytes of a float32
MASKS = ("-masklabel.png", ".mask")
UNREADABLE_SHOWN = 20


@dataclass(frozen=True)
class Found:
    """result: the library's. captions: by row, of the images that stay. changed: rows whose caption is a new one."""

    result: Result
    captions: dict[int, str]
    changed: frozenset[int]

    @property
    def items(self) -> Sequence[Item]:
        return self.result.catalog.items

    @property
    def kept(self) -> list[int]:
        rows: list[int] = np.flatnonzero(self.result.assignment.kept).tolist()
        return rows

    @property
    def any_mask_file(self) -> bool:
        return any(_mask_files(self.items[row]) for row in self.kept)

    @property
    def removed_names(self) -> list[str]:
        return [name_of(self.items[row]) for row in np.flatnonzero(self.result.assignment.removed).tolist()]


def name_of(item: Item) -> str:
    return item.key.replace(os.sep, "/")


def found_in(folder: str, recursive: bool, threshold: float, keep: str, captions: str) -> Found:
    """Duplicates among the images of a folder, under the eyes of the progress bar and the Cancel button."""
    return watched(partial(_find, folder, recursive, threshold, keep, captions))


def _find(folder: str, recursive: bool, threshold: float, keep: str, captions: str, progress: Progress) -> Found:
    """In the library's own way; decisions in the user's index, and what earlier runs kept, are obeyed."""
    items = images_in(folder, recursive)
    catalog = scan(items, progress=progress)
    with users_own() as index:
        catalog = remembering(catalog, index)
    pairs = match(catalog, floor=min(threshold, *LEVELS), progress=progress)
    result = group(catalog, pairs, threshold, KEEP[keep])
    texts = captions_of(items)
    rule, changed = caption_rule(CAPTIONS[captions]), set()
    for one in result.groups:
        own = texts.get(one.row, "")
        text = rule(own, [texts.get(other.row, "") for other in one.duplicates])
        if text != own:
            changed.add(one.row)
            texts[one.row] = text
    return Found(result, texts, frozenset(changed))


def check_memory(found: Found) -> None:
    """OneOfEachError when the tensors of the images that stay would not fit into the free memory."""
    facts, channels = found.result.catalog.facts[found.kept], 4 if found.any_mask_file else 3
    need = int((facts["width"].astype(np.int64) * facts["height"]).sum()) * channels * VALUE
    free = free_memory()
    if free is not None and need > free:
        raise OneOfEachError(
            f"Not enough memory: {len(facts):,} images need {need / 1e9:.1f} GB, {free / 1e9:.1f} GB are free\n"
            "Use Clean Image Folder, or a smaller folder."
        )


@dataclass
class Loaded:
    """rows: of the images that could be loaded, with their tensors. failed: name and reason of the others.

    masks: one per image, or none at all where no file could be one.
    """

    rows: list[int] = field(default_factory=list)
    images: list[Any] = field(default_factory=list)
    masks: list[Any] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    any_mask: bool = False


def load(found: Found, progress: Progress) -> Loaded:
    """The tensors of the images that stay. A file or a mask that cannot be read is told, and ends nothing."""
    loaded = Loaded(failed=[(key.replace(os.sep, "/"), reason) for key, reason in found.result.skipped])
    masked = found.any_mask_file
    for done, row in enumerate(found.kept):
        progress("load", done, len(found.kept))
        item = found.items[row]
        try:
            image = open_image(item.source)
        except (UnreadableImage, OSError) as error:
            loaded.failed.append((name_of(item), _first_line(error)))
            continue
        loaded.rows.append(row)
        loaded.images.append(image_tensor(image))
        if masked:
            loaded.masks.append(_mask(item, image.size, loaded))
    progress("load", 1, 1)
    return loaded


def _mask(item: Item, size: tuple[int, int], loaded: Loaded) -> Any:
    for path in _mask_files(item):
        try:
            mask = open_image(path).convert("L")
        except (UnreadableImage, OSError) as error:
            loaded.failed.append((os.path.basename(path), _first_line(error)))
            continue
        loaded.any_mask = True
        return mask_tensor(mask if mask.size == size else mask.resize(size, Image.Resampling.BILINEAR))
    return mask_tensor(Image.new("L", size, 255))


def _mask_files(item: Item) -> list[str]:
    """In the order in which they count."""
    found = [path for path in item.sidecars if path.lower().endswith(MASKS)]
    return sorted(found, key=lambda path: not path.lower().endswith(MASKS[0]))


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def aligned(found: Found, loaded: Loaded) -> tuple[list[Any], list[str], list[Any], list[str]]:
    """images, texts, masks, names: one of each per loaded image."""
    texts = [found.captions.get(row, "") for row in loaded.rows]
    masks = loaded.masks or [None] * len(loaded.rows)
    return loaded.images, texts, masks, [name_of(found.items[row]) for row in loaded.rows]


def repeats_of(key: str) -> int:
    """3 for an image in a folder named `3_cat`, the way kohya's trainers name them; else 1."""
    found = re.match(r"(\d+)_", os.path.basename(os.path.dirname(key)))
    return int(found[1]) if found else 1


def report(found: Found, loaded: Loaded, times: Sequence[int]) -> str:
    result = found.result
    counts, groups = result.counts, result.groups
    text = [
        lines.summary(counts["kept"], counts["seen"], counts["removed"], len(groups)),
        lines.thresholds(result.similarity_threshold, lambda level: result.at(level).counts["removed"]),
    ]
    if sum(times) != len(times):
        text.append(f"Repeats: {len(times):,} images come out as {sum(times):,}.")
    if found.changed:
        text.append(f"Captions: {len(found.changed)} merged.")
    text += unreadable(loaded.failed)
    return "\n".join([*text, *group_lines(result)])


def unreadable(failed: Sequence[tuple[str, str]]) -> list[str]:
    if not failed:
        return []
    shown = "; ".join(f"{name} ({reason})" for name, reason in failed[:UNREADABLE_SHOWN])
    more = f"; and {len(failed) - UNREADABLE_SHOWN} more" if len(failed) > UNREADABLE_SHOWN else ""
    return [f"{lines.plural(len(failed), 'file')} could not be read: {shown}{more}."]


def group_lines(result: Result) -> list[str]:
    def label(row: int) -> str:
        facts = result.catalog.facts[row]
        return f"{row + 1} {name_of(result.catalog.items[row])} {facts['width']}x{facts['height']}"

    return [
        f"Group {number}: kept {label(one.row)}; removed "
        + ", ".join(f"{label(other.row)} ({lines.two_decimals(other.similarity)})" for other in one.duplicates)
        for number, one in enumerate(result.groups, start=1)
    ]
