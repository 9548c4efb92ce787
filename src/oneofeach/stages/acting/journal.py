"""The journal of one apply: what was intended before each change, what came of it after. Append-only JSON Lines.

In: units and outcomes. Out: the same after a crash; `undo` and resuming need nothing else but the disk.
"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from oneofeach.errors import Refused
from oneofeach.stages.acting.disk import sync_folders
from oneofeach.stages.acting.steps import Caption, File, Step, encoded, line_of

DONE, REFUSED, FAILED, STUCK, RESTORED = "done", "refused", "failed", "stuck", "restored"
AGAIN = "again"
"""Outcome of a unit that a crash cut off and that was put back: its step is tried again as another unit."""


class Unit(NamedTuple):
    """One step on its way: id is unique among all journals; was: mode, owner and group of the file that goes."""

    id: str
    number: int
    step: Step | Caption
    was: tuple[int, int, int]

    @property
    def files(self) -> tuple[File, ...]:
        """What its step changes the name of."""
        return self.step.files if isinstance(self.step, Step) else ()


class Result(NamedTuple):
    """What came of one step.

    done: made and verified. refused: not safe, nothing was touched. failed: the system did not let us, everything is
    as it was. stuck: cut off halfway; the reason says where the files are, and undo tries again.
    """

    source: str
    outcome: str
    reason: str = ""


@dataclass
class Journal:
    """One journal file and what it says. Nothing is written before `append`, nothing is safe before `sync`.

    results: per step by its source. units: intents by number. undone: what undo did about each unit.
    plan: the id of its plan. last: the highest number of a unit. damaged: numbers of lines that cannot be read.
    """

    path: str
    id: str
    action: str
    roots: tuple[str, ...]
    protect: tuple[str, ...]
    planned: int
    started: str
    plan: str = ""
    results: dict[str, Result] = field(default_factory=dict)
    units: dict[int, Unit] = field(default_factory=dict)
    outcomes: dict[int, str] = field(default_factory=dict)
    undone: dict[int, Result] = field(default_factory=dict)
    closed: bool = False
    last: int = 0
    damaged: list[int] = field(default_factory=list)
    _size: int = 0
    _descriptor: int = -1
    _lines: list[bytes] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """Steps per outcome; together with `open` steps they add up to `planned`."""
        counts = Counter(result.outcome for result in self.results.values())
        return {name: counts[name] for name in (DONE, REFUSED, FAILED, STUCK)} | {
            "open": self.planned - len(self.results)
        }

    @property
    def refused(self) -> list[Result]:
        """Every step that was not done, with its reason."""
        return [result for result in self.results.values() if result.outcome != DONE]

    @property
    def restored(self) -> int:
        """How many steps undo has taken back."""
        return sum(result.outcome == RESTORED for result in self.undone.values())

    @property
    def not_restored(self) -> list[Result]:
        """Steps that undo could not take back, with the reason."""
        return [result for result in self.undone.values() if result.outcome != RESTORED]

    @property
    def done_units(self) -> list[Unit]:
        """Units that were done, verified, and not taken back."""
        done = (number for number in self.units if self.outcomes.get(number) == DONE)
        return [self.units[number] for number in done if not self._is_restored(number)]

    @property
    def restored_units(self) -> list[Unit]:
        """Units that undo has taken back."""
        return [unit for number, unit in self.units.items() if self._is_restored(number)]

    def _is_restored(self, number: int) -> bool:
        return number in self.undone and self.undone[number].outcome == RESTORED

    @property
    def open_units(self) -> list[Unit]:
        """Intents without an outcome: the process ended between the two."""
        return [unit for number, unit in self.units.items() if number not in self.outcomes]

    @property
    def changed_units(self) -> list[Unit]:
        """Units that may have changed a file and were not taken back, newest first."""
        changed = (number for number in self.units if self.outcomes.get(number, STUCK) in (DONE, STUCK))
        return [self.units[number] for number in sorted(changed, reverse=True) if not self._is_restored(number)]

    def intend(self, step: Step | Caption, was: tuple[int, int, int]) -> Unit:
        """Note an intent; it must be synced before the change is made."""
        number = self.last = self.last + 1
        unit = self.units[number] = Unit(f"{self.id}-{number}", number, step, was)
        self._lines.append(b'{"n": %d, "do": %b, "was": [%d, %d, %d]}\n' % (number, line_of(step), *was))
        return unit

    def conclude(self, unit: Unit, outcome: str, reason: str = "") -> None:
        """Note what came of an intent, after it was verified on disk."""
        self._set(unit, outcome, reason)
        if reason:
            self._note({"n": unit.number, "outcome": outcome, "reason": reason})
        else:
            self._lines.append(b'{"n": %d, "outcome": "%s"}\n' % (unit.number, outcome.encode()))

    def _set(self, unit: Unit, outcome: str, reason: str) -> None:
        self.outcomes[unit.number] = outcome
        if outcome != AGAIN:
            self.results[unit.step.file.path] = Result(unit.step.file.path, outcome, reason)

    def refuse(self, source: str, reason: str) -> None:
        """Note a step that was refused before anything was intended."""
        self.results[source] = Result(source, REFUSED, reason)
        self._note({"refused": source, "reason": reason})

    def undo(self, unit: Unit, outcome: str, reason: str = "") -> None:
        self.undone[unit.number] = Result(unit.step.file.path, outcome, reason)
        self._note({"n": unit.number, "undo": outcome, "reason": reason})

    def close(self) -> None:
        """Note that nothing more will be applied from here: a later apply of the plan starts a new journal."""
        if not self.closed:
            self.closed = True
            self._note({"closed": self.counts})

    def _note(self, record: dict[str, Any]) -> None:
        self._lines.append(encoded(record) + b"\n")

    def sync(self) -> None:
        """Write what was noted and return when it would survive a power cut.

        Refused when that is impossible; the file then ends where it ended before.
        """
        if not self._lines:
            return
        try:
            if self._descriptor < 0:
                self._open()
            data = memoryview(b"".join(self._lines))
            while data:
                data = data[os.write(self._descriptor, data) :]
            os.fsync(self._descriptor)
        except OSError as error:
            self._cut()
            hint = "Every change until then can be undone. Make room or correct the rights, then run it again to go on."
            raise Refused(f"Cannot write the journal {self.path}: {error.strerror}\n{hint}") from error
        self._size += sum(map(len, self._lines))
        self._lines.clear()

    def _open(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(self.path, flags | (0 if self._size else os.O_EXCL), 0o600)
        os.ftruncate(self._descriptor, self._size)  # a line that a crash cut in two
        os.lseek(self._descriptor, 0, os.SEEK_END)
        sync_folders([os.path.dirname(self.path)])

    def _cut(self) -> None:
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, self._size)
            os.lseek(self._descriptor, 0, os.SEEK_END)

    def end(self) -> None:
        """Write what was still to be written, as far as that is possible, and let go of the file."""
        with suppress(Refused):
            self.sync()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
