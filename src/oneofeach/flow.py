"""The walk: scan → match → group, and `deduplicate`, which does all three. Read this file first.

Every step is one call into a stage and hands a frozen table to the next; row r is the same image in all of them.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np

from oneofeach import plugins
from oneofeach.assembly import Assembly
from oneofeach.crowd import witnessed
from oneofeach.describe import describe_all
from oneofeach.engines.threads import checked_workers
from oneofeach.errors import EmptyImageList, Refused, UnreadableImage, UnsupportedInput
from oneofeach.index import Index, renewing
from oneofeach.matching import checked_threshold, match
from oneofeach.orientations import turns_of
from oneofeach.plugins import Distributed, Engine, Fingerprint, Progress, Walk
from oneofeach.stages import decode, report
from oneofeach.stages.decisions import obeyed
from oneofeach.stages.grouping import keeper_first
from oneofeach.stages.preference import DEFAULT_KEEP, parse, rank
from oneofeach.stages.similarity import words
from oneofeach.stages.sources import empty_hint, items_of, others_of, places
from oneofeach.stages.sources.captions import captions_of
from oneofeach.stages.sources.links import links_among
from oneofeach.tables import Catalog, Item, Outcome, Pairs

__all__ = [
    "DEFAULT_FINGERPRINT",
    "DEFAULT_THRESHOLD",
    "Progress",
    "Result",
    "checked_threshold",
    "deduplicate",
    "group",
    "match",
    "scan",
    "similarity",
]

DEFAULT_THRESHOLD = 0.95
DEFAULT_FINGERPRINT = "oneofeach-1"


def deduplicate(
    source: Any,
    similarity_threshold: float = DEFAULT_THRESHOLD,
    keep: str = DEFAULT_KEEP,
    *,
    against: Any = None,
    index: Index | str | os.PathLike[str] | None = None,
    reconsider: bool = False,
    orientations: str = "upright",
    fingerprint: str = DEFAULT_FINGERPRINT,
    engine: str | Distributed = "threads",
    workers: int | None = None,
    progress: Progress | None = None,
) -> Result:
    """Find the duplicates among all images of `source`, compared as one group.

    source: a folder (recursive), a path, PIL images, arrays, tensors, encoded bytes, or any list of these.
    similarity_threshold: 0.0..1.0; two images at or above it are duplicates; higher is stricter.
    keep: comma-separated rules that decide which image of a group stays, strongest first.
    against: other images, which all stay: a duplicate of one of them goes.
    index: remembers images and pairs from run to run (an Index, or the path of one), and what a person decided, which
    is obeyed with every engine; None: nothing is remembered.
    reconsider: choose anew also where an earlier applied run has chosen.
    orientations: "upright", or "all" to find mirrored and turned copies too (on one machine only).
    engine: "threads"; or "ray", or an oneofeach.engines.ray.Ray, for a cluster.

    EmptyImageList when there is no image, InvalidThreshold, InvalidRule; an unreadable image is a skipped row.
    """
    threshold = checked_threshold(similarity_threshold)
    parse(keep)
    catalog, pairs = scan_and_match(
        source,
        threshold,
        against=against,
        index=index,
        reconsider=reconsider,
        orientations=orientations,
        fingerprint=fingerprint,
        engine=engine,
        workers=workers,
        progress=progress,
    )
    catalog = replace(catalog, sources=places(source), against=places(against))
    return group(catalog, pairs, threshold, keep)


def scan_and_match(
    source: Any,
    floor: float,
    *,
    against: Any = None,
    index: Index | str | os.PathLike[str] | None = None,
    reconsider: bool = False,
    orientations: str = "upright",
    fingerprint: str = DEFAULT_FINGERPRINT,
    engine: str | Distributed = "threads",
    workers: int | None = None,
    progress: Progress | None = None,
) -> tuple[Catalog, Pairs]:
    """The first two steps of `deduplicate`, on one machine or on a cluster."""
    turns, distributed = turns_of(orientations), _distributed(engine)
    if distributed and turns:
        raise Refused("Orientations are searched on one machine only\nLeave out orientations, or the engine.")
    with _opened(index) as opened:
        if distributed:
            catalog, pairs = distributed.find(Walk(source, against, fingerprint, workers, progress), floor)
            return remembering(catalog, opened, reconsider), pairs
        catalog = scan(
            source,
            against=against,
            index=opened,
            reconsider=reconsider,
            fingerprint=fingerprint,
            engine=engine,
            workers=workers,
            progress=progress,
        )
        pairs = match(catalog, floor, orientations=orientations, index=opened, workers=workers, progress=progress)
        return catalog, pairs


def scan(
    source: Any,
    *,
    against: Any = None,
    index: Index | str | os.PathLike[str] | None = None,
    reconsider: bool = False,
    fingerprint: str = DEFAULT_FINGERPRINT,
    engine: str | Distributed = "threads",
    workers: int | None = None,
    progress: Progress | None = None,
) -> Catalog:
    """Read, decode and describe every image of `source`, in input order. EmptyImageList when there is none.

    against: images that the others are only compared with; their rows follow, marked as `reference`.
    index: what it knows is neither read nor decoded again, and what is new is stored in it.
    reconsider: do not prefer what an earlier applied run kept.
    """
    distributed = _distributed(engine)
    if distributed:
        catalog = distributed.scan(Walk(source, against, fingerprint, workers, progress))
        with _opened(index) as opened:
            return remembering(catalog, opened, reconsider)
    items, threads = items_of(source), checked_workers(workers)
    if not items:
        raise EmptyImageList(empty_hint(source))
    own = len(items)
    items += _others(against)
    method: Fingerprint = plugins.load("fingerprints", fingerprint)()
    run: Engine = plugins.load("engines", str(engine))
    with _opened(index) as opened:
        if opened:
            opened.runs.load()  # a damaged file is begun anew before anything is stored in it
        catalog = remembering(_described(items, method, run, threads, opened, progress), opened, reconsider)
    return replace(catalog, reference=np.arange(len(items)) >= own, links=links_among(items))


@renewing
def _described(
    items: list[Item], method: Fingerprint, run: Engine, threads: int, index: Index | None, progress: Progress | None
) -> Catalog:
    """The images that the index knows, and the others read, decoded and stored in it."""
    stored = index.images(method, decode.VERSION, decode.tools()) if index else None
    assembly = Assembly(items, method)
    describe_all(assembly, method, run, threads, stored, progress)
    return assembly.catalog()


def remembering(catalog: Catalog, index: Index | None, reconsider: bool = False) -> Catalog:
    """The catalog with what a person decided, and what an earlier run kept: all that a cluster takes from an index."""
    if index is None:
        return catalog
    kept = catalog.kept_earlier if reconsider else index.kept(catalog.facts["content"])
    return replace(catalog, kept_earlier=kept, decisions=index.decisions.load())


def _distributed(engine: str | Distributed) -> Distributed | None:
    """The engine, when it is one that does the whole walk by itself."""
    chosen = plugins.load("engines", engine) if isinstance(engine, str) else engine
    chosen = chosen() if isinstance(chosen, type) else chosen
    return chosen if isinstance(chosen, Distributed) else None


def _opened(index: Index | str | os.PathLike[str] | None) -> AbstractContextManager[Index | None]:
    """An index for a while: a path is opened and closed, an Index is left open."""
    return nullcontext(index) if index is None or isinstance(index, Index) else Index(index)


def group(catalog: Catalog, pairs: Pairs, similarity_threshold: float, keep: str = DEFAULT_KEEP) -> Result:
    """Decide who stays: keeper-first over the pairs at or above the threshold, in the order of the keep rules."""
    threshold = checked_threshold(similarity_threshold)
    captions = captions_of(catalog.items) if "longest-caption" in parse(keep) else {}
    ranking = rank(catalog, keep, captions)
    pairs = obeyed(catalog, pairs)
    pairs, assignment = witnessed(pairs, keeper_first(ranking.order, pairs, catalog.readable, threshold))
    assignment = replace(assignment, keeper=np.where(catalog.reference, -1, assignment.keeper))
    return Result(catalog, pairs, assignment, ranking, threshold, keep, words)


def similarity(a: Any, b: Any, *, fingerprint: str = DEFAULT_FINGERPRINT) -> float:
    """Similarity of two images in 0.0..1.0, rounded to 4 decimals; 1.0 for identical pictures.

    a, b: anything `deduplicate` takes as one image; UnsupportedInput for none or several, as in a batch or a folder.
    UnreadableImage when one of them cannot be decoded.
    """
    catalog = scan([_single_image(a), _single_image(b)], fingerprint=fingerprint, workers=1)
    for reason in catalog.errors.values():
        raise UnreadableImage(f"{reason}\nGive two readable images.")
    if catalog.same_bytes(0, 1):
        return 1.0
    method: Fingerprint = plugins.load("fingerprints", fingerprint)()
    rows = np.arange(2)
    value, _ = method.similarity(catalog.bits, catalog.descriptors, rows[:1], rows[1:], 0.0)
    return float(value[0])


def _single_image(image: Any) -> Item:
    items = items_of([image])
    if len(items) != 1:
        raise UnsupportedInput(f"Expected one image, got {len(items)}\nGive two single images; deduplicate takes many.")
    return items[0]


class Result(Outcome):
    """What `deduplicate` returns: the outcome, with another choice or a report one call away."""

    def at(self, similarity_threshold: float, keep: str | None = None) -> Result:
        """The outcome at another threshold or with other keep rules; nothing is decoded again."""
        threshold = checked_threshold(similarity_threshold)
        pairs = self.pairs if threshold >= self.pairs.floor else self._rematched(threshold)
        return group(self.catalog, pairs, threshold, self.keep if keep is None else keep)

    def _rematched(self, floor: float) -> Pairs:
        return match(self.catalog, floor=floor, orientations=self.pairs.orientations)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a report; the suffix chooses: .json, .csv, .parquet or .html. UnknownFormat for another one."""
        report.save(self, os.fspath(path), decode.open_image)


def _others(against: Any) -> list[Item]:
    """The images to compare with."""
    items = items_of(others_of(against))
    if not items and against is not None and not isinstance(against, (list, tuple)):
        raise EmptyImageList(empty_hint(against))
    return items
