"""The review's outcome → a plan, applied with progress, and taken back: the same plan and journal code as everywhere.

Images that are no files of their own (tar members, Parquet cells) cannot be moved: the unique ones are written anew, to
a place that was named when the review was started.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from threading import Thread
from typing import Any

import numpy as np

from oneofeach.apps.review.captioning import captioned, going_captions, with_captions
from oneofeach.apps.review.cards import text
from oneofeach.apps.review.session import Session
from oneofeach.errors import OneOfEachError, Refused
from oneofeach.flow import Result
from oneofeach.index import Index
from oneofeach.keeping import note_undone, perform_and_note
from oneofeach.stages.acting.actions import ACTIONS
from oneofeach.stages.acting.files import path_of
from oneofeach.stages.acting.journal import DONE, RESTORED, Journal
from oneofeach.stages.acting.names import inside
from oneofeach.stages.acting.plan import plan
from oneofeach.stages.acting.plans import Plan
from oneofeach.stages.acting.steps import Caption, Step
from oneofeach.stages.acting.undo import undo
from oneofeach.stages.export import FORMATS, export
from oneofeach.tables import Rows

SHOWN = 200  # steps of a plan that the page lists

EXPORT = "export: "  # before the name of a format, among the actions

Announce = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be done. decided_only: suggestions that nobody decided about are left alone."""

    action: str = "quarantine"
    captions: str = "own"
    decided_only: bool = True


@dataclass(frozen=True, slots=True)
class _Export:
    id: str
    format: str
    outcome: Result


