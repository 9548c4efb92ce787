"""What was found → what is to be done: one step per image that goes, its sidecars with it, captions before.

In: an Outcome and a choice. Out: a Plan. Nothing is changed; sidecars are read for their content keys.
"""

from __future__ import annotations

import os
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from oneofeach.plugins import extra
from oneofeach.stages.acting.actions import action_named
from oneofeach.stages.acting.captions import CAPTION_EXTENSIONS, caption_rule
from oneofeach.stages.acting.disk import look, there
from oneofeach.stages.acting.names import QUARANTINE, free, inside, long_path, protected
from oneofeach.stages.acting.steps import Caption, File, Plan, Step
from oneofeach.tables import Item, Outcome

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
    identity = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"
    choice = _Choice(identity, action, captions, tuple(protect), tuple(map(_absolute, roots)), quarantine)
    return _Planner(result, choice).plan()


@dataclass(frozen=True)
class _Choice:
    id: str
    action: str
    captions: str
    protect: tuple[str, ...]
    roots: tuple[str, ...]
    quarantine: str


class _Planner:
    def __init__(self, outcome: Outcome, choice: _Choice) -> None:
        self._outcome, self._choice = outcome, choice
        self._items: Sequence[Item] = outcome.catalog.items
        self._paths = [_path(item) for item in self._items]
        self._roots = choice.roots or _roots(self._items, self._paths)
        self._place = _Places(self._roots, choice)
        self._owners = _owners(self._items, self._paths)
        self._left: list[tuple[str, str]] = []
        self._notes: list[str] = []
        self._wordless: list[str] = []

    def plan(self) -> Plan:
        keepers: dict[int, list[int]] = defaultdict(list)
        for row in np.flatnonzero(self._outcome.assignment.removed).tolist():
            if reason := self._against(row):
                self._left.append((self._items[row].key, reason))
            else:
                keepers[int(self._outcome.assignment.keeper[row])].append(row)
        going = {self._paths[row] for rows in keepers.values() for row in rows}
        steps: list[Step | Caption] = []
        for keeper in sorted(keepers):
            group = [step for row in keepers[keeper] if (step := self._step(row, keeper, going))]
            steps += [*self._captions(keeper, group, going), *group]
        choice, found = self._choice, self._outcome
        settings = {"similarity_threshold": found.similarity_threshold, "keep": found.keep, "captions": choice.captions}
        left, notes = tuple(self._left), (*self._notes, *self._hint())
        return Plan(choice.id, choice.action, self._roots, choice.protect, tuple(steps), left, notes, settings)

    def _against(self, row: int) -> str:
        """Why this image is left where it is; empty when it may go."""
        path, kept = self._paths[row], self._paths[int(self._outcome.assignment.keeper[row])]
        if not path:
            return "not a file of its own: `oneofeach export` writes the unique images anew"
        if not kept:
            return "its keeper is not a file of its own"
        if glob := protected(path, self._roots, self._choice.protect):
            return f"protected by {glob}"
        if not inside(path, self._roots):
            return "not inside the folders of the plan"
        if os.path.islink(path) or os.path.islink(kept):
            return "it or its keeper is a symbolic link"
        return self._against_link(row, path, kept) if action_named(self._choice.action).same_bytes else ""

    def _against_link(self, row: int, path: str, kept: str) -> str:
        if self._key(row) != self._key(int(self._outcome.assignment.keeper[row])):
            return f"not the same as its keeper byte for byte: no {self._choice.action}"
        found = there(path), there(kept)
        linked = found[0] and found[1] and os.path.samestat(found[0], found[1])
        return "already the same file as its keeper" if linked else ""

    def _step(self, row: int, keeper: int, going: set[str]) -> Step | None:
        try:
            sidecars = tuple(self._sidecars(row, going))
        except OSError as error:
            self._left.append((self._items[row].key, f"a sidecar cannot be read: {error.strerror}: {error.filename}"))
            return None
        file, kept = self._file(row), self._file(keeper)
        target = self._place(file.path) if self._choice.action == "quarantine" else ""
        reason = self._outcome.ranking.reason(keeper, row)
        rule = reason[reason.rfind("(") + 1 : -1] if reason.endswith(")") else ""
        similarity = float(self._outcome.assignment.similarity[row])
        return Step(self._choice.action, replace(file, target=target), kept, sidecars, similarity, rule, reason)

    def _sidecars(self, row: int, going: set[str]) -> Iterable[File]:
        if self._choice.action not in TAKES_SIDECARS:
            return
        for path in map(_absolute, self._items[row].sidecars):
            others = self._owners[path] - {self._paths[row]}
            if others <= going and os.path.lexists(path):
                target = self._place(path) if self._choice.action == "quarantine" else ""
                yield replace(look(path), target=target, shared=tuple(sorted(others)))

    def _file(self, row: int) -> File:
        facts = self._outcome.catalog.facts[row]
        return File(self._paths[row], int(facts["bytes"]), int(facts["mtime_ns"]), self._key(row))

    def _key(self, row: int) -> str:
        return bytes(self._outcome.catalog.facts["content"][row]).hex()

    def _captions(self, keeper: int, group: Sequence[Step], going: set[str]) -> list[Caption]:
        """The step that writes the keeper's caption, when the rule changes it."""
        rule, name = caption_rule(self._choice.captions), self._choice.captions
        if name == "own" and any(_is_caption(file.path) for step in group for file in step.sidecars):
            self._wordless += [self._paths[keeper]] if self._could_take_a_caption(keeper) else []
        if name == "own" or not group:
            return []
        mine = self._caption_file(keeper)
        by_path = {self._paths[row]: row for row in np.flatnonzero(self._outcome.assignment.keeper == keeper).tolist()}
        others = [path for step in group if (path := self._caption_file(by_path[step.file.path]))]
        others = [path for path in dict.fromkeys(others) if path != mine]
        if not others:
            return []
        target = mine or os.path.splitext(self._paths[keeper])[0] + os.path.splitext(others[0])[1]
        try:
            texts = [_text(path) for path in others]
            before = _text(mine) if mine else None
            text = rule((before or "").removeprefix("\ufeff"), [text.removeprefix("\ufeff") for text in texts])
            if text == (before or "").removeprefix("\ufeff") or self._caption_note(target, keeper, going):
                return []
            file = look(mine) if mine else File(target, -1, -1, "")
            return [Caption(file, self._paths[keeper], text, before, tuple(map(look, others)), name)]
        except (OSError, UnicodeDecodeError) as error:
            self._notes.append(f"{target}: left as it is, because a caption cannot be read ({error})")
            return []

    def _could_take_a_caption(self, keeper: int) -> bool:
        path, choice = self._paths[keeper], self._choice
        return (
            not self._caption_file(keeper)
            and inside(path, self._roots)
            and not protected(path, self._roots, choice.protect)
        )

    def _hint(self) -> list[str]:
        """What the user may want to choose otherwise: captions that go, and none that stays."""
        if not self._wordless:
            return []
        which = f"{self._wordless[0]} stays without a caption, and that of a duplicate goes"
        more = f" ({len(self._wordless) - 1:,} more such)" if len(self._wordless) > 1 else ""
        return [f"{which}{more}: --captions longest or merge-tags passes it on"]

    def _caption_note(self, path: str, keeper: int, going: set[str]) -> bool:
        """Whether the caption may not be written; the note says why."""
        stem = os.path.splitext(path)[0]
        sharing = self._owners.get(path, set()) | self._owners.get(stem, set())
        staying = sorted(sharing - going - {self._paths[keeper]})
        if glob := protected(path, self._roots, self._choice.protect):
            self._notes.append(f"{path}: left as it is, protected by {glob}")
        elif staying:
            self._notes.append(f"{path}: left as it is, it is also the caption of {staying[0]}")
        elif not inside(path, self._roots):
            self._notes.append(f"{path}: left as it is, not inside the folders of the plan")
        else:
            return False
        return True

    def _caption_file(self, row: int) -> str:
        for extension in CAPTION_EXTENSIONS:
            for path in map(_absolute, self._items[row].sidecars):
                if path.lower().endswith(extension):
                    return path
        return ""


