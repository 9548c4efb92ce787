"""Lists of card numbers, by filter: what the page scrolls through. A decided card keeps its place in its list.

A list is made on first use after a regroup, and patched when cards are decided; groups that come up by a decision are
added at the end, so that no card moves under the reader's eyes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from oneofeach.apps.review.deck import BORDER, TIERS, near_misses
from oneofeach.tables import Rows

if TYPE_CHECKING:
    from oneofeach.apps.review.session import Session

FILTERS = ("all", "decided", *TIERS, "border")


class Views:
    """The lists of one session at one threshold."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lists: dict[tuple[str, str], Rows] = {}
        self._lower: list[str] | None = None
        self._said: dict[tuple[int, ...], int] = {}  # set of rows → where it was decided last, in the order of time
        self._heard = 0

    def numbers(self, filter: str, query: str = "") -> Rows:
        """int64[k]: the cards of a filter (see FILTERS) that hold a key with `query` in it, in order."""
        name = filter, query.strip().casefold()
        if name not in self._lists:
            if len(self._lists) > 16:
                self._lists.clear()
            self._lists[name] = self._with(self._made(filter), name[1])
        return self._lists[name]

    def decided(self, numbers: Mapping[int, int], dealt: Rows) -> None:
        """Cards were decided: old number → new number. dealt: keepers of the groups that were dealt anew."""
        self._lists = {name: cards for name, cards in self._lists.items() if name[0] != "decided"}
        old, new = np.array([*numbers.keys()], np.int64), np.array([*numbers.values()], np.int64)
        by = np.argsort(old)
        old, new = old[by], new[by]
        for cards in self._lists.values():
            at = np.minimum(np.searchsorted(old, cards), len(old) - 1)
            found = old[at] == cards
            cards[found] = new[at[found]]
        for name, cards in self._lists.items():
            fresh = self._open(name[0], self._session.standing.deck.nearest(dealt))
            fresh = self._with(fresh[~np.isin(fresh, cards)], name[1])
            self._lists[name] = np.concatenate([cards, fresh])

    @property
    def count_decided(self) -> int:
        """How many sets were decided."""
        self._hear()
        return len(self._said)

    def _made(self, filter: str) -> Rows:
        if filter == "decided":
            return self._of_decisions()
        groups = self._open(filter, self._session.standing.deck.order)
        return np.concatenate([self._of_decisions(), groups]) if filter == "all" else groups

    def _open(self, filter: str, order: Rows) -> Rows:
        """What is still to be decided of a filter, of the groups in `order`; at the border, of all."""
        deck = self._session.standing.deck
        if filter == "border":
            return self._border()
        return np.asarray(deck.keepers[order if filter == "all" else order[deck.tier[order] == TIERS.index(filter)]])

    def _of_decisions(self) -> Rows:
        """Decided sets in the order of time, each at its last word only."""
        self._hear()
        return -1 - np.fromiter(self._said.values(), np.int64, len(self._said))

    def _hear(self) -> None:
        decided = self._session.decided
        for at in range(self._heard, len(decided)):
            self._said.pop(decided[at].whole, None)
            self._said[decided[at].whole] = at
        self._heard = len(decided)

    def _border(self) -> Rows:
        """Open groups and pairs on both sides of the threshold, the nearest first."""
        now = self._session.standing
        groups = np.flatnonzero(now.deck.least < now.threshold + BORDER)
        undecided = ~now.verdicts.decided & ~now.gone
        near = near_misses(now.pairs, now.groups, now.threshold, undecided)
        near = near[~now.verdicts.apart[near]]
        distance = np.concatenate([now.deck.least[groups], now.pairs.similarity[near]]) - now.threshold
        numbers = np.concatenate([now.deck.keepers[groups], len(now.catalog) + near])
        return np.asarray(numbers[np.argsort(np.abs(distance), kind="stable")])

    def _with(self, cards: Rows, query: str) -> Rows:
        if not query:
            return cards
        session = self._session
        if self._lower is None:
            self._lower = [item.key.casefold() for item in session.catalog.items]
        hit = np.array([query in key for key in self._lower])
        return np.array([card for card in cards.tolist() if hit[session.shown(card).rows].any()], np.int64)
