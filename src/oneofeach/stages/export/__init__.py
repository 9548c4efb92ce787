"""The unique set, written anew: an outcome in, a folder out that is complete, or not there at all.

Originals are only read. `manifest.csv` lists every image: where it was written, or why it was not.
"""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from oneofeach.errors import Refused, UnknownFormat
from oneofeach.stages.export.coco import write_coco
from oneofeach.stages.export.folder import LINKS, write_folder, write_kohya
from oneofeach.stages.export.parquet import write_hf, write_parquet
from oneofeach.stages.export.units import Unit, units_of
from oneofeach.stages.export.webdataset import SHARD_SIZE, write_webdataset
from oneofeach.tables import Outcome

FORMATS = ("folder", "webdataset", "parquet", "hf", "coco", "kohya")
FILES = {".parquet": "parquet", ".arrow": "parquet", ".tar": "webdataset", ".json": "coco", ".zip": "folder"}
MANIFEST = "manifest.csv"
COLUMNS = ("key", "status", "written", "keeper", "similarity", "reason", "evidence")

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
    write = _writer(outcome, format, link, shard_size)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    temporary.mkdir(parents=True)
    try:
        units = units_of(outcome)
        names = write(units, temporary)
        _write_manifest(outcome, {unit.row: name for unit, name in zip(units, names, strict=True)}, temporary)
        os.rename(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return target


def checked_destination(destination: str | os.PathLike[str], format: str, link: str, roots: Iterable[str] = ()) -> Path:
    """The full path of a folder that can be written in this format; to be asked before a long scan, too.

    roots: folders that images come from. Refused when it is there already, or inside a root, where the next scan would
    find every image twice; UnknownFormat also when it is named like a file of a dataset.
    """
    for kind, value, known in (("export format", format, FORMATS), ("link", link, tuple(LINKS))):
        if value not in known:
            raise UnknownFormat(f"Unknown {kind}: {value}\nUse one of: {', '.join(known)}.")
    if "://" in os.fspath(destination):
        hint = "Give a folder of this machine, or let a cluster write it: --engine ray."
        raise Refused(f"This machine does not export to URLs: {destination}\n{hint}")
    target = Path(os.path.abspath(destination))
    if os.path.lexists(target):
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


def _roots(outcome: Outcome) -> set[str]:
    """The folders that relative keys start from."""
    roots = set()
    for item in outcome.catalog.items:
        if isinstance(item.source, (str, os.PathLike)):
            path, end = os.fspath(item.source), os.sep + item.key
            if path.endswith(end):
                roots.add(path.removesuffix(end))
    return roots


def _writer(outcome: Outcome, format: str, link: str, shard_size: int) -> Callable[[Sequence[Unit], Path], list[str]]:
    writers: dict[str, Callable[[Sequence[Unit], Path], list[str]]] = {
        "folder": partial(write_folder, link=link),
        "webdataset": partial(write_webdataset, shard_size=shard_size),
        "parquet": write_parquet,
        "hf": write_hf,
        "coco": partial(write_coco, facts=outcome.catalog.facts),
        "kohya": partial(write_kohya, link=link),
    }
    return writers[format]


def _write_manifest(outcome: Outcome, written: dict[int, str], root: Path) -> None:
    """One row per image of the source."""
    removed = {one.row: (group.key, one) for group in outcome.groups for one in group.duplicates}
    catalog = outcome.catalog
    with open(root / MANIFEST, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        for row, item in enumerate(catalog.items):
            if row in written:
                rows.writerow([item.key, "kept", written[row], "", "", "", ""])
            elif row in removed:
                keeper, one = removed[row]
                why = [f"{one.similarity:.4f}", one.reason, one.evidence]
                rows.writerow([item.key, "removed", "", keeper, *why])
            elif not catalog.reference[row]:
                rows.writerow([item.key, "skipped", "", "", "", catalog.errors[row], ""])
