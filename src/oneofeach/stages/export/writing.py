"""Units → files of one format. Any share of the units can be written apart from the others, by whoever has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from oneofeach.stages.export.coco import write_images
from oneofeach.stages.export.folder import write_folder, write_kohya
from oneofeach.stages.export.naming import annotations_of
from oneofeach.stages.export.parquet import is_row, write_table
from oneofeach.stages.export.units import Unit
from oneofeach.stages.export.webdataset import write_tar
from oneofeach.tables import Item


@dataclass(frozen=True, slots=True)
class Writer:
    """whole: all images of the export, or of a split, come from what the format keeps as it was: see `keeps`."""

    format: str
    link: str = "copy"
    whole: bool = False

    def write(self, units: Sequence[Unit], root: Path, file: str = "") -> list[str]:
        """The written name of each unit. file: the one they share, "" for files of their own.

        Refused when an image has changed since the scan, or the disk cannot link.
        """
        if self.format in ("folder", "kohya"):
            return {"folder": write_folder, "kohya": write_kohya}[self.format](units, root, self.link)
        if self.format == "coco":
            folder = root / "images"
            return [f"images/{name}" for name in (write_images if self.whole else write_folder)(units, folder)]
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        if self.format == "webdataset":
            write_tar(units, root / file)
            return [f"{file}#{unit.name}" for unit in units]
        write_table(units, root / file, self.whole)
        return [f"{file}#{row}" for row in range(len(units))]


def keeps(format: str, item: Item) -> bool:
    """Would a format keep more of this image than the image and its companions: columns of a table, annotations?"""
    kept: dict[str, Callable[[Item], object]] = {"parquet": is_row, "hf": is_row, "coco": annotations_of}
    return bool(kept[format](item)) if format in kept else False
