"""The folder of journals: one is begun for each apply, found again after a crash, read, listed.

In: a folder. Out: journals, each up to its last whole line.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from oneofeach.errors import Refused
from oneofeach.stages.acting.journal import REFUSED, Journal, Result, Unit
from oneofeach.stages.acting.steps import Plan, step_from

VERSION = 1


def begin(plan: Plan, protect: Iterable[str], folder: str) -> Journal:
    """A new journal for a plan, its header noted; the file is made by the first `sync`."""
    taken, number, name = set(os.listdir(folder)), 1, plan.id
    while f"{name}.jsonl" in taken:
        number += 1
        name = f"{plan.id}-{number}"
    started = datetime.now(timezone.utc).isoformat(timespec="seconds")
    path = os.path.join(folder, f"{name}.jsonl")
    journal = Journal(path, name, plan.action, plan.roots, tuple(protect), len(plan.steps), started)
    header = {"oneofeach_journal": VERSION, "id": name, "plan": plan.id, "action": plan.action, "roots": plan.roots}
    journal._note({**header, "protect": journal.protect, "planned": journal.planned, "started": started})
    return journal


def read(path: str) -> Journal:
    """What a journal says up to the last whole line. Refused when the file is no journal."""
    with open(path, "rb") as file:
        header = _record(file.readline())
        if not header or header.get("oneofeach_journal") != VERSION:
            raise Refused(f"Not a journal of version {VERSION}: {path}\nSee `oneofeach journals` for those there are.")
        roots, protect = tuple(header["roots"]), tuple(header["protect"])
        journal = Journal(path, header["id"], header["action"], roots, protect, header["planned"], header["started"])
        journal._size = file.tell()
        for line in file:
            record = _record(line)
            if record is None:
                break
            _take(journal, record)
            journal._size += len(line)
    return journal


def _record(line: bytes) -> dict[str, Any] | None:
    """The record of a whole line; None for one that a crash cut short."""
    if not line.endswith(b"\n"):
        return None
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _take(journal: Journal, record: dict[str, Any]) -> None:
    number, reason = record.get("n", 0), record.get("reason", "")
    if "do" in record:
        unit = Unit(f"{journal.id}-{number}", number, step_from(record["do"]), tuple(record["was"]))
        journal.units[number] = unit
    elif "outcome" in record:
        journal._set(journal.units[number], record["outcome"], reason)
    elif "undo" in record:
        journal.undone[number] = Result(journal.units[number].step.file.path, record["undo"], reason)
    elif "refused" in record:
        journal.results[record["refused"]] = Result(record["refused"], REFUSED, reason)
    elif "closed" in record:
        journal.closed = True


def unfinished(plan: Plan, folder: str) -> Journal | None:
    """The journal of an apply of this plan that was cut off."""
    for name in sorted(os.listdir(folder)):
        if name.startswith(plan.id) and name.endswith(".jsonl"):
            journal = _readable(os.path.join(folder, name))
            if journal and not journal.closed:
                return journal
    return None


def journals(folder: str = "") -> list[Journal]:
    """All journals, newest first. folder: where they are kept, see `journals_folder`."""
    folder = folder or journals_folder()
    names = [name for name in os.listdir(folder) if name.endswith(".jsonl")] if os.path.isdir(folder) else []
    found = [journal for name in names if (journal := _readable(os.path.join(folder, name)))]
    return sorted(found, key=lambda journal: (journal.started, journal.id), reverse=True)


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