class _Places:
    """Where a file goes in quarantine: same volume, relative path kept, no two files in one place."""

    def __init__(self, roots: Sequence[str], choice: _Choice) -> None:
        self._roots, self._choice = roots, choice
        self._taken: set[str] = set()
        self._known: dict[str, str] = {}
        self._tops: dict[str, str] = {}

    def __call__(self, path: str) -> str:
        if path not in self._known:
            root = next(root for root in self._roots if inside(path, [root]))
            base = _absolute(self._choice.quarantine) if self._choice.quarantine else self._top(root, path)
            wanted = os.path.join(base, self._choice.id, os.path.relpath(path, root))
            self._known[path] = free(long_path(wanted), self._taken)
        return self._known[path]

    def _top(self, root: str, path: str) -> str:
        folder = os.path.dirname(path)
        if folder not in self._tops:
            self._tops[folder] = os.path.join(top_of_volume(root, folder), QUARANTINE)
        return self._tops[folder]


def top_of_volume(root: str, folder: str, volume: Callable[[str], int] = lambda path: os.stat(path).st_dev) -> str:
    """The highest folder from `folder` up to `root` that lies on the same volume as `folder`."""
    top = folder
    while top != root and volume(os.path.dirname(top)) == volume(folder):
        top = os.path.dirname(top)
    return top


def _path(item: Item) -> str:
    """The absolute path of an item that is a file; empty for anything else."""
    named = isinstance(item.input, (str, os.PathLike)) and item.opener is None and "://" not in os.fspath(item.input)
    return _absolute(os.fspath(item.input)) if named and item.mtime_ns >= 0 else ""


def _absolute(path: str) -> str:
    return long_path(os.path.abspath(path))


def _roots(items: Sequence[Item], paths: Sequence[str]) -> tuple[str, ...]:
    """The folders that keys are relative to; the folder of the file where a key is a path of its own."""
    roots: dict[str, None] = {}
    for item, path in zip(items, paths, strict=True):
        if path:
            relative = item.key != os.fspath(item.input) and path.endswith(os.sep + item.key)
            roots[path[: -len(item.key) - 1] if relative else os.path.dirname(path)] = None
    return tuple(root for root in roots if not inside(root, [other for other in roots if other != root]))


def _owners(items: Sequence[Item], paths: Sequence[str]) -> dict[str, set[str]]:
    """Sidecar, and stem of an image → the images it belongs to."""
    owners: dict[str, set[str]] = defaultdict(set)
    for item, path in zip(items, paths, strict=True):
        for sidecar in item.sidecars:
            owners[_absolute(sidecar)].add(path)
        if path:
            owners[os.path.splitext(path)[0]].add(path)
    return owners


def _is_caption(path: str) -> bool:
    return path.lower().endswith(CAPTION_EXTENSIONS)


def _text(path: str) -> str:
    with open(path, "rb") as file:
        return file.read().decode("utf-8")
