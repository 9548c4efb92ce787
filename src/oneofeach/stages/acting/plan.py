"""What was found → what is to be done: one step per image that goes, its sidecars with it, captions before.

In: an Outcome and a choice. Out: a Plan. Nothing is changed; sidecars are read for their content keys.
"""

from __future__ import annotations

import os
import secrets
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from oneofeach.plugins import extra
from oneofeach.stages.acting.actions import action_named
from oneofeach.stages.acting.captioning import Captioning
from oneofeach.stages.acting.captions import caption_rule
from oneofeach.stages.acting.disk import there
from oneofeach.stages.acting.files import Files
from oneofeach.stages.acting.names import inside, protected
from oneofeach.stages.acting.places import Places
from oneofeach.stages.acting.plans import Plan
from oneofeach.stages.acting.steps import Caption, File, Step
from oneofeach.stages.acting.witness import look
from oneofeach.tables import Outcome

TAKES_SIDECARS = ("quarantine", "trash", "delete")


def plan(
    result: Outcome,
    action: str = "quarantine",
    *,
    captions: str = "own",
    protect: Sequence[str] = (),
    roots: Sequence[str] = (),
    quarantine: str = "",
) -> Plan:
    """The plan for what was found; nothing is changed. InvalidRule for an unknown action or caption rule.

    action: quarantine, trash, delete, hardlink, reflink or symlink; the last three for files of the same bytes only.
    captions: own, longest or merge-tags: what the keeper's caption shall read. protect: globs that no step may touch.
    roots: the scanned folders; found from the items when empty. quarantine: a folder on the same volume; by default
    a hidden one at the top of the root, or of its part that lies on the volume of the file. MissingExtra for trash.

    Every removed image is either a step or, with the reason, in `left`: one that is no file, or protected, or a link.
    """
    action_named(action)
    caption_rule(captions)
    if action == "trash":
        extra("send2trash", "trash")
    name = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"
    files = Files(result, roots)
    planner = _Planner(result, files, action, tuple(protect), Places(files.roots, quarantine, name))
    captioning = Captioning(files, captions, protect)
    steps = tuple(planner.steps(captioning))
    settings = {"similarity_threshold": result.similarity_threshold, "keep": result.keep, "captions": captions}
    return Plan(name, action, files.roots, tuple(protect), steps, tuple(planner.left), captioning.notes, settings)


class _Planner:
    """left: (key, reason) of each image that no step removes."""

    def __init__(self, outcome: Outcome, files: Files, action: str, protect: tuple[str, ...], place: Places) -> None:
        self._outcome, self._files, self._action, self._protect, self._place = outcome, files, action, protect, place
        self.left: list[tuple[str, str]] = []

    def steps(self, captioning: Captioning) -> Iterable[Step | Caption]:
        keepers: dict[int, list[int]] = defaultdict(list)
        for row in np.flatnonzero(self._outcome.assignment.removed).tolist():
            keeper = int(self._outcome.assignment.keeper[row])
            if reason := self._against(row, keeper):
                self._leave(row, reason)
            else:
                keepers[keeper].append(row)
        going = {self._files.paths[row] for rows in keepers.values() for row in rows}
        for keeper in sorted(keepers):
            group = [(row, step) for row in keepers[keeper] if (step := self._step(row, keeper, going))]
            yield from captioning.steps(keeper, group, going)
            yield from (step for _, step in group)

    def _leave(self, row: int, reason: str) -> None:
        self.left.append((self._files.items[row].key, reason))

    def _against(self, row: int, keeper: int) -> str:
        """Why this image is left where it is; empty when it may go."""
        path, kept = self._files.paths[row], self._files.paths[keeper]
        if not path:
            return "not a file of its own: `oneofeach export` writes the unique images anew"
        if not kept:
            return "its keeper is not a file of its own"
        if glob := protected(path, self._files.roots, self._protect):
            return f"protected by {glob}"
        if not inside(path, self._files.roots):
            return "not inside the folders of the plan"
        if os.path.islink(path) or os.path.islink(kept):
            return "it or its keeper is a symbolic link"
        return self._against_link(row, keeper) if action_named(self._action).same_bytes else ""

    def _against_link(self, row: int, keeper: int) -> str:
        if self._files.content(row) != self._files.content(keeper):
            return f"not the same as its keeper byte for byte: no {self._action}"
        found, kept = there(self._files.paths[row]), there(self._files.paths[keeper])
        return "already the same file as its keeper" if found and kept and os.path.samestat(found, kept) else ""

    def _step(self, row: int, keeper: int, going: set[str]) -> Step | None:
        try:
            sidecars = tuple(self._sidecars(row, going))
        except OSError as error:
            self._leave(row, f"a sidecar cannot be read: {error.strerror}: {error.filename}")
            return None
        file = self._placed(self._files.file(row))
        reason = self._outcome.ranking.reason(keeper, row)
        rule = reason[reason.rfind("(") + 1 : -1] if reason.endswith(")") else ""
        similarity = float(self._outcome.assignment.similarity[row])
        return Step(self._action, file, self._files.file(keeper), sidecars, similarity, rule, reason)

    def _sidecars(self, row: int, going: set[str]) -> Iterable[File]:
        """The sidecars that go with an image: all that belong to no image that stays."""
        if self._action not in TAKES_SIDECARS:
            return
        for path in sorted(self._files.sidecars(row)):
            others = self._files.owners[path] - {self._files.paths[row]}
            if others <= going and os.path.lexists(path):
                yield replace(self._placed(look(path)), shared=tuple(sorted(others)))

    def _placed(self, file: File) -> File:
        return replace(file, target=self._place(file.path)) if self._action == "quarantine" else file
