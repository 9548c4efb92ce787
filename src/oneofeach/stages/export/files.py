"""Rows that are kept → the files of an export, known before the first one is written.

Sizes are those of the images, as scanned, without what travels with them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from oneofeach.stages.export.parquet import GROUP_ROWS
from oneofeach.tables import Rows

SHARD_SIZE = 10_000  # samples
SHARD_BYTES = 1 << 30
FILE_BYTES = 500 << 20
NAMES = {
    "webdataset": "shard-{number:06}.tar",
    "parquet": "part-{number:05}.parquet",
    "hf": "data/{split}-{number:05}-of-{total:05}.parquet",
}
"""Formats whose images share files."""


@dataclass(frozen=True, slots=True)
class File:
    """The kept rows low..high, of one split where there are splits, in one file; name "": each in files of its own."""

    name: str
    split: str
    low: int
    high: int


@dataclass
class _Filling:
    """A split, and what its last file has so far."""

    done: list[tuple[int, int]] = field(default_factory=list)
    low: int = -1
    high: int = -1
    count: int = 0
    size: int = 0

    def close(self) -> None:
        if self.count:
            self.done.append((self.low, self.high))
        self.count = self.size = 0


def files_of(format: str, rows: Iterable[tuple[int, int, str]], shard_size: int = SHARD_SIZE) -> list[File]:
    """The files of one of NAMES. rows: (row, size, split) of every image, in input order; split is for "hf" only.

    A tar ends after `shard_size` samples, or where its images have SHARD_BYTES; Parquet after so many groups of rows
    that its images have FILE_BYTES.
    """
    tar = format == "webdataset"
    limit, group = (SHARD_BYTES, 1) if tar else (FILE_BYTES, GROUP_ROWS)
    splits: dict[str, _Filling] = {}
    for row, size, split in rows:
        one = splits.setdefault(split, _Filling())
        one.low = one.low if one.count else row
        one.high, one.count, one.size = row + 1, one.count + 1, one.size + size
        if (tar and one.count == shard_size) or (one.size >= limit and one.count % group == 0):
            one.close()
    for one in splits.values():
        one.close()
    return [
        File(NAMES[format].format(split=split, number=number, total=len(one.done)), split, low, high)
        for split, one in splits.items()
        for number, (low, high) in enumerate(one.done)
    ]


def sizes_of(facts: npt.NDArray[np.void]) -> Rows:
    """int64[n]: bytes of the images; of those that never were a file, bytes of their pixels. facts: FACTS[n]."""
    pixels = facts["width"].astype(np.int64) * facts["height"] * 3
    return np.where(facts["bytes"] > 0, facts["bytes"], pixels)
