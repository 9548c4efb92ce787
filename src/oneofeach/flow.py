"""The walk: scan → match → group, and `deduplicate`, which does all three. Read this file first.

Every step is one call into a stage and hands a frozen table to the next; row r is the same image in all of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from numbers import Real
from typing import Any

import numpy as np

from oneofeach import plugins
from oneofeach.describe import Seen, describe_chunk
from oneofeach.errors import EmptyImageList, InvalidThreshold, UnreadableImage
from oneofeach.plugins import Fingerprint
from oneofeach.stages import decode, report
from oneofeach.stages.grouping import keeper_first
from oneofeach.stages.neighbors import identical, neighbors
from oneofeach.stages.preference import DEFAULT_KEEP, parse, rank
from oneofeach.stages.similarity import words
from oneofeach.stages.sources import items_of
from oneofeach.stages.sources.captions import captions_of
from oneofeach.tables import Bytes, Catalog, Outcome, Pairs, Rows, catalog_of, joined

DEFAULT_THRESHOLD = 0.95
DEFAULT_FINGERPRINT = "oneofeach-1"
FLOOR = 0.80  # pairs below it are of no use to anyone
CHUNK = 16  # images per task: large enough that the cost of a task disappears
VERIFIED_AT_ONCE = 100_000  # candidate pairs

Progress = Callable[[str, int, int], None]
"""Called with (stage, done, total) from the calling thread; whatever it raises ends the run and passes through."""


def deduplicate(
    source: Any,
    similarity_threshold: float = DEFAULT_THRESHOLD,
    keep: str = DEFAULT_KEEP,
    *,
    fingerprint: str = DEFAULT_FINGERPRINT,
    engine: str = "threads",
    workers: int | None = None,
    progress: Progress | None = None,
) -> Result:
    """Find the duplicates among all images of `source`, compared as one group.

    source: a folder (recursive), a path, PIL images, arrays, tensors, encoded bytes, or any list of these.
    similarity_threshold: 0.0..1.0; two images at or above it are duplicates; higher is stricter.
    keep: comma-separated rules that decide which image of a group stays, strongest first.

    EmptyImageList when there is no image, InvalidThreshold, InvalidRule; an unreadable image is a skipped row.
    """
    threshold = checked_threshold(similarity_threshold)
    parse(keep)
    catalog = scan(source, fingerprint=fingerprint, engine=engine, workers=workers, progress=progress)
    pairs = match(catalog, floor=threshold, progress=progress)
    return group(catalog, pairs, threshold, keep)


def checked_threshold(value: object) -> float:
    """The threshold as a float. InvalidThreshold unless it is a number in 0.0..1.0."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real) or not 0.0 <= float(value) <= 1.0:
        raise InvalidThreshold(value)
    return float(value)


def scan(
    source: Any,
    *,
    fingerprint: str = DEFAULT_FINGERPRINT,
    engine: str = "threads",
    workers: int | None = None,
    progress: Progress | None = None,
) -> Catalog:
    """Read, decode and describe every image of `source`, in input order. EmptyImageList when there is none."""
    items = items_of(source)
    if not items:
        raise EmptyImageList(_empty_hint(source))
    method: Fingerprint = plugins.load("fingerprints", fingerprint)()
    describe = partial(describe_chunk, method=method, seen=Seen())
    run = plugins.load("engines", engine)
    descriptions = []
    chunks = (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))
    for part in run(describe, chunks, workers=workers or os.cpu_count() or 1):
        descriptions += part
        if progress:
            progress("scan", len(descriptions), len(items))
    return catalog_of(method.name, items, descriptions)


def match(catalog: Catalog, floor: float = FLOOR, *, progress: Progress | None = None) -> Pairs:
    """All pairs of readable images with similarity >= floor: an exact join on the keys, then verification.

    floor: 0.0..1.0; InvalidThreshold otherwise.
    """
    floor = checked_threshold(floor)
    method: Fingerprint = plugins.load("fingerprints", catalog.fingerprint)()
    same = identical(catalog.bits, catalog.descriptors)
    rows = np.flatnonzero(catalog.readable & (same == np.arange(len(catalog))))
    left, right = candidates(method, catalog.bits, rows, floor)
    parts = []
    for start in range(0, len(left), VERIFIED_AT_ONCE):
        i, j = (side[start : start + VERIFIED_AT_ONCE] for side in (left, right))
        similarity, evidence = method.similarity(catalog.bits, catalog.descriptors, i, j, floor)
        parts.append(Pairs(floor, i, j, similarity, evidence, same).at(floor))
        if progress:
            progress("match", start + len(i), len(left))
    return joined(parts, floor, same)


def candidates(method: Fingerprint, bits: Bytes, rows: Rows, floor: float) -> tuple[Rows, Rows]:
    """Pairs of rows, i < j and sorted, that the exact join on the keys cannot rule out at `floor`."""
    of, keys = method.keys(bits[rows])
    left, right, _ = neighbors(keys, method.radius(floor))
    one, other = rows[of[left]], rows[of[right]]
    i, j = np.divmod(np.unique(np.minimum(one, other) * len(bits) + np.maximum(one, other)), len(bits) or 1)
    return i[i != j], j[i != j]


def group(catalog: Catalog, pairs: Pairs, similarity_threshold: float, keep: str = DEFAULT_KEEP) -> Result:
    """Decide who stays: keeper-first over the pairs at or above the threshold, in the order of the keep rules."""
    threshold = checked_threshold(similarity_threshold)
    captions = captions_of(catalog.items) if "longest-caption" in parse(keep) else {}
    ranking = rank(catalog, keep, captions)
    assignment = keeper_first(ranking.order, pairs, catalog.readable, threshold)
    return Result(catalog, pairs, assignment, ranking, threshold, keep, words)


def similarity(a: Any, b: Any, *, fingerprint: str = DEFAULT_FINGERPRINT) -> float:
    """Similarity of two images in 0.0..1.0, rounded to 4 decimals; 1.0 for identical pictures.

    a, b: anything `deduplicate` takes as one image. UnreadableImage when one of them cannot be decoded.
    """
    catalog = scan([a, b], fingerprint=fingerprint, workers=1)
    for reason in catalog.errors.values():
        raise UnreadableImage(f"{reason}\nGive two readable images.")
    if catalog.same_bytes(0, 1):
        return 1.0
    method: Fingerprint = plugins.load("fingerprints", fingerprint)()
    rows = np.arange(2)
    value, _ = method.similarity(catalog.bits, catalog.descriptors, rows[:1], rows[1:], 0.0)
    return float(value[0])


class Result(Outcome):
    """What `deduplicate` returns: the outcome, with another choice or a report one call away."""

    def at(self, similarity_threshold: float, keep: str | None = None) -> Result:
        """The outcome at another threshold or with other keep rules; nothing is decoded again."""
        threshold = checked_threshold(similarity_threshold)
        pairs = self.pairs if threshold >= self.pairs.floor else match(self.catalog, floor=threshold)
        return group(self.catalog, pairs, threshold, self.keep if keep is None else keep)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a report; the suffix of the path chooses: .json, .csv or .html. UnknownFormat for another one."""
        report.save(self, os.fspath(path), decode.open_image)


def _empty_hint(source: Any) -> str:
    if isinstance(source, (str, os.PathLike)):
        return f"No image was found in {os.fspath(source)}: check the folder, and that its files end in .jpg, .png, ..."
    return "Give a folder, or at least one image."
