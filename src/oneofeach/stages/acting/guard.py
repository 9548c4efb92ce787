"""Everything that can be said against a step: before its intent is noted, and once more when its turn comes.

In: a step and the disk. Out: mode, owner and group of the file that goes, or Refused with the reason.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Mapping, Sequence

from oneofeach.errors import Refused
from oneofeach.stages.acting.actions import ALL
from oneofeach.stages.acting.disk import there
from oneofeach.stages.acting.names import inside, protected
from oneofeach.stages.acting.steps import Caption, File, Step
from oneofeach.stages.acting.witness import Sight, Witness

_NO_NAMES = ("", os.curdir, os.pardir)


class Guard:
    """Remembers, from step to step of one apply, what was seen and what must stay."""

    def __init__(self, roots: Sequence[str], globs: Sequence[str], before: Mapping[str, str]) -> None:
        """before: source → journal of what earlier applies of the plan did."""
        self.witness = Witness()
        self._before = before
        self._roots, self._globs = roots, globs
        self._top = [os.path.abspath(os.sep)]
        self._relied_on: dict[tuple[int, ...], str] = {}
        self._failed_captions: set[str] = set()
        self._in_roots: dict[str, bool] = {}
        self._anywhere: dict[str, bool] = {}

    def look_ahead(self, steps: Iterable[Step | Caption]) -> dict[str, Sight]:
        """What is seen now of the small files that `check` will be asked about, read together where that can be."""
        removals = (step for step in steps if isinstance(step, Step))
        return self.witness.look_ahead(file for step in removals for file in (*step.files, step.keeper))

    def check(self, step: Step | Caption) -> tuple[int, int, int]:
        """All that can be known before an intent: mode, owner and group of the file. Refused otherwise."""
        self._check_place(step.file)
        if isinstance(step, Caption):
            return self._check_caption(step)
        for file in step.sidecars:
            self._check_place(file)
        found = self.witness.check(step.file, "the file")
        for file in step.sidecars:
            self.witness.check(file, "the sidecar")
        kept = self.witness.check(step.keeper, "the keeper")
        self._check_pair(step, found, kept)
        return found.mode, found.owner, found.group

    def check_again(self, step: Step | Caption) -> None:
        """What may have changed by the steps before this one."""
        if not isinstance(step, Step):
            return
        if step.keeper.path in self._failed_captions:
            raise Refused("the caption of its keeper was not written")
        other = self._relied_on.get(self.witness.identity(step.file.path))
        if other is not None and os.path.realpath(step.file.path) == os.path.realpath(other):
            raise Refused(f"{step.file.path} is kept in place of a file that is gone already")

    def opposed(self, step: Step, kept: Container[tuple[int, ...]]) -> bool:
        """Whether `check_again` has something to look into, if the files that `kept` identifies must stay too."""
        identity = self.witness.identity(step.file.path)
        return identity in self._relied_on or identity in kept or step.keeper.path in self._failed_captions

    def done_before(self, step: Step | Caption) -> str:
        """That a step which cannot be done was done by an earlier apply of the plan; empty when it was not."""
        journal = self._before.get(step.file.path)
        return f"already done, see journal {journal}" if journal else ""

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
        if not self._plain(file.path, self._in_roots, self._roots):
            raise Refused(f"{file.path} is not inside the folders of the plan")
        if file.target and not self._plain(file.target, self._anywhere, self._top):
            raise Refused(f"the target {file.target} is not an absolute path")
        if not self._globs:
            return
        real = os.path.join(os.path.realpath(os.path.dirname(file.path)), os.path.basename(file.path))
        for path in (file.path, real):
            if glob := protected(path, self._roots, self._globs):
                raise Refused(f"{file.path} is protected by {glob}")

    def _plain(self, path: str, known: dict[str, bool], roots: Sequence[str]) -> bool:
        """Whether a path is plainly written and lies in the roots; what is known of its folder is kept."""
        folder, _, name = path.rpartition(os.sep)
        if folder not in known:
            known[folder] = inside(f"{folder}{os.sep}x", roots)
        return known[folder] and name not in _NO_NAMES and not (os.altsep and os.altsep in name)

    def _check_pair(self, step: Step, found: Sight, kept: Sight) -> None:
        if found.mark[:2] == kept.mark[:2]:
            linked = ALL[step.action].same_bytes
            same_name = found.links == 1 or os.path.realpath(step.file.path) == os.path.realpath(step.keeper.path)
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
        return found.mode, found.owner, found.group