class Applying:
    """One plan at a time. announce: told how far the work has come, from the working thread."""

    def __init__(
        self, session: Session, announce: Announce, journals: str, destination: str, index: Index | None
    ) -> None:
        self._session, self._announce, self._journals = session, announce, journals
        self.destination, self._index = destination, index
        self._plan: tuple[Plan | _Export, int] | None = None
        self._outcome: Result | None = None
        self._exported: dict[str, Any] = {}
        self._rows = {path: row for row, item in enumerate(session.catalog.items) if (path := path_of(item))}
        self.journal: Journal | None = None
        self.problem = ""
        self._thread: Thread | None = None

    @property
    def actions(self) -> list[str]:
        """What can be done with these images."""
        exports = [EXPORT + name for name in FORMATS] if self.destination else []
        return [*(ACTIONS if self._rows else ()), *exports]

    def plan(self, wanted: Wanted) -> dict[str, Any]:
        """Make the plan and show it; nothing is changed. InvalidRule for an unknown action or caption rule."""
        if wanted.action in self.actions and wanted.action.startswith(EXPORT):
            return self._plan_export(wanted)
        with self._session.lock:
            outcome = self._session.outcome(wanted.decided_only)
            made = with_captions(plan(outcome, wanted.action, captions=wanted.captions), self._session, outcome)
            self._plan, self._outcome = (made, self._session.revision), outcome
        return {
            "id": made.id,
            "action": made.action,
            "steps": len(made.removals),
            "captions": len(made.captions),
            "bytes": made.bytes_freed,
            "roots": [text(root) for root in made.roots],
            "lines": [_line(step, made.roots) for step in made.steps[:SHOWN]],
            "left": [[text(key), text(reason)] for key, reason in made.left[:SHOWN]],
            "left_count": len(made.left),
            "notes": [text(note) for note in made.notes[:SHOWN]],
        }

    def _plan_export(self, wanted: Wanted) -> dict[str, Any]:
        """The unique images, written anew; nothing of the source changes."""
        with self._session.lock:
            outcome = captioned(self._session.outcome(wanted.decided_only), self._session)
            notes = going_captions(self._session, outcome)
            made = _Export(secrets.token_hex(8), wanted.action.removeprefix(EXPORT), outcome)
            self._plan = made, self._session.revision
        kept = outcome.assignment.kept
        size = int(outcome.catalog.facts["bytes"][kept].sum())
        about = {"id": made.id, "action": wanted.action, "steps": int(kept.sum()), "captions": 0, "bytes": size}
        return {
            **about,
            "roots": [text(self.destination)],
            "lines": [],
            "left": [],
            "left_count": 0,
            "notes": [*map(text, notes)],
        }

    def start(self, identity: str) -> None:
        """Begin to do the plan of that id. Refused when it is not the one shown last, or the review went on since."""
        with self._session.lock:
            self._check_idle()
            if self._plan is None or self._plan[0].id != identity or self._plan[1] != self._session.revision:
                raise Refused("The plan is out of date\nMake it again: something was decided since.")
            (made, _), self._plan = self._plan, None
            outcome, self._outcome = self._outcome, None
            self._run(lambda: self._write(made) if isinstance(made, _Export) else self._apply(made, outcome))

    def start_back(self) -> None:
        """Begin to undo what was applied last. Refused when nothing was."""
        with self._session.lock:
            self._check_idle()
            if self.journal is None:
                raise Refused("Nothing was applied here\n`oneofeach undo` takes back earlier runs.")
            journal = self.journal
            self._run(lambda: self._take_back(journal))

    def wait(self) -> None:
        """Return when nothing is being done any more."""
        if self._thread:
            self._thread.join()

    def _check_idle(self) -> None:
        if self._session.read_only:
            raise Refused("This review is read-only\nStart it without --read-only to apply.")
        if self._thread and self._thread.is_alive():
            raise Refused("A plan is being applied\nWait until it is done.")

    def _run(self, work: Callable[[], None]) -> None:
        def guarded() -> None:
            problem = ""
            try:
                work()
            except (OneOfEachError, OSError) as error:
                problem = text(str(error))
            with self._session.lock:
                self.problem = problem
            self._announce({"type": "applied", "problem": problem})

        self._thread = Thread(target=guarded, name="oneofeach-apply")
        self._thread.start()

    def _write(self, made: _Export) -> None:
        target = export(made.outcome, self.destination, made.format)
        kept = int(made.outcome.assignment.kept.sum())
        self._exported = {"written": text(str(target)), "images": kept}

    def _apply(self, made: Plan, outcome: Result | None) -> None:
        self.journal = perform_and_note(made, outcome, self._index, self._journals, self._progress)
        if made.action in ("quarantine", "trash", "delete"):
            done = [path for path, result in self.journal.results.items() if result.outcome == DONE]
            self._session.set_gone(self._rows_of(done), True)

    def _take_back(self, journal: Journal) -> None:
        self.journal = undo(journal, progress=self._progress)
        back = [result.source for result in self.journal.undone.values() if result.outcome == RESTORED]
        self._session.set_gone(self._rows_of(back), False)
        if self._index:
            note_undone(self._index, self.journal)

    def summary(self) -> dict[str, Any]:
        """What came of it, in numbers that add up, and every step that was not done."""
        journal = self.journal
        if journal is None:
            return {**self._exported, "problem": self.problem}
        problems = [*journal.refused, *journal.not_restored]
        return {
            **self._exported,
            "journal": text(journal.path),
            "action": journal.action,
            "planned": journal.planned,
            "counts": journal.counts,
            "restored": journal.restored,
            "problem": self.problem,
            "problems": [[text(one.source), text(one.reason)] for one in problems[:SHOWN]],
        }

    def _progress(self, stage: str, done: int, total: int) -> None:
        self._announce({"type": "progress", "stage": stage, "done": done, "total": total})

    def _rows_of(self, paths: list[str]) -> Rows:
        return np.array([self._rows[path] for path in paths if path in self._rows], np.int64)


def _line(step: Step | Caption, roots: tuple[str, ...]) -> dict[str, Any]:
    path = step.file.path
    root = next((root for root in roots if inside(path, [root])), "")
    short = os.path.relpath(path, root) if root else path
    if isinstance(step, Caption):
        return {"action": "caption", "source": text(short), "reason": text(f"{step.rule}: {step.text}")}
    kept = os.path.relpath(step.keeper.path, root) if root else step.keeper.path
    return {
        "action": step.action,
        "source": text(short),
        "keeper": text(kept),
        "similarity": step.similarity,
        "reason": text(step.reason),
        "sidecars": len(step.sidecars),
    }
