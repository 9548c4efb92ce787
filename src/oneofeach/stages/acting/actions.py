"""All actions by name, behind one interface."""

from __future__ import annotations

from typing import Protocol

from oneofeach.errors import InvalidRule
from oneofeach.stages.acting.journal import Unit
from oneofeach.stages.acting.links import Hardlink, Reflink, Symlink
from oneofeach.stages.acting.moves import Delete, Quarantine, Trash
from oneofeach.stages.acting.texts import Write
from oneofeach.stages.acting.witness import Witness


class Action(Protocol):
    """What can be done with a unit. Each method raises Refused or OSError.

    same_bytes: only for a file that equals its keeper byte for byte. undoable: undo brings everything back.
    """

    same_bytes: bool
    undoable: bool

    def do(self, unit: Unit, witness: Witness) -> set[str]:
        """Make the change and check it; the folders that changed. On an error everything is as it was."""

    def settle(self, unit: Unit) -> bool:
        """After a crash in `do`: finish the change, or take back what there is of it. Whether it is done."""

    def undo(self, unit: Unit) -> set[str]:
        """Take the change back, however much of it was made; the folders that changed."""


ACTIONS: dict[str, Action] = {
    "quarantine": Quarantine(),
    "trash": Trash(),
    "delete": Delete(),
    "hardlink": Hardlink(),
    "reflink": Reflink(),
    "symlink": Symlink(),
}
ALL: dict[str, Action] = {**ACTIONS, "caption": Write()}
"""The actions a user can choose, and the one that only captions have."""


def action_named(name: str) -> Action:
    """InvalidRule when there is no action of that name."""
    if name not in ACTIONS:
        raise InvalidRule(f"Unknown action: {name}\nChoose one of: {', '.join(ACTIONS)}.")
    return ACTIONS[name]
