"""A share of the kept images → files of an export: what a task writes, and what of it is remembered."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from oneofeach.engines.ray.naming import Exporting, facts_in, names_in
from oneofeach.engines.ray.parts import WIDE_GROUP, Counts, encoded, read_range, spans
from oneofeach.engines.ray.shards import Shard
from oneofeach.stages.export.coco import entry_of
from oneofeach.stages.export.files import File
from oneofeach.stages.export.units import Unit
from oneofeach.stages.export.writing import Writer
from oneofeach.tables import FACTS

WISHED = ("row", "name", "extension", "split")


def write_file(export: Exporting, number: int, file: File, whole: bool, shards: Mapping[int, Shard]) -> Counts:
    """Write the kept images of a file, or of a shard. shards: those that hold its rows, by number.

    whole: whether the format keeps all images of the export, or of the split, whole. Refused when an image has changed
    since the scan, or the disk cannot link.
    """
    began = time.process_time()
    units, facts = _units(export, file, shards)
    entries, names, size, count = [""] * len(units), list[str](), 0, 0
    if units:
        with export.destination.staged() as folder:
            names = Writer(export.format, export.link, whole).write(units, folder, file.name)
            if export.format == "coco":
                stems = export.stems if whole else {}
                entries = [entry_of(unit, one, stems) for unit, one in zip(units, facts, strict=True)]
            sizes = [path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()]
            count, size = len(sizes), sum(sizes)
    counts: Counts = {"rows": len(units), "files": count, "written": size, "seconds": time.process_time() - began}
    columns = {"row": np.array([unit.row for unit in units], np.int64), "name": names, "entry": entries}
    export.settings.store.write(export.part("written", number), encoded(columns, counts, WIDE_GROUP))
    return counts


def _units(export: Exporting, file: File, shards: Mapping[int, Shard]) -> tuple[list[Unit], Any]:
    """What goes to a file, in order; and FACTS of it."""
    store, units, facts = export.settings.store, list[Unit](), [np.zeros(0, FACTS)]
    given = names_in(export, file.low, file.high)
    for shard, _, _ in spans(export.settings.offsets(), file.low, file.high):
        part = export.part("wished", shard)
        wished = zip(*read_range(store, part, "row", file.low, file.high, *WISHED), strict=True)
        mine = [(int(row), name, extension) for row, name, extension, split in wished if split == file.split]
        if not mine:
            continue
        first = int(export.settings.offsets()[shard])
        items, whole = shards[shard].items(store), facts_in(export.settings, shard)
        facts.append(whole[[row - first for row, _, _ in mine]])
        units += [
            Unit(row, items[row - first], given.get(row, name), extension, bytes(whole["content"][row - first]))
            for row, name, extension in mine
        ]
    return units, np.concatenate(facts)
