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


def obeyed(catalog: Catalog, pairs: Pairs) -> Pairs:
    """The pairs without those that a person decided are no duplicates, and without those of two images that both stay.

    Images of different bytes that are collapsed as one (`pairs.same`) are told apart first where a decision names one
    of them. Obeying twice is the same as obeying once.
    """
    rows = _rows_by_content(catalog)
    if not rows:
        return pairs
    for first in sorted({int(pairs.same[row]) for found in rows.values() for row in found}):
        pairs = _told_apart(catalog, pairs, first)
    forbidden = _forbidden(catalog, pairs, rows)
    gone = np.array([int(j) in forbidden.get(int(i), ()) for i, j in zip(pairs.i, pairs.j, strict=True)], bool)
    unlisted = pairs.unlisted and Apart(pairs.unlisted, forbidden)
    return replace(_chosen(pairs, np.flatnonzero(~gone)), unlisted=unlisted)


def _rows_by_content(catalog: Catalog) -> Mapping[bytes, list[int]]:
    """The readable rows of every content that a decision names."""
    named = catalog.decisions.kept.union(*catalog.decisions.apart)
    rows: dict[bytes, list[int]] = defaultdict(list)
    if named:
        readable = catalog.readable
        for row, content in enumerate(catalog.facts["content"]):
            if readable[row] and (key := bytes(content)) in named:
                rows[key].append(row)
    return rows


def _told_apart(catalog: Catalog, pairs: Pairs, first: int) -> Pairs:
    """Rows of one class but different bytes get classes of their own, joined to whatever the class was joined to."""
    by_content: dict[bytes, list[int]] = defaultdict(list)
    for row in np.flatnonzero(pairs.same == first).tolist():
        by_content[bytes(catalog.facts["content"][row])].append(row)
    classes = sorted(by_content.values())
    same, added = pairs.same.copy(), [pairs]
    for number, members in enumerate(classes[1:], 1):
        same[members] = members[0]
        twins = np.array([other[0] for other in classes[:number]], np.int64)
        added.append(_joined(pairs, members[0], twins, np.ones(len(twins))))
        added.append(_like(pairs, first, members[0]))
    if len(added) == 1:
        return pairs
    whole = replace(_together(pairs, added), same=same)
    return _chosen(whole, np.lexsort((whole.j, whole.i)))


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
    more = _joined(pairs, row, around[near], similarity[near])
    return _together(pairs, [listed, more])


def _joined(
    pairs: Pairs, row: int, others: Rows, similarity: Floats, evidence: npt.NDArray[np.void] | None = None
) -> Pairs:
    if evidence is None:
        evidence = np.zeros(len(others), EVIDENCE)
        evidence["verified"], evidence["orientation"] = similarity, 1
    i, j = np.minimum(others, row), np.maximum(others, row)
    return replace(pairs, i=i, j=j, similarity=similarity, evidence=evidence)


def _together(pairs: Pairs, parts: Sequence[Pairs]) -> Pairs:
    i, j = np.concatenate([part.i for part in parts]), np.concatenate([part.j for part in parts])
    similarity = np.concatenate([part.similarity for part in parts])
    evidence = np.concatenate([part.evidence for part in parts])
    return replace(pairs, i=i, j=j, similarity=similarity, evidence=evidence)


def _chosen(pairs: Pairs, rows: Rows) -> Pairs:
    i, j, similarity, evidence = pairs.i[rows], pairs.j[rows], pairs.similarity[rows], pairs.evidence[rows]
    return replace(pairs, i=i, j=j, similarity=similarity, evidence=evidence)


def _forbidden(catalog: Catalog, pairs: Pairs, rows: Mapping[bytes, Sequence[int]]) -> Mapping[int, set[int]]:
    """Row → rows that it is no duplicate of; both of them first rows of their classes, both ways."""
    forbidden: dict[int, set[int]] = defaultdict(set)
    firsts = {content: int(pairs.same[found[0]]) for content, found in rows.items()}
    staying = {firsts[content] for content in catalog.decisions.kept if content in firsts}
    standing = staying | set(pairs.same[catalog.reference & catalog.readable].tolist())
    for row in staying:
        forbidden[row] |= standing - {row}
        for other in standing - {row}:
            forbidden[other].add(row)
    for one, other in catalog.decisions.apart:
        if one in firsts and other in firsts:
            forbidden[firsts[one]].add(firsts[other])
            forbidden[firsts[other]].add(firsts[one])
    return forbidden


@dataclass(frozen=True)
class Apart:
    """Unlisted pairs, without the forbidden ones. forbidden: row → rows that it is no duplicate of, both ways."""

    whole: Unlisted
    forbidden: Mapping[int, set[int]]

    @property
    def dense(self) -> Mask:
        return self.whole.dense

    def around(self, row: int) -> Rows:
        return self.whole.around(row)

    def similarity(self, row: int, others: Rows) -> Floats:
        apart = np.isin(others, list(self.forbidden.get(row, ())))
        return np.where(apart, NONE, self.whole.similarity(row, others))
