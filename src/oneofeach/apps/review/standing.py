"""Who stays and who goes right now: a threshold, keep rules and decisions → groups, and the deck of the open ones.

A threshold or other rules regroup everything; one more decision regroups only what it can reach, with the same result.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from oneofeach.apps.review.deck import contents_of, deal
from oneofeach.apps.review.reach import Reach
from oneofeach.apps.review.regroup import Reviewed, listed, regroup
from oneofeach.apps.review.verdicts import Decided, Measured, Verdicts, add, add_bulk, verdicts_of
from oneofeach.crowd import witnessed
from oneofeach.errors import Refused
from oneofeach.flow import Result, checked_threshold
from oneofeach.stages.preference import parse, rank
from oneofeach.stages.similarity import words
from oneofeach.stages.sources.captions import captions_of
from oneofeach.tables import Catalog, Groups, Pairs, Reasons, Rows, Unlisted


@dataclass(slots=True)
class Tally:
    """How many images stay and go, and the bytes of those that go."""

    kept: int
    removed: int
    bytes: int

    def replace(self, before: Tally, after: Tally) -> None:
        """Some of the rows are counted anew."""
        self.kept += after.kept - before.kept
        self.removed += after.removed - before.removed
        self.bytes += after.bytes - before.bytes


class Standing:
    """The groups of one review. Not for several threads at a time.

    groups.pair is not kept up to date; `outcome` has the pairs.
    """

    def __init__(self, catalog: Catalog, pairs: Pairs, decided: Iterable[Decided]) -> None:
        self.catalog, self.pairs = catalog, pairs
        self.measured, self._reach, self._contents = Measured(pairs), Reach(pairs), contents_of(catalog)
        self._readable, self.gone = catalog.readable, np.zeros(len(catalog), bool)
        self._rows, self._bytes = np.arange(len(catalog)), np.ascontiguousarray(catalog.facts["bytes"])
        self._rankings: dict[str, Reasons] = {}
        self.verdicts: Verdicts = verdicts_of(decided, self.measured)

    # all of it anew

    def cut(self, threshold: float, keep: str) -> None:
        """Another threshold or other keep rules. InvalidThreshold, InvalidRule, Refused below the floor."""
        threshold, floor = checked_threshold(threshold), self.pairs.floor
        if threshold < floor:
            raise Refused(f"{threshold} is below {floor}\nPairs less similar than that were not looked for.")
        ranking = self._ranked(keep)
        self.threshold, self.keep, self.ranking = threshold, keep, ranking
        self.rank = np.empty(len(self.catalog), np.int64)
        self.rank[ranking.order] = np.arange(len(self.catalog))
        self.regroup()

    def decide(self, decided: Iterable[Decided]) -> None:
        """All decisions anew: one was taken back."""
        self.verdicts = verdicts_of(decided, self.measured)
        self.regroup()

    def regroup(self) -> None:
        self.groups, _ = self._grouped()
        self.tally = self._counted(slice(None))
        self.deck = deal(self.groups, self.rank, ~self.verdicts.decided, self._contents)

    def _ranked(self, keep: str) -> Reasons:
        if keep not in self._rankings:
            captions = captions_of(self.catalog.items) if "longest-caption" in parse(keep) else {}
            self._rankings[keep] = rank(self.catalog, keep, captions)
        return self._rankings[keep]

    def _grouped(self) -> tuple[Groups, Pairs]:
        readable = self._readable & ~self.gone
        groups, pairs = regroup(self.ranking.order, self.measured, readable, self.threshold, self.verdicts)
        groups.keeper[self.catalog.reference] = -1  # compared with, and never counted
        return groups, pairs

    def _counted(self, rows: Rows | slice) -> Tally:
        keeper = self.groups.keeper[rows]
        kept = keeper == self._rows[rows]
        removed = (keeper >= 0) & ~kept
        return Tally(int(kept.sum()), int(removed.sum()), int(self._bytes[rows][removed].sum()))

    # one decision more

    def hear(self, one: Decided) -> Rows:
        """One more decision. int64[k]: keepers of the groups that were dealt anew."""
        before = self.verdicts.goes[one.rows]
        add(self.verdicts, one, self.measured)
        rows = np.concatenate([one.rows, before[before >= 0]])
        reached = self._reach.around(rows, self.threshold, self.verdicts.goes) if self.threshold else None
        if reached is None:
            self.regroup()
            return self.deck.keepers
        return self._regroup_some(reached)

    def hear_bulk(self, sets: list[Decided]) -> Rows:
        """Many suggestions were accepted as they are. int64[k]: keepers of all groups."""
        add_bulk(self.verdicts, sets)
        self.regroup()
        return self.deck.keepers

    def _regroup_some(self, rows: Rows) -> Rows:
        """Regroup these rows, to whom no others are joined. rows: ascending."""
        readable, before = (self._readable[rows] & ~self.gone[rows]), self._counted(rows)
        pairs, verdicts = self._tables_of(rows)
        order = np.argsort(self.rank[rows])
        groups, _ = regroup(order, Measured(pairs), readable, self.threshold, verdicts)
        keeper = np.where(groups.keeper >= 0, rows[groups.keeper], -1)
        keeper[self.catalog.reference[rows]] = -1
        self.groups.keeper[rows], self.groups.similarity[rows] = keeper, groups.similarity
        self.tally.replace(before, self._counted(rows))
        local = replace(groups, keeper=np.where(keeper >= 0, groups.keeper, -1))
        dealt = deal(local, self.rank[rows], ~verdicts.decided, self._contents[rows])
        fresh = replace(dealt, keepers=rows[dealt.keepers], members=rows[dealt.members])
        self.deck = self.deck.without(rows).joined(fresh)
        return fresh.keepers

    def _tables_of(self, rows: Rows) -> tuple[Pairs, Verdicts]:
        """The pairs of these rows and what was decided about them, by their places in `rows`."""
        at, pairs, all_of = self._reach.among(rows), self.pairs, self.verdicts
        i, j, same = (np.searchsorted(rows, column) for column in (pairs.i[at], pairs.j[at], pairs.same[rows]))
        goes = np.where(all_of.goes[rows] >= 0, np.searchsorted(rows, all_of.goes[rows]), -1)
        verdicts = Verdicts(all_of.stays[rows], goes, all_of.apart[at], all_of.split[rows], parted=all_of.parted)
        some = replace(
            pairs, i=i, j=j, similarity=pairs.similarity[at], evidence=pairs.evidence[at], same=same, unlisted=None
        )
        return some, verdicts

    # what comes of it

    def outcome(self, unlisted: Unlisted | None, decided_only: bool = False) -> Result:
        """The result. unlisted: of the pairs before decisions. decided_only: suggestions stay."""
        groups, pairs = self._grouped()
        if decided_only:
            rows = np.flatnonzero(groups.removed & (self.verdicts.goes < 0))
            groups.keeper[rows], groups.similarity[rows], groups.pair[rows] = rows, 1.0, -1
        pairs, groups = listed(pairs, groups)
        pairs, groups = witnessed(replace(pairs, unlisted=unlisted), groups)
        ranking = Reviewed(self.ranking, self.verdicts)
        return Result(self.catalog, pairs, groups, ranking, self.threshold, self.keep, words)
