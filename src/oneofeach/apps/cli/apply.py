"""`oneofeach apply`, `undo` and `journals`: do a saved plan, take one back, see what can still be taken back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from oneofeach.apps.cli.options import IndexPath, Json, NoIndex, Protect
from oneofeach.apps.cli.printing import put, put_json
from oneofeach.apps.cli.progress import progress_bar
from oneofeach.apps.cli.stores import opened
from oneofeach.errors import Refused
from oneofeach.keeping import note_applied, note_undone
from oneofeach.stages.acting import journals as journaling
from oneofeach.stages.acting import perform as performing
from oneofeach.stages.acting import undo as undoing
from oneofeach.stages.acting.journal import Journal
from oneofeach.stages.acting.plans import Plan

SHOWN = 20  # reasons on the screen
REFUSED = 4


def apply(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="A plan written by `clean --plan`.", show_default=False)],
    protect: Protect = None,
    as_json: Json = False,
    index: IndexPath = None,
    no_index: NoIndex = False,
) -> None:
    """Do what a saved plan says; run it again to go on after a crash."""
    raise typer.Exit(done(Plan.load(plan), index, no_index, protect or (), as_json))


def done(plan: Plan, index: str | None, no_index: bool, protect: Sequence[str] = (), as_json: bool = False) -> int:
    """Apply a plan, tell what came of it, and remember what was kept, also when Ctrl-C cuts it short. The exit code."""
    try:
        with progress_bar() as progress:
            journal = performing.perform(plan, protect=protect, progress=progress)
        return finish(journal, as_json)  # told first: whatever becomes of the index, this was done
    finally:
        with opened(index, no_index) as store:
            if store:
                note_applied(store, plan)


def undo(
    journal: Annotated[
        str, typer.Argument(metavar="[JOURNAL]", help="Its name or file; the newest by default.", show_default=False)
    ] = "",
    as_json: Json = False,
    index: IndexPath = None,
    no_index: NoIndex = False,
) -> None:
    """Take back what an apply did."""
    chosen = _chosen(journal)
    before = chosen.restored
    with progress_bar() as progress:
        after = undoing.undo(chosen, progress)
    if as_json:
        put_json(_object(after))
    else:
        put(f"Undo of {after.id}: {after.restored - before:,} restored, {len(after.not_restored):,} not.")
        _reasons([(result.source, result.reason) for result in after.not_restored], after)
        _tell_damage(after)
    with opened(index, no_index) as store:
        if store:
            note_undone(store, after)
    raise typer.Exit(REFUSED if after.not_restored or after.damaged else 0)


def journals(as_json: Json = False) -> None:
    """List what was applied, newest first, and what can still be undone."""
    found = journaling.journals()
    if as_json:
        put_json([_object(journal) for journal in found])
        return
    for journal in found:
        counts = ", ".join(f"{count:,} {name}" for name, count in journal.counts.items() if count) or "no steps"
        put(f"{journal.id}  {journal.started}  {journal.action} in {', '.join(journal.roots)}")
        put(f"    {counts}; {journal.restored:,} undone, {len(undoing.undoable(journal)):,} can be undone")
        _tell_damage(journal)
    if not found:
        put(f"No journal in {journaling.journals_folder()}: nothing was applied yet.")


def finish(journal: Journal, as_json: bool = False) -> int:
    """Print what came of an apply, a sum that equals the plan; 4 when a step was not done, else 0."""
    if as_json:
        put_json(_object(journal))
        return REFUSED if journal.refused else 0
    _reasons([(result.source, f"{result.outcome}: {result.reason}") for result in journal.refused], journal)
    counts = ", ".join(f"{count:,} {name}" for name, count in journal.counts.items())
    put(f"Planned {journal.planned:,}: {counts}.")
    if undoing.undoable(journal):
        put(f"Take it back with: oneofeach undo {journal.id}")
    return REFUSED if journal.refused else 0


def _reasons(lines: list[tuple[str, str]], journal: Journal) -> None:
    for source, reason in lines[:SHOWN]:
        put(f"{source}: {reason}")
    if len(lines) > SHOWN:
        put(f"... and {len(lines) - SHOWN:,} more: see {journal.path}")


def _tell_damage(journal: Journal) -> None:
    if journal.damaged:
        which = ", ".join(map(str, journal.damaged[:SHOWN])) + (" and more" * (len(journal.damaged) > SHOWN))
        lines = "line" if len(journal.damaged) == 1 else "lines"
        put(f"Damaged in {journal.path}: {lines} {which}. What stood there cannot be undone: look into the quarantine.")


def _chosen(name: str) -> Journal:
    """The journal of that name or file; without one, the newest that still has something to undo."""
    if name and os.path.isfile(name):
        return journaling.read(os.path.abspath(name))
    found = journaling.journals()
    for journal in found:
        if journal.id == name if name else undoing.undoable(journal):
            if not name:
                _check_newest(found[: found.index(journal)], journal)
            return journal
    what = f"No journal of that name: {name}" if name else "There is nothing to undo"
    raise Refused(f"{what}\nSee `oneofeach journals` for those there are.")


def _check_newest(newer: Sequence[Journal], chosen: Journal) -> None:
    """Refused where a newer apply cannot be taken back: to undo another one unasked would be a second surprise."""
    for journal in newer:
        if journal.done_units:
            what = f"{journal.id}, {journal.action} in {', '.join(journal.roots)}"
            hint = f"Take back the one before it by its name: oneofeach undo {chosen.id}"
            raise Refused(f"The newest apply cannot be taken back: {what}\n{hint}")


def _object(journal: Journal) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "id": journal.id,
        "path": journal.path,
        "action": journal.action,
        "roots": journal.roots,
        "started": journal.started,
        "planned": journal.planned,
        "counts": journal.counts,
        "not_done": [[result.source, result.outcome, result.reason] for result in journal.refused],
        "undone": journal.restored,
        "not_undone": [[result.source, result.reason] for result in journal.not_restored],
        "can_be_undone": len(undoing.undoable(journal)),
        "damaged_lines": journal.damaged,
    }
