"""Captions that were written in the review → steps of a plan, beside or in place of those that a rule made; or images
that travel with them into an export.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from oneofeach.apps.review.session import Session
from oneofeach.errors import OneOfEachError, Refused
from oneofeach.flow import Result
from oneofeach.stages.acting.captions import CAPTION_EXTENSIONS
from oneofeach.stages.acting.names import inside
from oneofeach.stages.acting.plans import Plan
from oneofeach.stages.acting.steps import Caption, File
from oneofeach.stages.acting.witness import look
from oneofeach.stages.export.units import Unit
from oneofeach.stages.sources.arrow import CAPTIONS
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
    items = [
        session.catalog.items[row] for row in sorted(session.captions) if session.standing.groups.keeper[row] == row
    ]
    more = (_caption(item, written[path_of(item)], made.roots) for item in items if path_of(item) not in planned | {""})
    return replace(made, steps=(*steps, *(step for step in more if step)))


def captioned(outcome: Result, session: Session) -> Result:
    """The outcome, whose images have the captions that were written for them."""
    items = list(outcome.catalog.items)
    for row, (_, text) in session.captions.items():
        kind = _Row if hasattr(items[row].source, "record") else _Captioned
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

    def record(self) -> Any:
        table = self.item.source.record()
        column = next((name for name in CAPTIONS if name in table.column_names), None)
        if column is None:
            raise Refused(
                f"The table has no column for a caption: {self.item.key}\nExport it as a folder or webdataset."
            )
        at = table.column_names.index(column)
        return table.set_column(at, table.schema.field(at), [[self.text]])


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
