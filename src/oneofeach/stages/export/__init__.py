"""The unique set, written anew: an outcome in, a folder out that is complete, or not there at all.

Originals are only read. `manifest.csv` lists every image: where it was written, or why it was not.
"""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Callable, Sequence
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
MANIFEST = "manifest.csv"
COLUMNS = ("key", "status", "written", "keeper", "similarity", "reason", "evidence")

__all__ = ["FORMATS", "LINKS", "export"]


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
    Refused when the destination is there already, an image has changed since the scan, or the disk cannot link;
    UnknownFormat for another format or link.
    """
    target = Path(os.path.abspath(destination))
    write = _writer(outcome, format, link, shard_size)
    if os.path.lexists(target):
        raise Refused(f"The destination is there already: {target}\nGive the name of a folder that does not exist yet.")
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


def _writer(outcome: Outcome, format: str, link: str, shard_size: int) -> Callable[[Sequence[Unit], Path], list[str]]:
    if link not in LINKS:
        raise UnknownFormat(f"Unknown link: {link}\nUse one of: {', '.join(LINKS)}.")
    writers: dict[str, Callable[[Sequence[Unit], Path], list[str]]] = {
        "folder": partial(write_folder, link=link),
        "webdataset": partial(write_webdataset, shard_size=shard_size),
        "parquet": write_parquet,
        "hf": write_hf,
        "coco": partial(write_coco, facts=outcome.catalog.facts),
        "kohya": partial(write_kohya, link=link),
    }
    if format not in writers:
        raise UnknownFormat(f"Unknown export format: {format}\nUse one of: {', '.join(FORMATS)}.")
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
