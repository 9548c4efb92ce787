"""Catalog → Pairs: an exact join on the keys, then verification. What the index knows is not measured again."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from numbers import Real

import numpy as np
import numpy.typing as npt

from oneofeach import plugins
from oneofeach.crowd import Crowd, measured
from oneofeach.engines.threads import checked_workers
from oneofeach.errors import InvalidThreshold
from oneofeach.index import Index, IndexRenewed
from oneofeach.index.pairs import STORED_PAIR, KnownPairs
from oneofeach.orientations import turns_of, with_turns
from oneofeach.plugins import Fingerprint, Progress, Searching
from oneofeach.stages import decode
from oneofeach.stages.neighbors import Bounded, bounded, each_once, identical
from oneofeach.tables import EVIDENCE, Bytes, Catalog, Pairs, Rows, joined

FLOOR = 0.80  # pairs below it are of no use to anyone
UNKNOWN = 100_000  # images that are only compared with; the pairs among more of them are not worth finding
LISTED, LISTED_PER_ROW = 2_000_000, 2  # candidate pairs; those of denser clusters are measured as they are needed


def checked_threshold(value: object) -> float:
    """The threshold as a float. InvalidThreshold unless it is a number in 0.0..1.0."""
    try:
        number = float(value) if isinstance(value, Real) and not isinstance(value, (bool, np.bool_)) else math.nan
    except OverflowError:  # a whole number beyond every float
        number = math.nan
    if not 0.0 <= number <= 1.0:
        raise InvalidThreshold(value)
    return number


def match(
    catalog: Catalog,
    floor: float = FLOOR,
    *,
    orientations: str = "upright",
    index: Index | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    listed: int | None = None,
) -> Pairs:
    """All pairs of readable images with similarity >= floor; none among images that are only compared with.

    floor: 0.0..1.0; InvalidThreshold otherwise. orientations: "upright", or "all" to find flips and quarter turns too.
    With an index, pairs go down to FLOOR when `floor` is above it, and
    only those with an image that the index has not matched before are measured.
    listed: about how many pairs may be listed; what grouping needs of more is measured when it is needed, and the
    groups are the same. None: as many as is quick. workers: threads; None: one per core.
    """
    floor, turns, workers = checked_threshold(floor), turns_of(orientations), checked_workers(workers)
    method: Fingerprint = plugins.load("fingerprints", catalog.fingerprint)()
    work = _Work(method, workers, progress)
    limit = None if turns else _most(len(catalog)) if listed is None else listed
    try:
        pairs = _upright(catalog, work, floor, index, limit)
    except IndexRenewed:
        if index is not None:
            index.images(method, decode.VERSION, decode.tools()).add_all(catalog)
        pairs = _upright(catalog, work, floor, index, limit)
    return replace(with_turns(catalog, method, pairs, turns, workers) if turns else pairs, orientations=orientations)


@dataclass(frozen=True)
class _Work:
    """How pairs are measured."""

    method: Fingerprint
    workers: int
    progress: Progress | None


def _most(rows: int) -> int:
    """How many pairs are listed at most."""
    return max(LISTED, LISTED_PER_ROW * rows)


def _upright(catalog: Catalog, work: _Work, floor: float, index: Index | None, limit: int | None) -> Pairs:
    same = _same(catalog)
    if index is not None and floor >= FLOOR:
        pairs = _with_index(catalog, work, index, same)
        if pairs is not None:
            return pairs
    rows = np.flatnonzero(catalog.readable & (same == np.arange(len(catalog))))
    own, reference = rows[~catalog.reference[rows]], rows[catalog.reference[rows]]
    left, right, near = candidates(work.method, catalog.bits, own, reference, floor, limit, work.workers)
    pairs = _verified(catalog, work, left, right, floor, same)
    return replace(pairs, unlisted=Crowd(catalog, work.method, floor, near, work.workers)) if near else pairs


def _with_index(catalog: Catalog, work: _Work, index: Index, same: Rows) -> Pairs | None:
    """The pairs down to FLOOR, those of two known images from the index.

    The index knows sets of images all of whose pairs are known, so pairs among images that are only compared with are
    found too, and left out at the end. None where pairs are too many to be stored, or would be too many to be found.
    """
    whole = replace(catalog, reference=np.zeros(len(catalog), bool))
    every = _same(whole) if catalog.reference.any() else same
    rows = np.flatnonzero(catalog.readable & (every == np.arange(len(catalog))))
    if not _have_content(catalog, rows):
        return None
    contents = catalog.facts["content"][rows].copy().view("S32")[:, 0].astype("S16")
    store = index.pairs(work.method)
    known = store.known(contents)
    if int((catalog.reference[rows] & ~known.known).sum()) > UNKNOWN:
        return None
    both = rows[~known.known], rows[known.known]
    left, right, near = candidates(work.method, catalog.bits, *both, FLOOR, _most(len(rows)), work.workers)
    if near:
        return None
    pairs = _merged(_verified(catalog, work, left, right, FLOOR, every), known, rows)
    store.add(contents, known.known, _stored(pairs, contents, rows))
    return _across(catalog, replace(work, progress=None), pairs, same) if catalog.reference.any() else pairs


def _across(catalog: Catalog, work: _Work, pairs: Pairs, same: Rows) -> Pairs:
    """Of the pairs among all images, those that do not lie among the ones only compared with.

    same: which keeps the two apart. Own rows come first: the first of identical images is an own one, if any is.
    """
    own, other = np.full((2, len(catalog)), -1)
    for first, chosen in ((own, ~catalog.reference), (other, catalog.reference)):
        rows = np.flatnonzero(chosen & catalog.readable)
        first[pairs.same[rows]] = same[rows]
    within = (own[pairs.i] >= 0) & (own[pairs.j] >= 0)
    across = (own[pairs.i] >= 0) & (other[pairs.j] >= 0)
    turned = (other[pairs.i] >= 0) & (own[pairs.j] >= 0)  # evidence has a direction: these are measured again
    both = np.flatnonzero((own >= 0) & (other >= 0))
    left, right = (
        np.concatenate([own[pairs.j[turned]], own[both]]),
        np.concatenate([other[pairs.i[turned]], other[both]]),
    )
    new = _verified(catalog, work, left, right, pairs.floor, same)
    listed = np.concatenate([np.flatnonzero(within), np.flatnonzero(across)])
    j = np.concatenate([own[pairs.j[within]], other[pairs.j[across]]])
    kept = KnownPairs(within, own[pairs.i[listed]], j, pairs.similarity[listed], pairs.evidence[listed])
    return _merged(new, kept, np.arange(len(catalog)))


def candidates(
    method: Fingerprint, bits: Bytes, rows: Rows, against: Rows, floor: float, limit: int | None, workers: int
) -> tuple[Rows, Rows, tuple[Bounded, ...]]:
    """Pairs of rows, i < j and sorted, that the join on the keys cannot rule out at `floor`.

    Pairs among `rows`, and pairs of one of `rows` with one of `against`; none among `against`. Where one or the other
    are more than `limit`, what answers for the rest comes along.
    """
    if isinstance(method, Searching):
        return *_searched(method, bits, rows, against, floor), ()
    radius, n, limit = method.radius(floor), len(bits), sys.maxsize if limit is None else limit
    of, keys = method.keys(bits[rows])
    found = [bounded(rows[of], keys, n, radius, limit, workers)]
    if len(against) and len(rows):
        of_other, other_keys = method.keys(bits[against])
        every = np.concatenate([rows[of], against[of_other]]), np.concatenate([keys, other_keys])
        found.append(bounded(*every, n, radius, limit, workers, split=len(keys)))
    one, other = np.concatenate([near.i for near in found]), np.concatenate([near.j for near in found])
    return *each_once(one, other, n), tuple(near for near in found if near.dense.any())


def _searched(method: Searching, bits: Bytes, rows: Rows, against: Rows, floor: float) -> tuple[Rows, Rows]:
    left, right = method.near(bits[rows], None, floor)
    one, other = rows[left], rows[right]
    if len(against) and len(rows):
        left, right = method.near(bits[rows], bits[against], floor)
        one, other = np.concatenate([one, rows[left]]), np.concatenate([other, against[right]])
    return each_once(one, other, len(bits))


def _verified(catalog: Catalog, work: _Work, left: Rows, right: Rows, floor: float, same: Rows) -> Pairs:
    parts, done = [], 0
    for part in measured(catalog, work.method, left, right, floor, same, work.workers):
        parts.append(part.at(floor))
        done += len(part)
        if work.progress:
            work.progress("match", done, len(left))
    return joined(parts, floor, same)


def _same(catalog: Catalog) -> Rows:
    """The first identical row of each row.

    Images that are only compared with stay apart from the others: these must never fall for one another by way of a
    common copy. So do unreadable rows, whose empty fingerprints would otherwise stand for black pictures.
    """
    kinds = np.where(catalog.readable, catalog.reference.astype(np.uint8), np.uint8(2))
    return np.where(catalog.readable, identical(catalog.bits, catalog.descriptors, kinds), np.arange(len(catalog)))


def _have_content(catalog: Catalog, rows: Rows) -> bool:
    """Whether all rows were files: only a content can be recognized in another run."""
    return bool(catalog.facts["content"][rows].any(axis=1).all())


def _merged(new: Pairs, known: KnownPairs, rows: Rows) -> Pairs:
    i, j = np.concatenate([new.i, rows[known.i]]), np.concatenate([new.j, rows[known.j]])
    similarity = np.concatenate([new.similarity, known.similarity])
    evidence = np.concatenate([new.evidence, known.evidence.astype(EVIDENCE)])
    order = np.lexsort((j, i))
    return Pairs(new.floor, i[order], j[order], similarity[order], evidence[order], new.same)


def _stored(pairs: Pairs, contents: npt.NDArray[np.bytes_], rows: Rows) -> npt.NDArray[np.void]:
    stored = np.zeros(len(pairs), STORED_PAIR)
    stored["i"], stored["j"] = contents[np.searchsorted(rows, pairs.i)], contents[np.searchsorted(rows, pairs.j)]
    stored["similarity"], stored["evidence"] = pairs.similarity, pairs.evidence
    return stored
