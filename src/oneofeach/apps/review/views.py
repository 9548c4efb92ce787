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

    def numbers(self, filter: str, query: str = "") -> Rows:
        """int64[k]: the cards of a filter (see FILTERS) that hold a key with `query` in it, in order."""
        name = filter, query.strip().casefold()
        if name not in self._lists:
            if len(self._lists) > 16:
                self._lists.clear()
            self._lists[name] = self._with(self._made(filter), name[1])
        return self._lists[name]

    def decided(self, numbers: Mapping[int, int], regrouped: bool) -> None:
        """Cards were decided: old number → new number."""
        self._lists = {name: cards for name, cards in self._lists.items() if name[0] != "decided"}
        old, new = np.array([*numbers.keys()], np.int64), np.array([*numbers.values()], np.int64)
        by = np.argsort(old)
        old, new = old[by], new[by]
        for cards in self._lists.values():
            at = np.minimum(np.searchsorted(old, cards), len(old) - 1)
            found = old[at] == cards
            cards[found] = new[at[found]]
        if regrouped:
            for name, cards in self._lists.items():
                fresh = self._with(self._made(name[0]), name[1])
                fresh = fresh[(fresh >= 0) & ~np.isin(fresh, cards)]
                self._lists[name] = np.concatenate([cards, fresh])

    def _made(self, filter: str) -> Rows:
        deck = self._session.deck
        if filter == "all":
            return np.concatenate([self._of_decisions(), deck.keepers[deck.order]])
        if filter == "decided":
            return self._of_decisions()
        if filter == "border":
            return self._border()
        return np.asarray(deck.keepers[deck.order[deck.tier[deck.order] == TIERS.index(filter)]])

    def _of_decisions(self) -> Rows:
        """Decided sets in the order of time, each at its last word only."""
        last = {one.whole: at for at, one in enumerate(self._session.decided)}
        return np.array([-1 - at for at in sorted(last.values())], np.int64)

    def _border(self) -> Rows:
        """Open groups and pairs on both sides of the threshold, the nearest first."""
        session, deck = self._session, self._session.deck
        groups = np.flatnonzero(deck.least < session.threshold + BORDER)
        undecided = ~session.verdicts.decided & ~session.gone
        near = near_misses(session.pairs, session.groups, session.threshold, undecided)
        near = near[~session.verdicts.apart[near]]
        distance = np.concatenate([deck.least[groups], session.pairs.similarity[near]]) - session.threshold
        numbers = np.concatenate([deck.keepers[groups], len(session.catalog) + near])
        return np.asarray(numbers[np.argsort(np.abs(distance), kind="stable")])

    def _with(self, cards: Rows, query: str) -> Rows:
        if not query:
            return cards
        session = self._session
        if self._lower is None:
            self._lower = [item.key.casefold() for item in session.catalog.items]
        hit = np.array([query in key for key in self._lower])
        return np.array([card for card in cards.tolist() if hit[session.shown(card).rows].any()], np.int64)
