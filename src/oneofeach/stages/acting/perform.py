"""Does what a plan says: each step checked, intended, done, verified, and noted. Resumes what was cut off.

In: a plan. Out: its journal, on disk before and after every change. Steps go in batches so that one sync of the disk
serves many of them: check all → intents on disk → change → folders on disk → outcomes. While the disk syncs, the next
batch is read and checked; each file is looked at once more when its turn comes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from oneofeach.errors import Refused
from oneofeach.stages.acting.actions import ALL
from oneofeach.stages.acting.changing import Done, change
from oneofeach.stages.acting.disk import sentence, sync_folders
from oneofeach.stages.acting.guard import Guard
from oneofeach.stages.acting.journal import AGAIN, DONE, STUCK, Journal, Unit
from oneofeach.stages.acting.journals import begin, done_before, journals_folder, unfinished
from oneofeach.stages.acting.lock import locked
from oneofeach.stages.acting.plans import Plan
from oneofeach.stages.acting.steps import Caption, Step
from oneofeach.stages.acting.witness import Sight

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
    """Batch after batch: change one, whose intents are on disk, while other threads note the next and read another."""
    batches = (steps[start : start + BATCH] for start in range(0, len(steps), BATCH))
    batch, seen = next(batches, ()), guard.look_ahead(steps[:BATCH])
    checked, units, done = list[Checked](), list[Unit](), Done()
    with ThreadPoolExecutor(2) as beside:
        while batch or checked or units or done.results:
            before, following = len(journal.results), next(batches, ())
            noting = beside.submit(_note, journal, done, checked)
            reading = beside.submit(guard.look_ahead, following)
            done = change(units, guard)
            checked = _checked(batch, seen, guard)
            units, batch, seen = noting.result(), following, reading.result()
            if len(journal.results) > before:
                _tell(progress, journal)


Checked = tuple[Step | Caption, tuple[int, int, int] | str]
"""A step, with mode, owner and group of its file, or with what is against it."""


def _checked(steps: Sequence[Step | Caption], seen: dict[str, Sight], guard: Guard) -> list[Checked]:
    """seen: what `look_ahead` saw of these steps."""
    found: list[Checked] = []
    guard.witness.ahead = seen
    for step in steps:
        try:
            if step.action not in ALL:
                raise Refused(f"unknown action: {step.action}")
            found.append((step, guard.check(step)))
        except (OSError, Refused) as error:
            guard.not_done(step)
            found.append((step, guard.done_before(step) or sentence(error)))
    guard.witness.ahead = {}  # by the time of the change it would be old
    return found


def _note(journal: Journal, done: Done, checked: Sequence[Checked]) -> list[Unit]:
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
