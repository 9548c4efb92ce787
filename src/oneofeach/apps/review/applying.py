"""The review's outcome → a plan, applied with progress, and taken back: the same plan and journal code as everywhere.

Images that are no files of their own (tar members, Parquet cells) are exported anew instead; see exporting.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Thread
from typing import Any

import numpy as np

from oneofeach.apps.review.cards import text
from oneofeach.apps.review.session import Session
from oneofeach.errors import OneOfEachError, Refused
from oneofeach.stages.acting.captions import CAPTION_EXTENSIONS
from oneofeach.stages.acting.disk import look
from oneofeach.stages.acting.journal import DONE, RESTORED, Journal
from oneofeach.stages.acting.names import inside
from oneofeach.stages.acting.perform import perform
from oneofeach.stages.acting.plan import plan
from oneofeach.stages.acting.steps import Caption, File, Plan, Step
from oneofeach.stages.acting.undo import undo
from oneofeach.tables import Item, Rows

SHOWN = 200  # steps of a plan that the page lists
EDITED = "edited in the review"

Announce = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be done. decided_only: suggestions that nobody decided about are left alone."""

    action: str = "quarantine"
    captions: str = "own"
    decided_only: bool = True


class Applying:
    """One plan at a time. announce: told how far the work has come, from the working thread."""

    def __init__(self, session: Session, announce: Announce, journals: str = "") -> None:
        self._session, self._announce, self._journals = session, announce, journals
        self._plan: tuple[Plan, int] | None = None
        self._rows = {path: row for row, item in enumerate(session.catalog.items) if (path := _path(item))}
        self.journal: Journal | None = None
        self.problem = ""
        self._thread: Thread | None = None

    @property
    def has_files(self) -> bool:
        """Whether there is any image that is a file of its own."""
        return bool(self._rows)

    def plan(self, wanted: Wanted) -> dict[str, Any]:
        """Make the plan and show it; nothing is changed. InvalidRule for an unknown action or caption rule."""
        with self._session.lock:
            made = plan(self._session.outcome(wanted.decided_only), wanted.action, captions=wanted.captions)
            made = replace(made, steps=(*self._with_edits(made), *self._new_captions(made)))
            self._plan = made, self._session.revision
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

    def start(self, identity: str) -> None:
        """Begin to do the plan of that id. Refused when it is not the one shown last, or the review went on since."""
        with self._session.lock:
            self._check_idle()
            if self._plan is None or self._plan[0].id != identity or self._plan[1] != self._session.revision:
                raise Refused("The plan is out of date\nMake it again: something was decided since.")
            made, self._plan = self._plan[0], None
            self._run(lambda: self._apply(made))

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

    def _apply(self, made: Plan) -> None:
        self.journal = perform(made, self._journals, progress=self._progress)
        if made.action in ("quarantine", "trash", "delete"):
            done = [path for path, result in self.journal.results.items() if result.outcome == DONE]
            self._session.set_gone(self._rows_of(done), True)

    def _take_back(self, journal: Journal) -> None:
        self.journal = undo(journal, progress=self._progress)
        back = [result.source for result in self.journal.undone.values() if result.outcome == RESTORED]
        self._session.set_gone(self._rows_of(back), False)

    def summary(self) -> dict[str, Any]:
        """What came of it, in numbers that add up, and every step that was not done."""
        journal = self.journal
        if journal is None:
            return {}
        problems = [*journal.refused, *journal.not_restored]
        return {
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

    def _with_edits(self, made: Plan) -> list[Step | Caption]:
        """The steps, with captions that were written in the review in place of those that a rule made."""
        written = {self._key(row): value for row, (_, value) in self._session.captions.items()}
        return [
            replace(step, text=written[step.keeper], rule=EDITED)
            if isinstance(step, Caption) and step.keeper in written
            else step
            for step in made.steps
        ]

    def _key(self, row: int) -> str:
        return _path(self._session.catalog.items[row])

    def _new_captions(self, made: Plan) -> list[Caption]:
        """Steps for captions that were written in the review and that no rule touches."""
        planned = {step.keeper for step in made.captions}
        rows = [row for row in sorted(self._session.captions) if self._key(row) and self._key(row) not in planned]
        steps = (self._caption(row, made.roots) for row in rows if self._session.groups.keeper[row] == row)
        return [step for step in steps if step]

    def _caption(self, row: int, roots: tuple[str, ...]) -> Caption | None:
        item, value = self._session.catalog.items[row], self._session.captions[row][1]
        mine = next((os.path.abspath(p) for p in item.sidecars if p.lower().endswith(CAPTION_EXTENSIONS)), "")
        place = mine or os.path.splitext(_path(item))[0] + CAPTION_EXTENSIONS[0]
        if not inside(place, roots or (os.path.dirname(place),)):
            return None
        try:
            with open(place, "rb") as file:
                before: str | None = file.read().decode("utf-8")
            seen = look(place)
        except FileNotFoundError:
            before, seen = None, File(place, -1, -1, "")
        except (OSError, UnicodeDecodeError) as error:
            raise OneOfEachError(f"A caption cannot be read: {place}\n{error}") from error
        return Caption(seen, _path(item), value, before, (), EDITED) if value != before else None


def _path(item: Item) -> str:
    named = isinstance(item.input, (str, os.PathLike)) and item.opener is None and item.mtime_ns >= 0
    return os.path.abspath(os.fspath(item.input)) if named else ""


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
