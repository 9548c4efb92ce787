"""A card as it was shown and a key that was pressed → who stays. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from oneofeach.apps.review.verdicts import ACCEPT, ALL, APART, KEEP, MARKS, Mask
from oneofeach.errors import OneOfEachError, Refused
from oneofeach.tables import Rows

OPEN, NEAR = "open", "near"
TOGGLE = "toggle"


class Stale(OneOfEachError):
    """The card is not what the page showed: another tab, or another threshold, changed it."""

    def __init__(self) -> None:
        super().__init__("This group has changed meanwhile\nIt is shown anew; decide again.")


@dataclass(frozen=True, slots=True)
class Shown:
    """What a card holds right now. rows: the one that would stay comes first; stays: bool[m]."""

    number: int
    rows: Rows
    stays: Mask
    kind: str  # OPEN, NEAR or the kind of the decision

    @property
    def version(self) -> str:
        """Differs when the images or their fates do."""
        fates = (self.rows.astype("<i8").tobytes(), self.stays.tobytes(), self.kind.encode())
        return blake2b(b"|".join(fates), digest_size=6).hexdigest()


def choice(card: Shown, action: str, row: int) -> tuple[str, Mask]:
    """The kind of a decision, and who stays by it. Refused for an action that leaves none."""
    everyone = np.ones(len(card.rows), bool)
    if action == ACCEPT:
        return (APART, everyone) if card.kind == NEAR else (ACCEPT if card.kind == OPEN else card.kind, card.stays)
    if action in (ALL, APART):
        return action, everyone
    one = card.rows == row
    if action not in (KEEP, TOGGLE) or not one.any():
        raise Refused(f"No such choice: {action}\nReload the page.")
    if action == KEEP:
        return KEEP, one
    stays = card.stays ^ one
    if not stays.any():
        raise Refused("One image has to stay\nKeep another one first, then let this one go.")
    return MARKS, stays
