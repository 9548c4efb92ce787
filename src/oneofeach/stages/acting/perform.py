"""Does what a plan says: each step checked, intended, done, verified, and noted. Resumes what was cut off.

In: a plan. Out: its journal, on disk before and after every change. Steps go in batches so that one sync of the disk
serves many of them: check all → intents on disk → change → folders on disk → outcomes. While the disk syncs, the next
batch is read and checked; each file is looked at once more when its turn comes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from oneofeach.errors import Refused
from oneofeach.stages.acting.actions import ALL
from oneofeach.stages.acting.disk import Stuck, sentence, sync_folders
from oneofeach.stages.acting.guard import Guard
from oneofeach.stages.acting.journal import AGAIN, DONE, FAILED, REFUSED, STUCK, Journal, Unit
from oneofeach.stages.acting.journals import begin, done_before, journals_folder, unfinished
from oneofeach.stages.acting.lock import locked
from oneofeach.stages.acting.steps import Caption, Plan, Step

BATCH = 256
Progress = Callable[[str, int, int], None]


def perform(plan: Plan, journals: str = "", protect: Sequence[str] = (), progress: Progress | None = None) -> Journal:
    """Apply a plan; resume it when an earlier apply of it was cut off.

    journals: the folder for the journal. protect: more globs beside those of the plan. progress: called with
    ("apply", done, planned).
    Refused when another apply is at work there or the journal cannot be written; single steps are refused one by one
    and are counted in the journal.
    """
    folder = journals or journals_folder()
    with locked(plan.roots, folder):
        globs = tuple(dict.fromkeys((*plan.protect, *protect)))
        before = done_before(plan, folder)
        journal = unfinished(plan, folder) or begin(plan, globs, folder)
        try:
            guard = Guard(plan.roots, globs, before)
            _settle(journal, guard)
            _tell(progress, journal)
            _do([step for step in plan.steps if step.file.path not in journal.results], journal, guard, progress)
            journal.close()
            journal.sync()
        finally:
            journal.end()
    return journal


def _settle(journal: Journal, guard: Guard) -> None:
    """Bring what a crash left between intent and outcome to one side or the other."""
    for unit in journal.units.values():
        if journal.outcomes.get(unit.number) == DONE:
            guard.settled(unit.step)
    for unit in journal.open_units:
        try:
            finished = ALL[unit.step.action].settle(unit)
        except (OSError, Refused) as error:
            guard.not_done(unit.step)
            journal.conclude(unit, STUCK, f"cut off by a crash: {sentence(error)}")
        else:
            if finished:
                guard.settled(unit.step)
            journal.conclude(unit, DONE if finished else AGAIN)


def _tell(progress: Progress | None, journal: Journal) -> None:
    if progress:
        progress("apply", len(journal.results), journal.planned)


def _do(steps: Sequence[Step | Caption], journal: Journal, guard: Guard, progress: Progress | None) -> None:
    """Batch after batch: change one, then, while another thread brings it to the disk, check the one after the next."""
    batches = (_checked(steps[start : start + BATCH], guard) for start in range(0, len(steps), BATCH))
    with ThreadPoolExecutor(1) as beside:
        checked, done = next(batches, []), _Done()
        while checked or done.results:
            before = len(journal.results)
            noting = beside.submit(_note, journal, done, checked)
            checked = next(batches, [])
            units = noting.result()
            if len(journal.results) > before:
                _tell(progress, journal)
            done = _change(units, guard)


@dataclass
class _Done:
    """What was changed and is not noted yet: folders, and (unit, outcome, reason)."""

    folders: set[str] = field(default_factory=set)
    results: list[tuple[Unit, str, str]] = field(default_factory=list)


Checked = tuple[Step | Caption, tuple[int, int, int] | str]
"""A step, with mode, owner and group of its file, or with what is against it."""


def _checked(steps: Sequence[Step | Caption], guard: Guard) -> list[Checked]:
    found: list[Checked] = []
    with guard.looking_ahead(steps):
        for step in steps:
            try:
                if step.action not in ALL:
                    raise Refused(f"unknown action: {step.action}")
                found.append((step, guard.check(step)))
            except (OSError, Refused) as error:
                guard.not_done(step)
                found.append((step, guard.done_before(step) or sentence(error)))
    return found


def _note(journal: Journal, done: _Done, checked: Sequence[Checked]) -> list[Unit]:
    """Return when the changes of one batch, their outcomes, and the intents of the next one are on disk."""
    sync_folders(done.folders)
    for unit, outcome, reason in done.results:
        journal.conclude(unit, outcome, reason)
    units: list[Unit] = []
    for step, found in checked:
        if isinstance(found, str):
            journal.refuse(step.file.path, found)
        else:
            units.append(journal.intend(step, found))
    journal.sync()
    return units


def _change(units: Sequence[Unit], guard: Guard) -> _Done:
    done = _Done()
    for unit in units:
        try:
            guard.check_again(unit.step)
            done.folders |= ALL[unit.step.action].do(unit, guard.witness)
            guard.done(unit.step)
            done.results.append((unit, DONE, ""))
        except (OSError, Refused) as error:
            guard.not_done(unit.step)
            done.results.append((unit, _outcome(error), sentence(error)))
    return done


def _outcome(error: Exception) -> str:
    if isinstance(error, OSError):
        return FAILED
    return STUCK if isinstance(error, Stuck) else REFUSED
