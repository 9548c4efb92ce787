"""Makes the changes of a batch, in order. Quarantine steps in a row are moved by one call of a kernel.

In: units whose intents are on disk. Out: what came of each, and the folders that changed; nothing is noted here. The
kernel does what `Quarantine.do` does, and ends at the first unit that is not as expected: that one is done by itself.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from oneofeach.errors import Refused
from oneofeach.stages.acting.actions import ALL
from oneofeach.stages.acting.disk import Move, Stuck, moving_kernel, sentence, sync_folders
from oneofeach.stages.acting.guard import Guard
from oneofeach.stages.acting.journal import DONE, FAILED, REFUSED, STUCK, Unit
from oneofeach.stages.acting.moves import Quarantine, folders_of
from oneofeach.stages.acting.steps import Caption, Step

PATIENCE = 50_000_000  # nanoseconds that moving files together may take: an interruption waits for no more


@dataclass
class Done:
    """What was changed and is not noted yet: folders, and (unit, outcome, reason).

    captions: the folders of captions that a power cut could still take back.
    """

    folders: set[str] = field(default_factory=set)
    results: list[tuple[Unit, str, str]] = field(default_factory=list)
    captions: set[str] = field(default_factory=set)

    def sync_captions(self) -> None:
        """What a caption took over must last before the one it comes from is gone for good."""
        sync_folders(self.captions)
        self.captions.clear()


def change(units: Sequence[Unit], guard: Guard) -> Done:
    done, at, most = Done(), 0, len(units)
    while at < len(units):
        count, begun = _moved_together(units[at : at + most], guard)
        for unit in units[at : at + count]:
            guard.done(unit.step)
            done.folders |= folders_of(unit.files)
            done.results.append((unit, DONE, ""))
        at += count
        if count < most and at < len(units):
            _change_one(units[at], begun, guard, done)
            at += 1
        most = 2 * count + 1  # what could not be done together may be followed by more of its kind
    done.sync_captions()
    return done


def _change_one(unit: Unit, begun: int, guard: Guard, done: Done) -> None:
    """begun: how many files of the unit were moved already."""
    try:
        if begun:
            changed = Quarantine().go_on(unit, guard.witness, begun)
        else:
            guard.check_again(unit.step)
            action = ALL[unit.step.action]
            if not action.undoable:
                done.sync_captions()
            changed = action.do(unit, guard.witness)
        guard.done(unit.step)
        done.folders |= changed
        done.captions |= changed if isinstance(unit.step, Caption) else set()
        done.results.append((unit, DONE, ""))
    except (OSError, Refused) as error:
        guard.not_done(unit.step)
        done.results.append((unit, _outcome(error), sentence(error)))


def _outcome(error: Exception) -> str:
    if isinstance(error, OSError):
        return FAILED
    return STUCK if isinstance(error, Stuck) else REFUSED


def _moved_together(units: Sequence[Unit], guard: Guard) -> tuple[int, int]:
    """How many of the units, from the first on, were moved and seen in their places, and how many files of the next."""
    kernel = moving_kernel()
    if kernel is None:
        return 0, 0
    kept: set[tuple[int, ...]] = set()
    moves: list[Move] = []
    ends: list[int] = []
    for unit in units:
        own = _moves(unit.step, guard, kept) if isinstance(unit.step, Step) else []
        if not own:
            break
        moves += own
        ends.append(len(moves))
    right, begun = kernel(moves, PATIENCE)
    count = bisect_right(ends, right)
    return count, right - (ends[count - 1] if count else 0) + begun


def _moves(step: Step, guard: Guard, kept: set[tuple[int, ...]]) -> list[Move]:
    """The renames of a step, whose keeper is added to `kept`; none when it has to be done by itself."""
    keeper = guard.witness.seen(step.keeper)
    if keeper is None or step.action != "quarantine" or guard.opposed(step, kept):
        return []
    moves: list[Move] = []
    for file in step.files:
        seen = guard.witness.seen(file)
        if seen is None or file.shared:
            return []
        moves.append((file.path, file.target, seen.mark, step.keeper.path, keeper.mark))
    kept.add(keeper.mark[:2])
    return moves
