"""Does what a plan says: each step checked, intended, done, verified, and noted. Resumes what was cut off.

In: a plan. Out: its journal, on disk before and after every change. Steps go in batches so that one sync of the disk
serves many of them: check all → intents on disk → change → folders on disk → outcomes. While the disk syncs, the next
batch is read and checked; each file is looked at once more when its turn comes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from oneofeach.errors import Refused
from oneofeach.stages.acting.actions import ALL
from oneofeach.stages.acting.disk import Stuck, Witness, sentence, sync_folders, there
from oneofeach.stages.acting.journal import (
    AGAIN,
    DONE,
    FAILED,
    REFUSED,
    STUCK,
    Journal,
    Unit,
    begin,
    journals_folder,
    unfinished,
)
from oneofeach.stages.acting.lock import locked
from oneofeach.stages.acting.names import inside, protected
from oneofeach.stages.acting.steps import Caption, File, Plan, Step

BATCH = 256
_NO_NAMES = ("", os.curdir, os.pardir)
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
        journal = unfinished(plan, folder) or begin(plan, globs, folder)
        try:
            guard = Guard(plan.roots, globs)
            _settle(journal, guard)
            _tell(progress, journal)
            _do([step for step in plan.steps if step.file.path not in journal.results], journal, guard, progress)
            journal.close()
            journal.sync()
        finally:
            journal.end()
    return journal


class Guard:
    """Everything that can be said against a step."""

    def __init__(self, roots: Sequence[str], globs: Sequence[str]) -> None:
        self.witness = Witness()
        self._roots, self._globs = roots, globs
        self._relied_on: dict[tuple[int, int], str] = {}
        self._failed_captions: set[str] = set()
        self._known: dict[tuple[str, bool], bool] = {}

    def check(self, step: Step | Caption) -> tuple[int, int, int]:
        """All that can be known before an intent: mode, owner and group of the file. Refused otherwise."""
        files = step.files if isinstance(step, Step) else (step.file,)
        for file in files:
            self._check_place(file)
        if isinstance(step, Caption):
            return self._check_caption(step)
        found = self.witness.check(step.file, "the file")
        for file in step.sidecars:
            self.witness.check(file, "the sidecar")
        kept = self.witness.check(step.keeper, "the keeper")
        self._check_pair(step, found, kept)
        return found.st_mode, found.st_uid, found.st_gid

    def check_again(self, step: Step | Caption) -> None:
        """What may have changed by the steps before this one."""
        if not isinstance(step, Step):
            return
        if step.keeper.path in self._failed_captions:
            raise Refused("the caption of its keeper was not written")
        other = self._relied_on.get(self.witness.identity(step.file.path))
        if other is not None and os.path.realpath(step.file.path) == os.path.realpath(other):
            raise Refused(f"{step.file.path} is kept in place of a file that is gone already")

    def done(self, step: Step | Caption) -> None:
        """Remember what must stay from now on."""
        if isinstance(step, Step):
            self._relied_on[self.witness.identity(step.keeper.path)] = step.keeper.path

    def settled(self, step: Step | Caption) -> None:
        """`done`, for a step of an earlier process: nothing was seen of its keeper yet."""
        if isinstance(step, Step) and (kept := there(step.keeper.path)):
            self._relied_on[kept.st_dev, kept.st_ino] = step.keeper.path

    def not_done(self, step: Step | Caption) -> None:
        if isinstance(step, Caption):
            self._failed_captions.add(step.keeper)

    def _check_place(self, file: File) -> None:
        if not self._plain(file.path, of_roots=True):
            raise Refused(f"{file.path} is not inside the folders of the plan")
        if file.target and not self._plain(file.target, of_roots=False):
            raise Refused(f"the target {file.target} is not an absolute path")
        if not self._globs:
            return
        real = os.path.join(os.path.realpath(os.path.dirname(file.path)), os.path.basename(file.path))
        for path in (file.path, real):
            if glob := protected(path, self._roots, self._globs):
                raise Refused(f"{file.path} is protected by {glob}")

    def _plain(self, path: str, of_roots: bool) -> bool:
        """Whether a path is plainly written, and lies in the roots or anywhere; what is known of its folder is kept."""
        folder, _, name = path.rpartition(os.sep)
        if (folder, of_roots) not in self._known:
            roots = self._roots if of_roots else [os.path.abspath(os.sep)]
            self._known[folder, of_roots] = inside(f"{folder}{os.sep}x", roots)
        return self._known[folder, of_roots] and name not in _NO_NAMES and not (os.altsep and os.altsep in name)

    def _check_pair(self, step: Step, found: os.stat_result, kept: os.stat_result) -> None:
        if os.path.samestat(found, kept):
            linked = ALL[step.action].same_bytes
            same_name = found.st_nlink == 1 or os.path.realpath(step.file.path) == os.path.realpath(step.keeper.path)
            if linked or same_name:
                raise Refused(f"{step.file.path} and its keeper are one and the same file")
        if ALL[step.action].same_bytes and step.file.content != step.keeper.content:
            raise Refused(f"{step.file.path} is not the same as its keeper byte for byte: no {step.action}")

    def _check_caption(self, step: Caption) -> tuple[int, int, int]:
        if not there(step.keeper):
            raise Refused(f"the keeper {step.keeper} is missing")
        for source in step.sources:
            self.witness.check(source, "the caption")
        if step.before is None:
            if there(step.file.path):
                raise Refused(f"the caption {step.file.path} was written since the plan was made")
            return 0, 0, 0
        found = self.witness.check(step.file, "the caption")
        return found.st_mode, found.st_uid, found.st_gid


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
    """Batch after batch: change one, then, while another thread brings it to the disk, check the one after the next."""
    batches = (_checked(steps[start : start + BATCH], guard) for start in range(0, len(steps), BATCH))
    with ThreadPoolExecutor(1) as beside:
        checked, done = next(batches, []), _Done()
        while checked or done.results:
            before = len(journal.results)
            noting = beside.submit(_note, journal, done, checked)
            checked = next(batches, [])
            units = noting.result()
            if len(journal.results) > before:
                _tell(progress, journal)
            done = _change(units, guard)


@dataclass
class _Done:
    """What was changed and is not noted yet: folders, and (unit, outcome, reason)."""

    folders: set[str] = field(default_factory=set)
    results: list[tuple[Unit, str, str]] = field(default_factory=list)


Checked = tuple[Step | Caption, tuple[int, int, int] | str]
"""A step, with mode, owner and group of its file, or with what is against it."""


def _checked(steps: Sequence[Step | Caption], guard: Guard) -> list[Checked]:
    found: list[Checked] = []
    for step in steps:
        try:
            if step.action not in ALL:
                raise Refused(f"unknown action: {step.action}")
            found.append((step, guard.check(step)))
        except (OSError, Refused) as error:
            guard.not_done(step)
            found.append((step, sentence(error)))
    return found


def _note(journal: Journal, done: _Done, checked: Sequence[Checked]) -> list[Unit]:
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


def _change(units: Sequence[Unit], guard: Guard) -> _Done:
    done = _Done()
    for unit in units:
        try:
            guard.check_again(unit.step)
            done.folders |= ALL[unit.step.action].do(unit, guard.witness)
            guard.done(unit.step)
            done.results.append((unit, DONE, ""))
        except (OSError, Refused) as error:
            guard.not_done(unit.step)
            done.results.append((unit, _outcome(error), sentence(error)))
    return done


def _outcome(error: Exception) -> str:
    if isinstance(error, OSError):
        return FAILED
    return STUCK if isinstance(error, Stuck) else REFUSED
