"""Takes back what a journal says was done, newest first; what cannot be taken back is left alone and named."""

from __future__ import annotations

import os
from contextlib import suppress

from oneofeach.errors import Refused
from oneofeach.stages.acting.actions import ALL
from oneofeach.stages.acting.disk import sentence, sync_folders, there
from oneofeach.stages.acting.journal import REFUSED, RESTORED, Journal, Unit
from oneofeach.stages.acting.journals import read
from oneofeach.stages.acting.lock import locked
from oneofeach.stages.acting.names import QUARANTINE
from oneofeach.stages.acting.perform import BATCH, Progress
from oneofeach.stages.acting.steps import Step


def undo(journal: Journal | str, progress: Progress | None = None) -> Journal:
    """Undo an apply, finished or cut off; again after a crash, and again for what could not be restored before.

    journal: one that `perform` returned or `journals` listed, or its path. Refused when an apply is at work there.
    """
    path = journal if isinstance(journal, str) else journal.path
    with locked(read(path).roots, os.path.dirname(path)):
        fresh = read(path)
        try:
            fresh.close()
            fresh.sync()
            units = fresh.changed_units
            if progress:
                progress("undo", 0, len(units))
            for start in range(0, len(units), BATCH):
                _undo_batch(fresh, units[start : start + BATCH])
                if progress:
                    progress("undo", min(start + BATCH, len(units)), len(units))
            _remove_empty_folders(fresh)
        finally:
            fresh.end()
    return fresh


def undoable(journal: Journal) -> list[Unit]:
    """The units that undo can still take back, judged by the journal and by a glance at the disk."""
    return [unit for unit in journal.changed_units if ALL[unit.step.action].undoable and _still_there(unit)]


def _still_there(unit: Unit) -> bool:
    if isinstance(unit.step, Step) and unit.step.action == "quarantine":
        return there(unit.step.file.target) is not None
    return there(unit.step.file.path) is not None


def _undo_batch(journal: Journal, units: list[Unit]) -> None:
    changed: set[str] = set()
    results: list[tuple[Unit, str, str]] = []
    for unit in units:
        try:
            changed |= ALL[unit.step.action].undo(unit)
            results.append((unit, RESTORED, ""))
        except (OSError, Refused) as error:
            results.append((unit, REFUSED, sentence(error)))
    sync_folders(changed)
    for unit, outcome, reason in results:
        journal.undo(unit, outcome, reason)
    journal.sync()


def _remove_empty_folders(journal: Journal) -> None:
    """Remove what is empty of the folders made for this journal in a quarantine, and the quarantine when it is."""
    steps = (unit.step for unit in journal.units.values() if isinstance(unit.step, Step))
    folders = {os.path.dirname(file.target) for step in steps for file in step.files if file.target}
    while folders:
        inside = [folder for folder in folders if f"{os.sep}{QUARANTINE}{os.sep}" in folder + os.sep]
        for folder in inside:
            with suppress(OSError):  # it is not empty, or gone already
                os.rmdir(folder)
        folders = {os.path.dirname(folder) for folder in inside if not os.path.lexists(folder)}
