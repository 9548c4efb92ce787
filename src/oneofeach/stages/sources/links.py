"""Items → which of them are only another name for one of the others: symbolic links to a file that is there itself."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence

import numpy as np

from oneofeach.tables import Item, Mask


def links_among(items: Sequence[Item]) -> Mask:
    """bool[n]. A link whose file is not among the items is an image like any other, and so is a hard link."""
    names = Counter(item.inode for item in items)
    shared = [row for row, item in enumerate(items) if item.inode > 0 and names[item.inode] > 1]
    links = {row for row in shared if _is_link(items[row])}
    files = {_file(items[row]) for row in shared if row not in links}
    found = np.zeros(len(items), bool)
    found[[row for row in links if _file(items[row]) in files]] = True
    return found


def _is_link(item: Item) -> bool:
    return isinstance(item.source, (str, os.PathLike)) and os.path.islink(item.source)


def _file(item: Item) -> tuple[int, int, int]:
    """What two names of one file have in common."""
    return item.inode, item.size, item.mtime_ns
