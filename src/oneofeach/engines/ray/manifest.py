"""The end of an export: the lines of its manifest, block by block, then all that is one file for the whole of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from oneofeach.engines.ray.classes import orders_of
from oneofeach.engines.ray.grouping import removed_part
from oneofeach.engines.ray.keys import facts_part, keys_part
from oneofeach.engines.ray.naming import Exporting
from oneofeach.engines.ray.order import cost_in
from oneofeach.engines.ray.outcome import REMOVED
from oneofeach.engines.ray.parts import WIDE_GROUP, Counts, concatenated, encoded, read, read_range, streamed
from oneofeach.engines.ray.settings import Settings
from oneofeach.engines.ray.table import described
from oneofeach.stages.export.coco import write_annotations
from oneofeach.stages.export.manifest import COLUMNS, MANIFEST, kept, line, removed, skipped
from oneofeach.stages.preference import parse, rank
from oneofeach.stages.similarity import words
from oneofeach.stages.sources.coco import CocoImage
from oneofeach.tables import EVIDENCE, FACTS, IDENTICAL, IDENTICAL_FILES, Catalog, Item, Rows


def gather_lines(export: Exporting, keep: str, links: Rows, files: Sequence[int], block: int) -> Counts:
    """The line of every image of a block. files: numbers of those that hold rows of it."""
    settings, began = export.settings, time.process_time()
    low, high = settings.block(block)
    own = min(high, settings.own)
    keys, errors = read(settings.store, keys_part(block), "key", "error")
    parts = [read_range(settings.store, export.part("written", n), "row", low, own, "row", "name") for n in files]
    written = {row: name for part in parts for row, name in zip(*part, strict=True)}
    goes = _removed(settings, export.group, keep, links, low, own)
    lines = [goes.get(row) or _line(keys[row - low], written.get(row), errors[row - low]) for row in range(low, own)]
    counts: Counts = {"rows": len(lines), "seconds": time.process_time() - began}
    settings.store.write(export.part("manifest", block), encoded({"line": lines}, counts, WIDE_GROUP))
    return counts


def _line(key: str, written: str | None, error: str) -> str:
    return skipped(key, error) if written is None else kept(key, written)


def _removed(settings: Settings, group: str, keep: str, links: Rows, low: int, high: int) -> dict[int, str]:
    """The lines of removed images."""
    names = [removed_part(group, block) for block in range(settings.blocks)]
    batches = [read_range(settings.store, name, "row", low, high, *REMOVED) for name in names]
    row, keeper, similarity, identical, evidence = concatenated(batches, [])
    rows, found = described(settings, np.concatenate([row, keeper]), "key")
    if not len(rows):
        return {}
    pairs = np.ascontiguousarray(evidence).view(EVIDENCE).reshape(-1)
    keys = dict(zip(rows.tolist(), found, strict=True))
    catalog = _catalog(settings, rows, list(keys.values()), links)
    ranking = rank(catalog, keep, _captions(settings, group, keep, rows), rows)
    lines = {}
    for place in range(len(row)):
        goer, stays = (int(np.searchsorted(rows, one[place])) for one in (row, keeper))
        evident = IDENTICAL if identical[place] else words(pairs[place])
        evident = IDENTICAL_FILES if catalog.same_bytes(stays, goer) else evident
        one, other = int(row[place]), int(keeper[place])
        lines[one] = removed(keys[one], keys[other], similarity[place], ranking.reason(stays, goer), evident)
    return lines


def _catalog(settings: Settings, rows: Rows, keys: Sequence[str], links: Rows) -> Catalog:
    """Some rows of the whole, with what the keep rules ask of them."""
    facts = np.ascontiguousarray(described(settings, rows, "facts", facts_part)[1]).view(FACTS).reshape(-1)
    nothing = np.zeros((len(rows), 0), np.uint8)
    items = [Item(key, key) for key in keys]
    linked = np.isin(rows, links)
    return Catalog("", items, facts, nothing, nothing, reference=rows >= settings.own, links=linked)


def _captions(settings: Settings, group: str, keep: str, rows: Rows) -> dict[int, str]:
    """Texts as long as the captions of some rows, for the rule that looks at nothing else."""
    rules = parse(keep)
    if "longest-caption" not in rules:
        return {}
    lengths = -cost_in(orders_of(settings, group, rows), rules.index("longest-caption"))
    return {place: "x" * int(length) for place, length in enumerate(lengths)}


@dataclass(frozen=True)
class _Strings:
    """A column of strings of several parts, which can be gone through again and again."""

    settings: Settings
    parts: Sequence[str]
    column: str

    def __iter__(self) -> Iterator[str]:
        for part in self.parts:
            yield from streamed(self.settings.store, part, self.column)


def finish(export: Exporting, written: Sequence[int], blocks: int, whole: bool) -> Counts:
    """Write what is one file for all images, and give the destination its name. written: numbers of the parts.

    whole: whether all images come from annotation files.
    """
    began, destination = time.process_time(), export.destination
    if not destination.is_complete:
        with destination.staged() as folder:
            if export.format == "coco":
                entries = _Strings(export.settings, [export.part("written", number) for number in written], "entry")
                write_annotations(
                    entries, folder, export.stems if whole else {}, lambda path: CocoImage("", path, 0, "").document()
                )
            lines = _Strings(export.settings, [export.part("manifest", block) for block in range(blocks)], "line")
            with open(folder / MANIFEST, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
                file.write(line(*COLUMNS))
                file.writelines(lines)
        destination.complete()
    counts: Counts = {"rows": 1, "seconds": time.process_time() - began}
    export.settings.store.write(export.part("finished", 0), encoded({"row": np.zeros(1, np.int64)}, counts))
    return counts
