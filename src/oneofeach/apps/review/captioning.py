"""Captions that were written in the review → steps of a plan, beside or in place of those that a rule made; or images
that travel with them into an export.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from oneofeach.apps.review.session import Session
from oneofeach.captions import CAPTION_EXTENSIONS
from oneofeach.errors import OneOfEachError, Refused
from oneofeach.flow import Result
from oneofeach.stages.acting.files import Files
from oneofeach.stages.acting.names import inside
from oneofeach.stages.acting.plans import Plan
from oneofeach.stages.acting.steps import Caption, File
from oneofeach.stages.acting.texts import as_text
from oneofeach.stages.acting.witness import look
from oneofeach.stages.export.units import Unit
from oneofeach.stages.sources.arrow import CAPTIONS
from oneofeach.tables import Item

EDITED = "edited in the review"


def with_captions(made: Plan, session: Session, outcome: Result) -> Plan:
    """The plan with every caption that was written for an image that stays. OneOfEachError when one cannot be read."""
    if not session.captions:
        return made
    files = Files(outcome, made.roots)
    written = {files.paths[row]: text for row, (_, text) in session.captions.items()}
    steps = tuple(
        replace(step, text=written[step.keeper], rule=EDITED)
        if isinstance(step, Caption) and step.keeper in written
        else step
        for step in made.steps
    )
    planned, going = {step.keeper for step in made.captions}, {step.file.path for step in made.removals}
    rows = (row for row in sorted(session.captions) if outcome.assignment.kept[row])
    places = {path: files.caption_place(row, going) for row in rows if (path := files.paths[row]) not in planned | {""}}
    within = {path: place for path, place in places.items() if inside(place, made.roots or (os.path.dirname(place),))}
    more = [step for path, place in within.items() if (step := _caption(path, place, written[path]))]
    own = [
        step.file.path for step in more if step.before is None and os.path.splitext(step.file.path)[0] == step.keeper
    ]
    notes = (f"{path} is a new file, for an image of the same stem has the caption there is, too" for path in own)
    return replace(made, steps=(*more, *steps), notes=(*made.notes, *notes, *going_captions(session, outcome)))


def going_captions(session: Session, outcome: Result) -> list[str]:
    """What to know of captions that were written for images that go."""
    keys = (session.catalog.items[row].key for row in sorted(session.captions) if outcome.assignment.removed[row])
    return [f"{key} goes, and the caption that was written for it: write it for the one that stays" for key in keys]


def captioned(outcome: Result, session: Session) -> Result:
    """The outcome, whose images have the captions that were written for them."""
    items = list(outcome.catalog.items)
    for row, (_, text) in session.captions.items():
        kinds = {"record": _Row, "annotations": _Entry}
        kind = next((kind for mark, kind in kinds.items() if hasattr(items[row].source, mark)), _Captioned)
        items[row] = replace(items[row], opener=kind(items[row], text))
    return replace(outcome, catalog=replace(outcome.catalog, items=items))


@dataclass(frozen=True)
class _Captioned:
    """A Sample: an image as it is, and what travels with it, but for the caption."""

    item: Item
    text: str

    @property
    def _unit(self) -> Unit:
        return Unit(0, self.item, self.name, self.extension, b"")

    @property
    def place(self) -> str:
        return str(getattr(self.item.source, "place", self.item.key))

    @property
    def name(self) -> str:
        return str(getattr(self.item.source, "name", os.path.splitext(self.item.key)[0]))

    @property
    def extension(self) -> str:
        return str(getattr(self.item.source, "extension", os.path.splitext(self.item.key)[1][1:]))

    def read(self) -> bytes:
        return self._unit.read()

    def companions(self) -> Mapping[str, bytes]:
        found = {ending.removeprefix("."): data for ending, data in self._unit.companions().items()}
        captions = {f"{whole}{ending}"[1:] for whole in ("", f".{self.extension}") for ending in CAPTION_EXTENSIONS}
        without = {ending: data for ending, data in found.items() if ending not in captions}
        return {**without, "txt": self.text.encode()}


class _Row(_Captioned):
    """The same of a row of a table, with all its columns."""

    @property
    def column(self) -> str:
        return str(self.item.source.column)

    def record(self) -> Any:
        table = self.item.source.record()
        column = next((name for name in CAPTIONS if name in table.column_names), None)
        if column is None or not str(table.schema.field(column).type).endswith("string"):
            raise Refused(
                f"The table has no column for a caption: {self.item.key}\nExport it as a folder or webdataset."
            )
        at = table.column_names.index(column)
        return table.set_column(at, table.schema.field(at), [[self.text]])


class _Entry(_Captioned):
    """The same of an entry of an annotation file."""

    @property
    def annotations(self) -> str:
        raise Refused(
            f"A caption was written for an entry of an annotation file: {self.item.key}\n"
            "Export it as a folder or webdataset, or take the caption back."
        )


def _caption(image: str, place: str, text: str) -> Caption | None:
    """The step that writes a caption; None when it reads so already, or there is none and none was written."""
    try:
        with open(place, "rb") as file:
            before = as_text(file.read())
        return Caption(look(place), image, text, before, (), EDITED) if text != before else None
    except FileNotFoundError:
        return Caption(File(place, -1, -1, ""), image, text, None, (), EDITED) if text else None
    except OSError as error:
        hint = "Let it be read, or empty the caption on the page again."
        raise OneOfEachError(f"A caption cannot be read: {place}: {error.strerror}\n{hint}") from error
