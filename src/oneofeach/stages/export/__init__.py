"""The unique set, written anew: an outcome in, a folder out that is complete, or not there at all.

Originals are only read. `manifest.csv` lists every image: where it was written, or why it was not.
"""

from __future__ import annotations

import os
import shutil
from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from oneofeach.errors import Refused, UnknownFormat
from oneofeach.stages.export.coco import documents, entry_of, is_annotated, write_annotations
from oneofeach.stages.export.files import NAMES, SHARD_SIZE, File, files_of, sizes_of
from oneofeach.stages.export.folder import LINKS
from oneofeach.stages.export.manifest import MANIFEST, lines_of
from oneofeach.stages.export.naming import stems_of
from oneofeach.stages.export.parquet import split_of
from oneofeach.stages.export.units import Unit, units_of
from oneofeach.stages.export.writing import Writer, keeps
from oneofeach.tables import Outcome

FORMATS = ("folder", "webdataset", "parquet", "hf", "coco", "kohya")
FILES = {".parquet": "parquet", ".arrow": "parquet", ".tar": "webdataset", ".json": "coco", ".zip": "folder"}

__all__ = ["FORMATS", "LINKS", "checked_destination", "export"]


def export(
    outcome: Outcome,
    destination: str | os.PathLike[str],
    format: str = "folder",
    *,
    link: str = "copy",
    shard_size: int = SHARD_SIZE,
) -> Path:
    """Write the kept images, with all that travels with them, to a new folder.

    format: one of FORMATS. link: "copy", "hardlink" or "reflink", for folder and kohya. shard_size: samples per tar.
    Refused when the destination is there already or inside the source, an image has changed since the scan, or the disk
    cannot link; UnknownFormat for another format or link.
    """
    target = checked_destination(destination, format, link, _roots(outcome))
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    temporary.mkdir(parents=True)
    try:
        _write(outcome, format, link, shard_size, temporary)
        os.rename(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return target


def checked_destination(
    destination: str | os.PathLike[str], format: str, link: str, roots: Iterable[str] = (), *, new: bool = True
) -> Path:
    """The full path of a folder that can be written in this format; to be asked before a long scan, too.

    roots: folders that images come from. new: whether it must not be there yet.
    Refused when it is there already, or inside a root, where the next scan would find every image twice; UnknownFormat
    also when it is named like a file of a dataset.
    """
    checked_form(format, link)
    if "://" in os.fspath(destination):
        hint = "Give a folder of this machine, or let a cluster write it: --engine ray."
        raise Refused(f"This machine does not export to URLs: {destination}\n{hint}")
    target = Path(os.path.abspath(destination))
    if new and os.path.lexists(target):
        raise Refused(f"The destination is there already: {target}\nGive the name of a folder that does not exist yet.")
    if meant := FILES.get(target.suffix.lower()):
        hint = f"Give the name of a folder, and the format {meant}: {target.with_suffix('').name} --format {meant}."
        raise UnknownFormat(f"An export is a folder, not a {target.suffix} file: {target}\n{hint}")
    real = os.path.realpath(target)
    for root in roots:
        if real.startswith(os.path.join(os.path.realpath(root), "")):
            hint = "Give a folder outside of it, or the next run finds every image twice."
            raise Refused(f"The destination is inside the source: {target}\n{hint}")
    return target


def checked_form(format: str, link: str) -> None:
    """UnknownFormat for another format, or another way to link."""
    for kind, value, known in (("export format", format, FORMATS), ("link", link, tuple(LINKS))):
        if value not in known:
            raise UnknownFormat(f"Unknown {kind}: {value}\nUse one of: {', '.join(known)}.")


def _roots(outcome: Outcome) -> set[str]:
    """The folders that relative keys start from."""
    roots = set()
    for item in outcome.catalog.items:
        if isinstance(item.source, (str, os.PathLike)):
            path, end = os.fspath(item.source), os.sep + item.key
            if path.endswith(end):
                roots.add(path.removesuffix(end))
    return roots


def _write(outcome: Outcome, format: str, link: str, shard_size: int, root: Path) -> None:
    own = (item for item, other in zip(outcome.catalog.items, outcome.catalog.reference, strict=True) if not other)
    stems = stems_of(own, format)
    units = units_of(outcome, format, stems)
    stems = stems if stems and is_annotated(units) else {}
    facts, by_split = outcome.catalog.facts, _by_split(units, format)
    written: dict[int, str] = {}
    for split, members in by_split.items():
        writer = Writer(format, link, all(keeps(format, unit.item) for unit in members))
        rows = [unit.row for unit in members]
        for file in _files(format, split, rows, facts, shard_size):
            mine = members[bisect_left(rows, file.low) : bisect_left(rows, file.high)]
            written.update(zip((unit.row for unit in mine), writer.write(mine, root, file.name), strict=True))
        if format == "coco":
            entries = [entry_of(unit, facts[unit.row], stems) for unit in members]
            write_annotations(entries, root, stems, documents(members))
    with open(root / MANIFEST, "w", encoding="utf-8", errors="surrogateescape", newline="") as manifest:
        manifest.writelines(lines_of(outcome, written))


def _by_split(units: list[Unit], format: str) -> dict[str, list[Unit]]:
    found: dict[str, list[Unit]] = {} if format == "hf" else {"": units}
    for unit in units if format == "hf" else ():
        found.setdefault(split_of(unit.item), []).append(unit)
    return found


def _files(format: str, split: str, rows: list[int], facts: npt.NDArray[np.void], shard_size: int) -> list[File]:
    if format not in NAMES:
        return [File("", "", 0, len(facts))]
    sizes = sizes_of(facts[rows]).tolist()
    return files_of(format, ((row, size, split) for row, size in zip(rows, sizes, strict=True)), shard_size)
