"""What a person decided → the pairs that grouping sees: some are no duplicates, some images always stay.

In: a Catalog that carries Decisions, and Pairs. Out: Pairs. Decisions name contents, so they outlive renames and scans.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from oneofeach.tables import EVIDENCE, Catalog, Floats, Mask, Pairs, Rows, Unlisted

NONE = -1.0  # the similarity of two images that are no duplicates, because a person said so
HEAD = 8  # bytes of a content that tell nearly all of them from each other


def obeyed(catalog: Catalog, pairs: Pairs) -> Pairs:
    """The pairs without those that a person decided are no duplicates, and without those of two images that both stay.

    Images of different bytes that are collapsed as one (`pairs.same`) are told apart first where a decision names one
    of them. Obeying twice is the same as obeying once.
    """
    rows = _rows_by_content(catalog)
    if not rows:
        return pairs
    several = np.bincount(pairs.same, minlength=len(catalog)) > 1
    for first in sorted({int(pairs.same[row]) for found in rows.values() for row in found}):
        if several[first]:
            pairs = _told_apart(catalog, pairs, first)
    stays, stands, apart = _decided(catalog, pairs, rows)
    gone = (stays[pairs.i] & stands[pairs.j]) | (stands[pairs.i] & stays[pairs.j]) | _among(pairs, apart)
    unlisted = pairs.unlisted and Apart(pairs.unlisted, apart, stays, stands)
    return replace(pairs.take(~gone), unlisted=unlisted)


def _rows_by_content(catalog: Catalog) -> Mapping[bytes, list[int]]:
    """The readable rows of every content that a decision names."""
    named = catalog.decisions.kept.union(*catalog.decisions.apart)
    rows: dict[bytes, list[int]] = defaultdict(list)
    if named:
        contents, heads = catalog.facts["content"], np.frombuffer(b"".join(name[:HEAD] for name in named), np.uint64)
        may_be = np.isin(np.ascontiguousarray(contents[:, :HEAD]).view(np.uint64)[:, 0], heads)
        for row in np.flatnonzero(may_be & catalog.readable).tolist():
            if (content := bytes(contents[row])) in named:
                rows[content].append(row)
    return rows


def _told_apart(catalog: Catalog, pairs: Pairs, first: int) -> Pairs:
    """Rows of one class but different bytes get classes of their own, joined to whatever the class was joined to."""
    by_content: dict[bytes, list[int]] = defaultdict(list)
    for row in np.flatnonzero(pairs.same == first).tolist():
        by_content[bytes(catalog.facts["content"][row])].append(row)
    classes = sorted(by_content.values())
    same, added = pairs.same.copy(), list[Pairs]()
    for number, members in enumerate(classes[1:], 1):
        same[members] = members[0]
        twins = np.array([other[0] for other in classes[:number]], np.int64)
        added.append(_joined(pairs, members[0], twins, np.ones(len(twins))))
        added.append(_like(pairs, first, members[0]))
    if not added:
        return pairs
    whole = replace(pairs.also(added), same=same)
    return whole.take(np.lexsort((whole.j, whole.i)))


def _like(pairs: Pairs, model: int, row: int) -> Pairs:
    """Pairs of `row` that equal those of `model`, unlisted ones too."""
    of = np.flatnonzero((pairs.i == model) | (pairs.j == model))
    others = np.where(pairs.i[of] == model, pairs.j[of], pairs.i[of])
    listed = _joined(pairs, row, others, pairs.similarity[of], pairs.evidence[of])
    if pairs.unlisted is None or not pairs.unlisted.dense[model]:
        return listed
    around = np.setdiff1d(pairs.unlisted.around(model), [*others, model])
    similarity = pairs.unlisted.similarity(model, around)
    near = np.flatnonzero(similarity >= pairs.floor)
    return listed.also([_joined(pairs, row, around[near], similarity[near])])


def _joined(
    pairs: Pairs, row: int, others: Rows, similarity: Floats, evidence: npt.NDArray[np.void] | None = None
) -> Pairs:
    if evidence is None:
        evidence = np.zeros(len(others), EVIDENCE)
        evidence["verified"], evidence["orientation"] = similarity, 1
    i, j = np.minimum(others, row), np.maximum(others, row)
    return replace(pairs, i=i, j=j, similarity=similarity, evidence=evidence)


def _decided(
    catalog: Catalog, pairs: Pairs, rows: Mapping[bytes, Sequence[int]]
) -> tuple[Mask, Mask, Mapping[int, set[int]]]:
    """What is decided about first rows of classes: which stay always, which stay beside those (bool[n] each, the
    former among the latter), and which were called apart: row → rows, both ways."""
    firsts = {content: int(pairs.same[found[0]]) for content, found in rows.items()}
    stays, stands = np.zeros(len(catalog), bool), np.zeros(len(catalog), bool)
    stays[[firsts[content] for content in catalog.decisions.kept if content in firsts]] = True
    stands[pairs.same[catalog.reference & catalog.readable]] = True
    apart: dict[int, set[int]] = defaultdict(set)
    for one, other in catalog.decisions.apart:
        if one in firsts and other in firsts:
            apart[firsts[one]].add(firsts[other])
            apart[firsts[other]].add(firsts[one])
    return stays, stays | stands, apart


def _among(pairs: Pairs, apart: Mapping[int, set[int]]) -> Mask:
    """bool[m]: which of the pairs are among these."""
    found, n = np.zeros(len(pairs), bool), len(pairs.same)
    keys = np.array([one * n + other for one, others in apart.items() for other in others], np.int64)
    near = np.flatnonzero(np.isin(pairs.i, np.fromiter(apart, np.int64, len(apart))))
    found[near] = np.isin(pairs.i[near] * n + pairs.j[near], keys)
    return found


@dataclass(frozen=True)
class Apart:
    """Unlisted pairs, without those that were called apart or of which both stay.

    apart: row → rows that it is no duplicate of, both ways. stays, stands: bool[n]; a row that stays is no duplicate of
    any that stands.
    """

    whole: Unlisted
    apart: Mapping[int, set[int]]
    stays: Mask
    stands: Mask

    @property
    def dense(self) -> Mask:
        return self.whole.dense

    def around(self, row: int) -> Rows:
        return self.whole.around(row)

    def similarity(self, row: int, others: Rows) -> Floats:
        no = np.isin(others, list(self.apart.get(row, ())))
        no |= (self.stays[row] & self.stands[others]) | (self.stands[row] & self.stays[others])
        return np.where(no, NONE, self.whole.similarity(row, others))
