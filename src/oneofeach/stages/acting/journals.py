"""The folder of journals: one is begun for each apply, found again after a crash, read, listed.

In: a folder. Out: journals, each as far as it can be read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

from oneofeach.errors import Refused
from oneofeach.stages.acting.journal import REFUSED, Journal, Result, Unit
from oneofeach.stages.acting.plans import Plan
from oneofeach.stages.acting.steps import Step, step_from

VERSION = 1


def begin(plan: Plan, protect: Iterable[str], folder: str) -> Journal:
    """A new journal for a plan, its header noted; the file is made by the first `sync`."""
    taken, number, name = set(os.listdir(folder)), 1, plan.id
    while f"{name}.jsonl" in taken:
        number += 1
        name = f"{plan.id}-{number}"
    started = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    path = os.path.join(folder, f"{name}.jsonl")
    journal = Journal(path, name, plan.action, plan.roots, tuple(protect), len(plan.steps), started, plan.id)
    header = {"oneofeach_journal": VERSION, "id": name, "plan": plan.id, "action": plan.action, "roots": plan.roots}
    journal._note({**header, "protect": journal.protect, "planned": journal.planned, "started": started})
    return journal


def read(path: str) -> Journal:
    """What a journal says, but for lines that cannot be read. Refused when the file is no journal.

    A last line that a crash cut short is no damage: nothing was done from it.
    """
    with open(path, "rb") as file:
        journal = _headed(path, _record(file.readline()))
        file.seek(0)
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                break
            record = _record(line)
            if record is None or not _taken(journal, record):
                journal.damaged.append(number)
            journal._size += len(line)
    return journal


def _headed(path: str, header: dict[str, Any] | None) -> Journal:
    """The journal of that header, still without what it says."""
    if header is None:
        return _headless(path)
    if header.get("oneofeach_journal") != VERSION:
        raise _no_journal(path)
    roots, protect, planned = tuple(header["roots"]), tuple(header["protect"]), header["planned"]
    plan = header.get("plan", "")
    return Journal(path, header["id"], header["action"], roots, protect, planned, header["started"], plan)


def _headless(path: str) -> Journal:
    """A journal whose first line is damaged: what it can be told by are the intents in it."""
    steps = []
    with open(path, "rb") as file:
        for record in filter(None, map(_record, file)):
            with suppress(LookupError, TypeError, ValueError):  # a damaged line, or one that is no intent
                steps.append(step_from(record["do"]))
    if not steps:
        raise _no_journal(path)
    name = os.path.splitext(os.path.basename(path))[0]
    roots = tuple(sorted({os.path.dirname(step.file.path) for step in steps}))
    return Journal(path, name, steps[-1].action, roots, (), len(steps), "")


def _no_journal(path: str) -> Refused:
    return Refused(f"Not a journal of version {VERSION}: {path}\nSee `oneofeach journals` for those there are.")


def _record(line: bytes) -> dict[str, Any] | None:
    """The record of a line; None for one that is damaged."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _taken(journal: Journal, record: dict[str, Any]) -> bool:
    """Whether a record could be understood."""
    try:
        _take(journal, record)
    except (LookupError, TypeError, ValueError):
        return False
    return True


def _take(journal: Journal, record: dict[str, Any]) -> None:
    number, reason = record.get("n", 0), record.get("reason", "")
    journal.last = max(journal.last, number)
    if "do" in record:
        unit = Unit(f"{journal.id}-{number}", number, step_from(record["do"]), tuple(record["was"]))
        journal.units[number] = unit
    elif "refused" in record:
        journal.results[record["refused"]] = Result(record["refused"], REFUSED, reason)
    elif "closed" in record:
        journal.closed = True
    elif number in journal.units:  # else the line of its intent is damaged
        _take_outcome(journal, journal.units[number], record, reason)


def _take_outcome(journal: Journal, unit: Unit, record: dict[str, Any], reason: str) -> None:
    if "outcome" in record:
        journal._set(unit, record["outcome"], reason)
    elif "undo" in record:
        journal.undone[unit.number] = Result(unit.step.file.path, record["undo"], reason)


def done_before(plan: Plan, folder: str) -> dict[str, str]:
    """Source → the journal that says it was done, of every step of this plan that an earlier apply did, not undone."""
    done: dict[str, str] = {}
    for journal in of_plan(plan.id, folder):
        done |= {unit.step.file.path: journal.id for unit in journal.done_units}
    return done


def unfinished(plan: Plan, folder: str) -> Journal | None:
    """The journal of an apply of this plan that was cut off."""
    return next((journal for journal in of_plan(plan.id, folder) if not journal.closed), None)


def of_plan(plan: str, folder: str = "") -> Iterator[Journal]:
    """The journals of the applies of one plan, by its id. folder: where they are kept, see `journals_folder`."""
    folder = folder or journals_folder()
    for name in sorted(os.listdir(folder)):
        if name.startswith(plan) and name.endswith(".jsonl"):
            journal = _readable(os.path.join(folder, name))
            if journal and journal.plan == plan:
                yield journal


def journals(folder: str = "") -> list[Journal]:
    """All journals, newest first. folder: where they are kept, see `journals_folder`."""
    folder = folder or journals_folder()
    names = [name for name in os.listdir(folder) if name.endswith(".jsonl")] if os.path.isdir(folder) else []
    found = [journal for name in names if (journal := _readable(os.path.join(folder, name)))]
    return sorted(found, key=lambda journal: (journal.started, journal.id), reverse=True)


def kept(journal: Journal) -> set[bytes]:
    """What an apply kept: the contents (SHA-256) that stand in place of images whose steps were done and not undone."""
    return _keepers(journal.done_units)


def let_go(journal: Journal) -> set[bytes]:
    """What an undo takes back of `kept`: contents that stand for no other step of any journal, here or of the user."""
    folders = {os.path.dirname(os.path.abspath(journal.path)), journals_folder()}
    standing = (kept(other) for folder in folders for other in journals(folder))
    return _keepers(journal.restored_units).difference(*standing)


def _keepers(units: Iterable[Unit]) -> set[bytes]:
    return {bytes.fromhex(unit.step.keeper.content) for unit in units if isinstance(unit.step, Step)}


def _readable(path: str) -> Journal | None:
    """None for a journal without a whole header: nothing was ever done from it."""
    try:
        return read(path)
    except Refused:
        return None


def journals_folder() -> str:
    """Where journals are kept: $ONEOFEACH_JOURNALS, or the user's state folder; made when missing, Refused if not."""
    from platformdirs import user_state_dir

    folder = os.environ.get("ONEOFEACH_JOURNALS") or os.path.join(user_state_dir("oneofeach", False), "journals")
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        hint = "Name another folder in $ONEOFEACH_JOURNALS; without a journal nothing is changed."
        raise Refused(f"No journal can be kept in {folder}: {error.strerror}\n{hint}") from error
    return os.path.abspath(folder)
