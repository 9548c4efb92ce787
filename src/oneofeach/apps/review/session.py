"""What is being reviewed: a catalog, its pairs, a threshold, keep rules, and what was decided. Every call is atomic.

In: a catalog and its pairs. Out: cards for the page, and the outcome that a plan is made of. A decision is on disk
before the call returns; the revision grows with every change, so that several tabs can tell when theirs is old.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import RLock
from typing import Any

import numpy as np

from oneofeach.apps.review.choices import NEAR, OPEN, Shown, Stale, choice
from oneofeach.apps.review.labels import Labels
from oneofeach.apps.review.memory import Memory, Names
from oneofeach.apps.review.proposal import Proposal, propose, spread
from oneofeach.apps.review.remembered import Remembered
from oneofeach.apps.review.sharing import Sharing
from oneofeach.apps.review.standing import Standing
from oneofeach.apps.review.verdicts import BULK, Decided, Mask, latest
from oneofeach.apps.review.views import Views
from oneofeach.errors import Refused
from oneofeach.flow import DEFAULT_THRESHOLD, Result
from oneofeach.index import Index
from oneofeach.stages.decisions import obeyed
from oneofeach.stages.preference import DEFAULT_KEEP
from oneofeach.tables import Catalog, Pairs, Rows


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
        self._spread, self._remembered = spread(pairs.similarity, pairs.floor), Remembered(catalog)
        self.decided = [self._remembered.obeyed(one) for one in decided]
        self._latest = latest(self.decided, len(catalog))
        self.captions = memory.captions(self.names)
        self.undoable = sorted(
            {one.decision for one in self.decided} | {number for number, _ in self.captions.values()}
        )
        self._names_of_state = (f"content:{self.names.digest()}", *(f"place:{place}" for place in places))
        self.state = memory.state(*self._names_of_state)
        self.standing, self.revision = Standing(catalog, pairs, self.decided), 0
        stored = self.state.get("threshold", DEFAULT_THRESHOLD)
        self.standing.cut(
            max(stored, pairs.floor) if threshold is None else threshold,
            self.state.get("keep", DEFAULT_KEEP) if keep is None else keep,
        )
        self._labels = Labels(self.standing.measured, self.decided, self.standing.verdicts)
        self._changed_all()

    def _changed_all(self) -> None:
        """Every list begins anew."""
        self.views = Views(self)
        self.revision += 1

    # what would happen

    def cut(self, threshold: float | None = None, keep: str | None = None) -> None:
        """Regroup with another threshold or keep rules. InvalidThreshold, InvalidRule, Refused below the floor."""
        with self.lock:
            now = self.standing
            now.cut(now.threshold if threshold is None else threshold, now.keep if keep is None else keep)
            self._changed_all()
            self.save_state(threshold=now.threshold, keep=now.keep)

    def outcome(self, decided_only: bool = False) -> Result:
        """The result of the review. decided_only: only what a person decided goes, suggestions stay."""
        with self.lock:
            return self.standing.outcome(self._unlisted, decided_only)

    def set_gone(self, rows: Rows, gone: bool) -> None:
        """Files went, or came back."""
        with self.lock:
            self.standing.gone[rows] = gone
            self.standing.regroup()
            self._changed_all()

    # cards

    def shown(self, number: int) -> Shown:
        """The card of that number. Stale when there is none."""
        n, now = len(self.catalog), self.standing
        if -len(self.decided) <= number < 0:
            one = self.decided[-1 - number]
            return Shown(number, one.rows, one.stays, one.kind)
        if 0 <= number < n:
            rows = now.deck.group(number)
            return Shown(number, rows, np.arange(len(rows)) == 0, OPEN)
        if n <= number < n + len(self.pairs):
            rows = now.groups.keeper[[self.pairs.i[number - n], self.pairs.j[number - n]]]
            if rows.min() < 0 or rows[0] == rows[1]:
                raise Stale
            return Shown(number, rows[np.argsort(now.rank[rows])], np.ones(2, bool), NEAR)
        raise Stale

    def number_of(self, row: int) -> int | None:
        """The card that shows a row now: its open group, else the latest decision about it."""
        keeper = int(self.standing.groups.keeper[row])
        if keeper >= 0 and row in self.standing.deck.group(keeper)[1:]:
            return keeper
        if self.is_open(row):
            return row
        at = int(self._latest[row])
        return -1 - at if at >= 0 else None

    def is_open(self, number: int) -> bool:
        """Whether it is the card of a group that is still to be decided."""
        return 0 <= number < len(self.catalog) and len(self.standing.deck.group(number)) > 1

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
            dealt = self.standing.hear(one)
            self._labels.add(one, self.standing.verdicts)
            self._decided([number], dealt)
            return -len(self.decided)

    def accept(self, numbers: Sequence[int], rule: str) -> None:
        """Accept what these cards show, as one decision by a rule in words."""
        with self.lock:
            self._writable()
            cards = [self.shown(number) for number in numbers]
            made = self._store(BULK, [(card.rows, card.stays) for card in cards], rule)
            self._decided(numbers, self.standing.hear_bulk(made))

    def _store(self, kind: str, sets: Sequence[tuple[Rows, Mask]], rule: str = "") -> list[Decided]:
        decision = self.memory.decide(self.names, kind, sets, rule)
        made = [Decided(decision, kind, rows, stays) for rows, stays in sets]
        for at, one in enumerate(made, len(self.decided)):
            self._latest[one.rows] = at
        self.decided += made
        self.sharing.hear(made)
        self.undoable.append(decision)
        return made

    def _decided(self, cards: Sequence[int], dealt: Rows) -> None:
        """They keep their places; what was dealt anew around them comes at the end."""
        first = len(self.decided) - len(cards)
        self.views.decided({old: -1 - first - at for at, old in enumerate(cards)}, dealt)
        self.revision += 1

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
            row = int(about[0][-1]) if about else next(r for r, (d, _) in self.captions.items() if d == decision)
            self.decided = [one for one in self.decided if one.decision != decision]
            self._latest = latest(self.decided, len(self.catalog))
            self.captions = self.memory.captions(self.names)
            self.standing.decide(self.decided)
            self._labels = Labels(self.standing.measured, self.decided, self.standing.verdicts)
            self._changed_all()
            return self.number_of(row)

    # what is left

    def proposal(self) -> Proposal:
        """A threshold from the pairs that were looked at one by one."""
        with self.lock:
            return propose(*self._labels.labeled, self._spread)

    def save_state(self, **changes: Any) -> None:
        """Remember where the person is; the next run begins there."""
        with self.lock:
            self.state = self.state | changes
            if not self.read_only:
                self.memory.save_state(self.state, *self._names_of_state)

    def close(self) -> None:
        """Let everything be written, and close the store."""
        self.sharing.close()
        with self.lock:
            self.memory.close()

    def _writable(self) -> None:
        if self.read_only:
            raise Refused("This review is read-only\nStart it without --read-only to decide.")
