"""What "Clean Image Folder" writes: reports, copies of the unique images, and duplicates moved aside.

Moves are the library's own: planned, journaled, checked a moment before, and undone with `oneofeach undo`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

from oneofeach.apps.comfy import report as lines
from oneofeach.apps.comfy.dataset import explained, unused
from oneofeach.apps.comfy.folders import Found, group_lines, unreadable
from oneofeach.apps.comfy.host import Progress
from oneofeach.index import users_own
from oneofeach.keeping import perform_and_note
from oneofeach.stages.acting.files import Files
from oneofeach.stages.acting.plan import plan

LEFT_SHOWN = 20


def prepared(folder: str, fresh: bool) -> str:
    """The folder, made. fresh: another one with a number when this one holds something already."""
    with explained(folder):
        folder = unused(folder) if fresh else folder
        os.makedirs(folder, exist_ok=True)
    return folder


def save_reports(found: Found, folder: str) -> None:
    with explained(folder):
        for name in ("report.json", "report.csv"):
            found.result.save(os.path.join(folder, name))


def copy_unique(found: Found, folder: str, progress: Progress) -> list[str]:
    """Every image that stays, with its sidecars, under its relative path; its caption as the rule made it."""
    sidecars, files = 0, Files(found.result, ())
    going = {path for row, path in enumerate(files.paths) if found.result.assignment.removed[row]}
    with explained(folder):
        for done, row in enumerate(found.kept):
            progress("copy", done, len(found.kept))
            item = found.items[row]
            place = os.path.join(folder, os.path.dirname(item.key))
            os.makedirs(place, exist_ok=True)
            shutil.copy2(os.fspath(item.input), place)
            for path in item.sidecars:
                shutil.copy2(path, place)
            if row in found.changed:
                name = os.path.basename(files.caption_place(row, going))
                with open(os.path.join(place, name), "w", encoding="utf-8") as file:
                    file.write(found.captions[row])
            sidecars += len(item.sidecars)
    progress("copy", 1, 1)
    return [f"Copied {lines.plural(len(found.kept), 'image')} and {lines.plural(sidecars, 'sidecar')} to {folder}."]


def move_duplicates(found: Found, root: str, folder: str, progress: Progress) -> list[str]:
    """Duplicates and the sidecars that are theirs alone, to `folder`; the journal there takes it back.

    What stays is remembered in the user's own index, where there is one.
    """
    moves = plan(found.result, "quarantine", roots=[root], quarantine=folder)
    if not moves.steps:
        return _left(moves.left)
    with users_own() as index:
        journal = perform_and_note(moves, found.result, index, folder, progress)
    outcomes = list(journal.results.values())
    moved = sum(result.outcome == "done" for result in outcomes)
    not_moved = [(name_in(root, result.source), result.reason) for result in outcomes if result.outcome != "done"]
    said = f"Moved {lines.plural(moved, 'duplicate')} to {folder}. Undo: oneofeach undo {journal.path}"
    return [said, *_left([*moves.left, *not_moved])]


def name_in(root: str, path: str) -> str:
    return os.path.relpath(path, root).replace(os.sep, "/")


def _left(left: Sequence[tuple[str, str]]) -> list[str]:
    if not left:
        return []
    shown = "; ".join(f"{name} ({reason})" for name, reason in left[:LEFT_SHOWN])
    more = f"; and {len(left) - LEFT_SHOWN} more" if len(left) > LEFT_SHOWN else ""
    return [f"Left where they are: {shown}{more}."]


def report(found: Found, said: Sequence[str]) -> str:
    result = found.result
    counts, groups = result.counts, result.groups
    text = [
        lines.summary(counts["kept"], counts["seen"], counts["removed"], len(groups)),
        lines.thresholds(result.similarity_threshold, lambda level: result.at(level).counts["removed"]),
        *said,
    ]
    if found.changed:
        text.append(f"Captions: {len(found.changed)} merged.")
    failed = [(key.replace(os.sep, "/"), reason) for key, reason in result.skipped]
    return "\n".join([*text, *unreadable(failed), *group_lines(result)])
