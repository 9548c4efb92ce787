"""The order of keys: folder by folder, numbers by value; the same whatever order the system lists a folder in."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from itertools import chain, pairwise
from operator import attrgetter
from typing import Any

from oneofeach.tables import Item

_NUMBERS = re.compile("([0-9]+)")
_AFTER_NUMBERS = float("inf")
_DIGITS = str.maketrans("123456789", "000000000")


def natural_key(key: str) -> tuple[list[Any], str]:
    """Sort key: folder by folder, numbers by value, letters without case; a copy's longer name comes later."""
    stem, dot, suffix = key.replace(os.sep, "\0").casefold().rpartition(".")
    if not stem or "\0" in suffix:
        stem, dot, suffix = stem + dot + suffix, "", ""
    parts: list[Any] = _NUMBERS.split(stem)  # text and numbers by turns, so that like meets like
    parts[1::2] = map(int, parts[1::2])
    parts += (_AFTER_NUMBERS, dot + suffix)
    return parts, key


def in_order(runs: Sequence[Sequence[Item]]) -> list[Item]:
    """All items sorted by the natural key of theirs. Of runs that do not interleave, few of these are computed."""
    ordered = sorted(map(_ordered, filter(None, runs)), key=lambda run: natural_key(run[0].key))
    if any(natural_key(one[-1].key) > natural_key(next_one[0].key) for one, next_one in pairwise(ordered)):
        return sorted(chain(*ordered), key=_key)
    return list(chain(*ordered))


def _ordered(run: Sequence[Item]) -> list[Item]:
    """Keys that only differ in digits at the same places are sorted as text: it comes to the same, and is faster."""
    shapes = "\n".join(item.key for item in run).translate(_DIGITS).split("\n")
    return sorted(run, key=attrgetter("key") if len(set(shapes)) == 1 else _key)


def _key(item: Item) -> tuple[list[Any], str]:
    return natural_key(item.key)
