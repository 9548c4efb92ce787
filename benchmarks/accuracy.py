"""How well the similarity and its peers find copies and refuse look-alikes: writes docs/accuracy.md and its plot.

python benchmarks/accuracy.py [FOLDER] [--originals 60] [--work DIR] [--minutes 3] [--page docs/accuracy.md]

FOLDER, or the environment variable ONEOFEACH_QUALITY: pictures; see accuracy_data.py for what may lie beside them.
Without one, pictures are made. What was described is kept in the work folder: run it again to go on where time was up.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from accuracy_data import Dataset, dataset
from accuracy_judge import judged
from accuracy_methods import described
from accuracy_page import write

from oneofeach.tables import Bytes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=os.environ.get("ONEOFEACH_QUALITY"))
    parser.add_argument("--originals", type=int, default=60, help="how many are changed")
    parser.add_argument(
        "--work", type=Path, default=Path(tempfile.gettempdir()) / "oneofeach-accuracy", help="of one folder"
    )
    parser.add_argument("--minutes", type=float, default=1e9, help="stop describing after so many; exit code 3")
    parser.add_argument("--part", default="0/1", help="describe only every n-th: 0/2 and 1/2 may run side by side")
    parser.add_argument("--page", type=Path, default=Path(__file__).parent.parent / "docs" / "accuracy.md")
    options = parser.parse_args()
    given = dataset(Path(options.folder) if options.folder else None, options.originals)
    until = time.monotonic() + 60 * options.minutes
    part, parts = map(int, options.part.split("/"))
    for job in jobs(given)[part::parts]:
        file = options.work / f"{job}.npz"
        if not file.exists():
            if time.monotonic() > until:
                print(f"time is up at {file.name}: run it again to go on")
                return 3
            keep(file, attacked(given, job) if job >= 0 else pool(given, -job - 1))
    if part:
        return 0
    tables = {job: dict(np.load(options.work / f"{job}.npz")) for job in jobs(given)}
    result = judged(given, tables)
    write(options.page, given, result)
    return 0


STEP = 200  # originals of the pool in one job


def jobs(given: Dataset) -> list[int]:
    """Originals that are changed, by their row; parts of the pool, as negative numbers."""
    return [*given.attacked, *(-part - 1 for part in range(-(-len(given.originals) // STEP)))]


def attacked(given: Dataset, row: int) -> dict[str, Bytes]:
    """The original, then what is made of it."""
    image = given.originals[row][1]()
    return stacked([image, *(given.change(row, change.name, image) for change in given.changes)])


def pool(given: Dataset, part: int) -> dict[str, Bytes]:
    return stacked([opened() for _, opened in given.originals[part * STEP : (part + 1) * STEP]])


def stacked(images: list) -> dict[str, Bytes]:
    rows = [described(image) for image in images]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def keep(file: Path, rows: dict[str, Bytes]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".part.npz")
    np.savez(partial, **rows)
    partial.replace(file)


if __name__ == "__main__":
    sys.exit(main())
