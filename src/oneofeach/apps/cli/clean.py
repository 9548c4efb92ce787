"""`oneofeach clean`: finds duplicates, shows what would happen to which file, asks, and does it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from glob import escape
from shlex import quote
from typing import Annotated

import typer

from oneofeach.apps.cli.apply import done
from oneofeach.apps.cli.blocks import Choice, Given, Reading, expanded
from oneofeach.apps.cli.interruption import interruption
from oneofeach.apps.cli.options import Protect
from oneofeach.apps.cli.printing import put
from oneofeach.apps.cli.stores import opened
from oneofeach.errors import Refused
from oneofeach.flow import Result, deduplicate
from oneofeach.keeping import note_plan
from oneofeach.stages.acting.actions import ACTIONS
from oneofeach.stages.acting.captions import RULES
from oneofeach.stages.acting.plan import plan
from oneofeach.stages.acting.plans import Plan
from oneofeach.stages.acting.steps import Caption, Step
from oneofeach.wording import counted, size

SHOWN = 60  # lines of steps on the screen


@expanded
def clean(
    choice: Choice,
    given: Given,
    action: Annotated[
        str, typer.Option(metavar="ACTION", help=f"What happens to duplicates: {', '.join(ACTIONS)}.")
    ] = "quarantine",
    captions: Annotated[
        str, typer.Option(metavar="RULE", help=f"The caption of the image that stays: {', '.join(RULES)}.")
    ] = "own",
    protect: Protect = None,
    quarantine: Annotated[
        str, typer.Option(metavar="FOLDER", help="Where quarantined files go, on the same volume.", show_default=False)
    ] = "",
    plan_file: Annotated[
        str, typer.Option("--plan", metavar="FILE", help="Write the plan instead of applying it.", show_default=False)
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and end.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Apply without asking.")] = False,
    *,
    reading: Reading,
) -> None:
    """Remove duplicates from a folder, with a plan before and an undo after."""
    source, asked, against = given.source(), choice.asked(), choice.against
    globs = [*(protect or []), *([escape(os.path.abspath(against))] if against else [])]
    _check_quarantine(quarantine, given.names)
    with interruption.telling(lambda: "Interrupted. No file was changed."):
        with reading.begun() as how:
            result = deduplicate(source, **asked, **how)
        roots = [path if os.path.isdir(path) else os.path.dirname(os.path.abspath(path)) for path in given.names]
        made = plan(result, action, captions=captions, protect=globs, roots=roots, quarantine=quarantine)
        for line in described(made):
            put(line)
        unread = 3 if result.skipped else 0
        if plan_file:
            _note(reading, result, made)
            made.save(plan_file)
            put(f"Written to {plan_file}. No file was changed. Apply it with: oneofeach apply {quote(plan_file)}")
            raise typer.Exit(unread)
        if dry_run or not made.steps or not (yes or _agreed(made)):
            put("No file was changed.")
            raise typer.Exit(unread)
        _note(reading, result, made)
    raise typer.Exit(done(made, reading.index, reading.no_index) or unread)


def _check_quarantine(quarantine: str, sources: Sequence[str]) -> None:
    """Refused for a folder that the next scan would find all duplicates in again."""
    place = os.path.realpath(quarantine)
    for root in filter(os.path.isdir, sources if quarantine else ()):
        within = os.path.relpath(place, os.path.realpath(root)).split(os.sep)
        if within[0] != os.pardir and not any(part.startswith(".") and part != os.curdir for part in within):
            hint = "Give one outside of it, or one whose name begins with a dot: scans skip it."
            raise Refused(f"The quarantine is in the scanned folder: {quarantine}\n{hint}")


def _note(reading: Reading, result: Result, made: Plan) -> None:
    with opened(reading.index, reading.no_index) as store:
        if store:
            note_plan(store, result, made)


def _agreed(made: Plan) -> bool:
    if not sys.stdin.isatty():
        raise Refused("No file was changed: nobody is there to agree to the plan\nAdd --yes to apply it unasked.")
    return typer.confirm(f"Apply {counted(len(made.steps), 'step')}?", err=True)


def described(made: Plan) -> Iterator[str]:
    """The plan in lines: each group with its steps, what is left and why, and the sum."""
    keeper = ""
    for shown, step in enumerate(made.steps):
        here = step.keeper if isinstance(step, Caption) else step.keeper.path
        if shown >= SHOWN and here != keeper:
            yield f"... and {len(made.steps) - shown:,} more: --plan FILE writes them all."
            break
        if here != keeper:
            keeper = here
            yield f"keep  {keeper}"
        yield f"      {_line(step)}"
    yield from (f"left  {key}: {reason}" for key, reason in made.left[:SHOWN])
    if len(made.left) > SHOWN:
        yield f"... and {len(made.left) - SHOWN:,} more left as they are."
    yield from (f"note  {note}" for note in made.notes[:SHOWN])
    yield _sum(made)


def _line(step: Step | Caption) -> str:
    if isinstance(step, Caption):
        verb = "write" if step.before is None else "change"
        return f"{verb} caption {step.file.path} ({step.rule}): {step.text.strip()!r}"
    beside = f" with {', '.join(os.path.basename(file.path) for file in step.sidecars)}" if step.sidecars else ""
    return f"{step.action} {step.file.path}{beside}  {step.similarity:.4f}, {step.tier}; {step.reason}"


def _sum(made: Plan) -> str:
    sidecars = len({file.path for step in made.removals for file in step.sidecars})
    freed = f"{size(made.bytes_freed)} are freed" + (" once the quarantine is emptied" * (made.action == "quarantine"))
    return (
        f"Plan: {made.action} {counted(len(made.removals), 'image')} with {counted(sidecars, 'sidecar')}, "
        f"change {counted(len(made.captions), 'caption')}, leave {counted(len(made.left), 'duplicate')}; {freed}."
    )
