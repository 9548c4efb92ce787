"""Many suggestions at once: a filtered tier, of which a random sample was seen first, accepted as one decision."""

from __future__ import annotations

import random

from oneofeach.apps.review.choices import Stale
from oneofeach.apps.review.deck import TIERS
from oneofeach.apps.review.session import Session
from oneofeach.errors import Refused

SAMPLE = 12  # groups shown before a bulk decision


class Bulk:
    """One ticket at a time: what a sample was taken of. The session's lock guards it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._ticket, self._revision, self._numbers = "", -1, list[int]()

    def sample(self, tier: str, query: str) -> tuple[str, int, list[int]]:
        """(ticket, how many groups are open in this filtered tier, numbers of up to 12 of them picked at random)."""
        if tier not in (*TIERS, "border"):
            raise Refused("Only a filtered tier can be accepted at once\nChoose a tier first.")
        with self._session.lock:
            numbers = [
                card for card in self._session.views.numbers(tier, query).tolist() if self._session.is_open(card)
            ]
            self._ticket, self._revision, self._numbers = f"{random.getrandbits(64):x}", self._session.revision, numbers
            shown = sorted(random.sample(numbers, min(SAMPLE, len(numbers))), key=numbers.index)
            return self._ticket, len(numbers), shown

    def accept(self, ticket: str, rule: str) -> int:
        """Accept every suggestion of a sample that was seen, as one decision. How many groups. Stale."""
        session = self._session
        with session.lock:
            numbers, self._numbers = self._numbers, []
            if ticket != self._ticket or self._revision != session.revision or not numbers:
                raise Stale
            now, seen = session.standing, min(SAMPLE, len(numbers))
            session.accept(numbers, f"{rule}; threshold {now.threshold:g}; keep {now.keep}; sample of {seen} seen")
            return len(numbers)
