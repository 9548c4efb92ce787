"""Which captions a plan changes: the keeper's reads what the rule makes of its own and those of its duplicates.

In: groups of steps. Out: caption steps, and notes about what is left as it is. Captions are read, never written.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from oneofeach.stages.acting.captions import caption_rule, is_caption
from oneofeach.stages.acting.files import Files
from oneofeach.stages.acting.names import inside, protected
from oneofeach.stages.acting.steps import Caption, File, Step
from oneofeach.stages.acting.witness import look

_MARK = "\ufeff"  # of byte order: no part of a text


class Captioning:
    """notes: what the reader of the plan should know, one sentence each."""

    def __init__(self, files: Files, rule: str, protect: Sequence[str]) -> None:
        self._files, self._rule, self._protect = files, rule, protect
        self._notes: list[str] = []
        self._wordless: list[str] = []

    def steps(self, keeper: int, group: Sequence[tuple[int, Step]], going: set[str]) -> list[Caption]:
        """The step that writes the keeper's caption, when the rule changes it. group: (row, step) of what goes."""
        if self._rule == "own":
            self._look_for_wordless(keeper, [step for _, step in group])
            return []
        mine = self._files.caption(keeper)
        others = [
            path for path in dict.fromkeys(self._files.caption(row) for row, _ in group) if path not in ("", mine)
        ]
        if not others:
            return []
        target = mine or os.path.splitext(self._files.paths[keeper])[0] + os.path.splitext(others[0])[1]
        try:
            return self._step(keeper, mine, target, others, going)
        except (OSError, UnicodeError) as error:
            self._notes.append(f"{target}: left as it is, because a caption cannot be read ({error})")
            return []

    def _step(self, keeper: int, mine: str, target: str, others: Sequence[str], going: set[str]) -> list[Caption]:
        texts = [_text(path).removeprefix(_MARK) for path in others]
        before = _text(mine) if mine else None
        plain = (before or "").removeprefix(_MARK)
        text = caption_rule(self._rule)(plain, texts)
        if text == plain:
            return []
        if why := self._against(target, keeper, going):
            self._notes.append(f"{target}: left as it is, {why}")
            return []
        file = look(mine) if mine else File(target, -1, -1, "")
        return [Caption(file, self._files.paths[keeper], text, before, tuple(map(look, others)), self._rule)]

    def _against(self, path: str, keeper: int, going: set[str]) -> str:
        """Why a caption may not be written; empty when it may."""
        sharing = self._files.owners.get(path) or self._files.owners.get(os.path.splitext(path)[0], set())
        staying = sorted(sharing - going - {self._files.paths[keeper]})
        if glob := protected(path, self._files.roots, self._protect):
            return f"protected by {glob}"
        if staying:
            return f"it is also the caption of {staying[0]}"
        return "" if inside(path, self._files.roots) else "not inside the folders of the plan"

    def _look_for_wordless(self, keeper: int, group: Sequence[Step]) -> None:
        """Remember an image that stays without a caption, and could take one, while that of a duplicate goes."""
        path, roots = self._files.paths[keeper], self._files.roots
        goes = any(is_caption(file.path) for step in group for file in step.sidecars)
        if goes and not self._files.caption(keeper) and inside(path, roots):
            self._wordless += [] if protected(path, roots, self._protect) else [path]

    @property
    def notes(self) -> tuple[str, ...]:
        if not self._wordless:
            return tuple(self._notes)
        which = f"{self._wordless[0]} stays without a caption, and that of a duplicate goes"
        more = f" ({len(self._wordless) - 1:,} more such)" if len(self._wordless) > 1 else ""
        return (*self._notes, f"{which}{more}: --captions longest or merge-tags passes it on")


def _text(path: str) -> str:
    with open(path, "rb") as file:
        data = file.read()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise UnicodeError(f"{path} is no UTF-8: save it as such") from None
