"""An outcome → a file that tells what was kept, removed and skipped, and why; the suffix chooses the format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from PIL import Image

from oneofeach.errors import UnknownFormat, named
from oneofeach.stages.report.csv_table import write_csv
from oneofeach.stages.report.html_page import write_html
from oneofeach.stages.report.json_object import json_object, write_json
from oneofeach.stages.report.parquet_table import write_parquet
from oneofeach.tables import Outcome
from oneofeach.writing import whole_file

Open = Callable[[Any], Image.Image]
FORMATS: dict[str, Callable[[Outcome, IO[str], Open], None]] = {
    ".json": write_json,
    ".csv": write_csv,
    ".html": write_html,
    ".parquet": write_parquet,
}

__all__ = ["FORMATS", "checked_format", "json_object", "save"]


def checked_format(path: str) -> Callable[[Outcome, IO[str], Open], None]:
    """The writer for a path's suffix. UnknownFormat when there is none."""
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise UnknownFormat(f"Unknown report format: {named(path)}\nEnd the name in one of: {', '.join(FORMATS)}.")
    return FORMATS[suffix]


def save(outcome: Outcome, path: str, open_image: Open) -> None:
    """Write the report; it appears under its name when it is complete, or not at all.

    open_image: opens what an item names at full size; raises UnreadableImage (see stages/decode).
    UnknownFormat for an unknown suffix, NotWritable when the place cannot be written.
    """
    write = checked_format(path)
    with whole_file(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
        write(outcome, file, open_image)
