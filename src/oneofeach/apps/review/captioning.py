"""Captions that were written in the review → steps of a plan, beside or in place of those that a rule made."""

from __future__ import annotations

import os
from dataclasses import replace

from oneofeach.apps.review.session import Session
from oneofeach.errors import OneOfEachError
from oneofeach.stages.acting.captions import CAPTION_EXTENSIONS
from oneofeach.stages.acting.disk import look
from oneofeach.stages.acting.names import inside
from oneofeach.stages.acting.steps import Caption, File, Plan
from oneofeach.tables import Item

EDITED = "edited in the review"


def with_captions(made: Plan, session: Session) -> Plan:
    """The plan with every caption that was written for an image that stays. OneOfEachError when one cannot be read."""
    written = {path_of(session.catalog.items[row]): text for row, (_, text) in session.captions.items()}
    steps = tuple(
        replace(step, text=written[step.keeper], rule=EDITED)
        if isinstance(step, Caption) and step.keeper in written
        else step
        for step in made.steps
    )
    planned = {step.keeper for step in made.captions}
    items = [session.catalog.items[row] for row in sorted(session.captions) if session.groups.keeper[row] == row]
    more = (_caption(item, written[path_of(item)], made.roots) for item in items if path_of(item) not in planned | {""})
    return replace(made, steps=(*steps, *(step for step in more if step)))


def path_of(item: Item) -> str:
    """The absolute path of an image that is a file of its own; empty for any other."""
    named = isinstance(item.input, (str, os.PathLike)) and item.opener is None and item.mtime_ns >= 0
    return os.path.abspath(os.fspath(item.input)) if named and "://" not in os.fspath(item.input) else ""


def _caption(item: Item, text: str, roots: tuple[str, ...]) -> Caption | None:
    """The step that writes a caption; None when it reads so already, or lies outside of the folders of the plan."""
    mine = next((os.path.abspath(path) for path in item.sidecars if path.lower().endswith(CAPTION_EXTENSIONS)), "")
    place = mine or os.path.splitext(path_of(item))[0] + CAPTION_EXTENSIONS[0]
    if not inside(place, roots or (os.path.dirname(place),)):
        return None
    try:
        with open(place, "rb") as file:
            before = file.read().decode("utf-8")
        return Caption(look(place), path_of(item), text, before, (), EDITED) if text != before else None
    except FileNotFoundError:
        return Caption(File(place, -1, -1, ""), path_of(item), text, None, (), EDITED)
    except (OSError, UnicodeDecodeError) as error:
        raise OneOfEachError(f"A caption cannot be read: {place}\n{error}") from error
