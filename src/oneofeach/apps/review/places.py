"""A card → where it is in a list, with the page around it; and the card where a person stopped or looks."""

from __future__ import annotations

from typing import Any

import numpy as np

from oneofeach.apps.review.cards import Cards
from oneofeach.apps.review.fields import Fields, number_in, text_in, view_in
from oneofeach.apps.review.session import Session

PAGE = 50  # cards in one answer


class Places:
    """Finds places in the lists of one session. A caller holds the session's lock."""

    def __init__(self, session: Session, cards: Cards) -> None:
        self._session, self._cards = session, cards

    def stopped(self, filter: str, query: str) -> dict[str, Any]:
        """The place of the card where the person stopped in an earlier run."""
        anchor, names = self._session.state.get("anchor"), self._session.names
        row = names.find(bytes.fromhex(anchor[0]), anchor[1], {}) if isinstance(anchor, list) else -1
        return self.of(filter, query, self._session.number_of(row) if row >= 0 else None)

    def looking(self, fields: Fields) -> dict[str, Any]:
        """The place of what a page looks at: the card that shows its row now."""
        row = number_in(fields, "row", -1)
        card = self._session.number_of(row) if 0 <= row < len(self._session.catalog) else None
        return self.of(view_in(fields), text_in(fields, "query"), card)

    def of(self, filter: str, query: str, card: int | None) -> dict[str, Any]:
        """Where a card is in a list, else the first open group, with the page around it."""
        numbers = self._session.views.numbers(filter, query)
        found = np.flatnonzero(numbers == card) if card is not None else numbers[:0]
        found = found if len(found) else np.flatnonzero(numbers >= 0)
        at = int(found[0]) if len(found) else max(0, len(numbers) - 1)
        return {"at": at, "page": self._cards.page(filter, query, at - at % PAGE, PAGE)}
