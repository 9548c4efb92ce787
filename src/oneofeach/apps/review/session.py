"""What is being reviewed: a catalog, its pairs, a threshold, keep rules, and what was decided. Every call is atomic.

In: a catalog and its pairs. Out: cards for the page, and the outcome that a plan is made of. A decision is on disk
before the call returns; the revision grows with every change, so that several tabs can tell when theirs is old.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import RLock
from typing import Any

import numpy as np

from oneofeach.apps.review.choices import NEAR, OPEN, Shown, Stale, choice
from oneofeach.apps.review.deck import TIERS, Deck, contents_of, deal
from oneofeach.apps.review.labels import Labels
from oneofeach.apps.review.memory import Memory, Names
from oneofeach.apps.review.proposal import Proposal, propose, spread
from oneofeach.apps.review.regroup import Reviewed, listed, regroup
from oneofeach.apps.review.remembered import Remembered
from oneofeach.apps.review.sharing import Sharing
from oneofeach.apps.review.verdicts import ACCEPT, BULK, Decided, Mask, Measured, add, add_bulk, verdicts_of
from oneofeach.apps.review.views import Views
from oneofeach.crowd import witnessed
from oneofeach.errors import Refused
from oneofeach.flow import DEFAULT_THRESHOLD, Result, checked_threshold
from oneofeach.index import Index
from oneofeach.stages.decisions import obeyed
from oneofeach.stages.preference import DEFAULT_KEEP, parse, rank
from oneofeach.stages.similarity import words
from oneofeach.stages.sources.captions import captions_of
from oneofeach.tables import Catalog, Groups, Pairs, Reasons, Rows

SAMPLE = 12  # groups shown before a bulk decision


class Session:
    """lock guards everything; a caller that combines several calls takes it, too."""

    def __init__(
        self,
        catalog: Catalog,
        pairs: Pairs,
        memory: Memory,
        *,
        threshold: float | None = None,
        keep: str | None = None,
        places: Sequence[str] = (),
        read_only: bool = False,
        index: Index | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.lock, self._unlisted, self.names = RLock(), pairs.unlisted, Names(catalog)
        decided = memory.decided(self.names)
        self.sharing = Sharing(catalog, self.names, decided, None if read_only else index, say)
        catalog = replace(catalog, decisions=self.sharing.of_others)  # one's own are not set in stone
        pairs = obeyed(catalog, pairs)
        self.catalog, self.pairs, self.memory, self.read_only = catalog, pairs, memory, read_only
        self.measured, self.contents = Measured(pairs), contents_of(catalog)
        self._spread = spread(pairs.similarity, pairs.floor)
        self.gone = np.zeros(len(catalog), bool)
        self.revision = 0
        self._names_of_state = (f"content:{self.names.digest()}", *(f"place:{place}" for place in places))
        self.state = memory.state(*self._names_of_state)
        self._remembered = Remembered(catalog)
        self.decided = [self._remembered.obeyed(one) for one in decided]
        self.captions = memory.captions(self.names)
        self.undoable = sorted(
            {one.decision for one in self.decided} | {number for number, _ in self.captions.values()}
        )
        self._tickets: dict[str, tuple[int, list[int]]] = {}
        self._rankings: dict[str, Reasons] = {}
        stored = self.state.get("threshold", DEFAULT_THRESHOLD)
        self._set(
            max(stored, pairs.floor) if threshold is None else threshold,
            self.state.get("keep", DEFAULT_KEEP) if keep is None else keep,
        )
        self._labels = Labels(self.decided, self.verdicts)

    # what would happen

    def _set(self, threshold: float, keep: str) -> None:
        self.threshold, self.keep = checked_threshold(threshold), keep
        self.ranking = self._ranked(keep)
        self.rank = np.empty(len(self.catalog), np.int64)
        self.rank[self.ranking.order] = np.arange(len(self.catalog))
        self.verdicts = verdicts_of(self.decided, self.measured)
        self._regroup()
        self.views = Views(self)

    def _ranked(self, keep: str) -> Reasons:
        if keep not in self._rankings:
            captions = captions_of(self.catalog.items) if "longest-caption" in parse(keep) else {}
            self._rankings[keep] = rank(self.catalog, keep, captions)
        return self._rankings[keep]

    def _regroup(self) -> None:
        readable = self.catalog.readable & ~self.gone
        self.groups, self.grouped = regroup(self.ranking.order, self.measured, readable, self.threshold, self.verdicts)
        self.groups.keeper[self.catalog.reference] = -1  # compared with, and never counted
        self.deck: Deck = deal(self.groups, self.rank, ~self.verdicts.decided, self.contents)
        self.revision += 1

    def cut(self, threshold: float | None = None, keep: str | None = None) -> None:
        """Regroup with another threshold or keep rules. InvalidThreshold, InvalidRule, Refused below the floor."""
        with self.lock:
            wanted = self.threshold if threshold is None else checked_threshold(threshold)
            if wanted < self.pairs.floor:
                raise Refused(
                    f"{wanted} is below {self.pairs.floor}\nPairs less similar than that were not looked for."
                )
            self._set(wanted, self.keep if keep is None else keep)
            self.save_state(threshold=self.threshold, keep=self.keep)

    def outcome(self, decided_only: bool = False) -> Result:
        """The result of the review. decided_only: only what a person decided goes, suggestions stay."""
        with self.lock:
            groups = self.groups
            if decided_only:
                rows = np.flatnonzero(groups.removed & (self.verdicts.goes < 0))
                keeper, similarity, pair = groups.keeper.copy(), groups.similarity.copy(), groups.pair.copy()
                keeper[rows], similarity[rows], pair[rows] = rows, 1.0, -1
                groups = Groups(keeper, similarity, pair)
            pairs, groups = listed(self.grouped, groups)
            pairs, groups = witnessed(replace(pairs, unlisted=self._unlisted), groups)
            ranking = Reviewed(self.ranking, self.verdicts)
            return Result(self.catalog, pairs, groups, ranking, self.threshold, self.keep, words)

    # cards

    def shown(self, number: int) -> Shown:
        """The card of that number. Stale when there is none."""
        n = len(self.catalog)
        if -len(self.decided) <= number < 0:
            one = self.decided[-1 - number]
            return Shown(number, one.rows, one.stays, one.kind)
        if 0 <= number < n:
            rows = self.deck.group(number)
            return Shown(number, rows, np.arange(len(rows)) == 0, OPEN)
        if n <= number < n + len(self.pairs):
            pair = number - n
            rows = self.groups.keeper[[self.pairs.i[pair], self.pairs.j[pair]]]
            if rows.min() < 0 or rows[0] == rows[1]:
                raise Stale
            return Shown(number, rows[np.argsort(self.rank[rows])], np.ones(2, bool), NEAR)
        raise Stale

    def number_of(self, row: int) -> int | None:
        """The card that shows a row now: its open group, else the latest decision about it."""
        if self.groups.keeper[row] >= 0 and row in self.deck.group(int(self.groups.keeper[row]))[1:]:
            return int(self.groups.keeper[row])
        if len(self.deck.group(row)) > 1:
            return row
        return next((-1 - at for at in range(len(self.decided) - 1, -1, -1) if row in self.decided[at].rows), None)

    # deciding

    def decide(self, number: int, version: str, action: str, row: int = -1) -> int:
        """Decide about a card as it was shown. The number of the card that takes its place. Stale, Refused."""
        with self.lock:
            self._writable()
            card = self.shown(number)
            if card.version != version or len(card.rows) < 2:
                raise Stale
            kind, stays = choice(card, action, row)
            if kind == card.kind and np.array_equal(stays, card.stays):
                return number
            self._remembered.check(card.rows, stays)
            one = self._store(kind, [(card.rows, stays)])[0]
            add(self.verdicts, one, self.measured)
            self._labels.add(one, self.verdicts)
            self._after([number], settled=card.kind == OPEN and kind == ACCEPT)  # it is what was shown anyway
            return -len(self.decided)

    def _store(self, kind: str, sets: Sequence[tuple[Rows, Mask]], rule: str = "") -> list[Decided]:
        decision = self.memory.decide(self.names, kind, sets, rule)
        made = [Decided(decision, kind, rows, stays) for rows, stays in sets]
        self.decided += made
        self.sharing.hear(made)
        self.undoable.append(decision)
        return made

    def _after(self, replaced: Sequence[int], settled: bool) -> None:
        """Cards were decided: they keep their places, what changed around them is dealt anew at the end."""
        first = len(self.decided) - len(replaced)
        if settled:
            self.deck = self._without(replaced)
            self.revision += 1
        else:
            self._regroup()
        self.views.decided({old: -1 - first - at for at, old in enumerate(replaced)}, regrouped=not settled)

    def _without(self, keepers: Sequence[int]) -> Deck:
        """The deck without some groups; the rows need not be placed again."""
        deck = self.deck
        left = ~np.isin(deck.keepers, keepers)
        lengths = np.diff(deck.starts)
        members = deck.members[np.repeat(left, lengths)]
        starts = np.concatenate([[0], np.cumsum(lengths[left])])
        return Deck(deck.keepers[left], starts, members, deck.least[left], deck.tier[left])

    def caption(self, row: int, text: str) -> None:
        """The caption that an image is to have once the plan is applied."""
        with self.lock:
            self._writable()
            if not 0 <= row < len(self.catalog):
                raise Stale
            decision = self.memory.caption(self.names, row, text)
            self.captions[row] = decision, text
            self.undoable.append(decision)
            self.revision += 1

    def undo(self) -> int | None:
        """Take back the last decision. The number of the card it was about; None when there is nothing to undo."""
        with self.lock:
            self._writable()
            if not self.undoable:
                return None
            decision = self.undoable.pop()
            self.memory.undo(decision)
            self.sharing.forget(decision)
            about = [one.rows for one in self.decided if one.decision == decision]
            row = int(about[0][0]) if about else next(r for r, (d, _) in self.captions.items() if d == decision)
            self.decided = [one for one in self.decided if one.decision != decision]
            self.captions = self.memory.captions(self.names)
            self._set(self.threshold, self.keep)
            self._labels = Labels(self.decided, self.verdicts)
            return self.number_of(int(about[0][-1])) if about else self.number_of(row)

    # many at once

    def sample(self, tier: str, query: str) -> tuple[str, int, list[int]]:
        """(ticket, how many groups are open in this filtered tier, numbers of up to 12 of them picked at random)."""
        with self.lock:
            if tier not in (*TIERS, "border"):
                raise Refused("Only a filtered tier can be accepted at once\nChoose a tier first.")
            numbers = [card for card in self.views.numbers(tier, query).tolist() if self._is_open(card)]
            ticket = f"{random.getrandbits(64):x}"
            self._tickets = {ticket: (self.revision, numbers)}
            return ticket, len(numbers), sorted(random.sample(numbers, min(SAMPLE, len(numbers))), key=numbers.index)

    def _is_open(self, number: int) -> bool:
        return 0 <= number < len(self.catalog) and len(self.deck.group(number)) > 1

    def accept_all(self, ticket: str, rule: str) -> int:
        """Accept every suggestion of a sample that was seen, as one decision. How many groups. Stale."""
        with self.lock:
            self._writable()
            revision, numbers = self._tickets.pop(ticket, (-1, []))
            if revision != self.revision or not numbers:
                raise Stale
            cards = [self.shown(number) for number in numbers]
            text = f"{rule}; threshold {self.threshold:g}; keep {self.keep}; sample of {min(SAMPLE, len(numbers))} seen"
            add_bulk(self.verdicts, self._store(BULK, [(card.rows, card.stays) for card in cards], text))
            self._after(numbers, settled=True)
            return len(numbers)

    # what is left

    def proposal(self) -> Proposal:
        """A threshold from the pairs that were looked at one by one."""
        with self.lock:
            return propose(*self._labels.measured(self.measured), self._spread)

    def save_state(self, **changes: Any) -> None:
        """Remember where the person is; the next run begins there."""
        with self.lock:
            self.state = self.state | changes
            if not self.read_only:
                self.memory.save_state(self.state, *self._names_of_state)

    def set_gone(self, rows: Rows, gone: bool) -> None:
        """Files went, or came back."""
        with self.lock:
            self.gone[rows] = gone
            self._set(self.threshold, self.keep)

    def close(self) -> None:
        """Let everything be written, and close the store."""
        self.sharing.close()
        self.memory.close()

    def _writable(self) -> None:
        if self.read_only:
            raise Refused("This review is read-only\nStart it without --read-only to decide.")
