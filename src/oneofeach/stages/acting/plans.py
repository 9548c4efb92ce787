"""The plan: steps in order, in a file that a person can read and edit. One JSON object a line.

In: steps. Out: the file, and back. The first line is the header; every other line is a step; lines may be removed.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from oneofeach.errors import Refused
from oneofeach.stages.acting.steps import Caption, Step, encoded, line_of, step_from, value
from oneofeach.writing import whole_file

VERSION = 1


@dataclass(frozen=True)
class Plan:
    """Steps in the order they will be taken.

    id: names the journals of this plan. roots: the folders that may be changed. protect: globs that may not.
    left: (key, reason) of duplicates that no step removes. notes: what else the reader should know.
    settings: what the user chose, for the reader.
    """

    id: str
    action: str
    roots: tuple[str, ...]
    protect: tuple[str, ...] = ()
    steps: tuple[Step | Caption, ...] = ()
    left: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def removals(self) -> list[Step]:
        return [step for step in self.steps if isinstance(step, Step)]

    @property
    def captions(self) -> list[Caption]:
        return [step for step in self.steps if isinstance(step, Caption)]

    @property
    def counts(self) -> dict[str, int]:
        """Steps per action."""
        return dict(Counter(step.action for step in self.steps))

    @property
    def bytes_freed(self) -> int:
        """Size of all files that go, sidecars included; one that several images share counts once."""
        return sum({file.path: file.size for step in self.removals for file in step.files}.values())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan as JSON Lines; an existing file is replaced as a whole or not at all."""
        with whole_file(path, "wb") as file:
            file.writelines(line + b"\n" for line in self.lines())
            file.flush()
            os.fsync(file.fileno())

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Plan:
        """Read a plan. Refused, with the number of the line, when it is not one or names a file twice."""
        with open(path, "rb") as file:
            return plan_from(file, os.fspath(path))

    def lines(self) -> Iterator[bytes]:
        header = {"oneofeach_plan": VERSION, "id": self.id, "action": self.action, "roots": self.roots}
        header |= {"protect": self.protect, "settings": dict(self.settings), "left": self.left, "notes": self.notes}
        yield encoded(header)
        yield from map(line_of, self.steps)


def plan_from(lines: Iterable[bytes], name: str = "plan") -> Plan:
    numbered = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
    number, first = next(numbered, (1, b"{}"))
    header = _object(first, name, number)
    if header.get("oneofeach_plan") != VERSION:
        raise Refused(f"Not a plan of version {VERSION}: {name}\nMake one with `oneofeach clean SOURCE --plan FILE`.")
    try:
        if not re.fullmatch(r"[0-9A-Za-z-]+", value(header, "id", str)):
            raise ValueError("the id of a plan is made of letters, digits and dashes")
        action, roots = value(header, "action", str), tuple(map(str, value(header, "roots", list)))
        left = tuple((str(key), str(reason)) for key, reason in header.get("left", ()))
        protect, notes = tuple(map(str, header.get("protect", ()))), tuple(map(str, header.get("notes", ())))
    except (ValueError, TypeError) as error:
        raise Refused(f"{name}, line {number}: {error}\nMake the plan again.") from error
    steps = tuple(_steps(numbered, name))
    return Plan(header["id"], action, roots, protect, steps, left, notes, header.get("settings", {}))


def _steps(numbered: Iterable[tuple[int, bytes]], name: str) -> Iterator[Step | Caption]:
    seen: dict[str, int] = {}
    for number, line in numbered:
        try:
            step = step_from(_object(line, name, number))
        except ValueError as error:
            hint = "Correct or remove the line, or make the plan again."
            raise Refused(f"{name}, line {number}: {error}\n{hint}") from error
        first = seen.setdefault(step.file.path, number)
        if first != number:
            raise Refused(f"{name}, line {number}: line {first} names {step.file.path} too\nRemove one of the lines.")
        yield step


def _object(line: bytes, name: str, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise Refused(f"{name}, line {number}: not JSON ({error})\nCorrect the line or remove it.") from error
    if not isinstance(record, dict):
        raise Refused(f"{name}, line {number}: not a JSON object\nCorrect the line or remove it.")
    return record
