"""Options that come together: a dataclass is one parameter of a command, and on its command line one option per field.

`@expanded` makes of such a function what Typer reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from inspect import Parameter, Signature, signature
from typing import Any, get_type_hints

import typer

from oneofeach.apps.cli.options import (
    FINGERPRINT,
    KEEP,
    THRESHOLD,
    Against,
    FilesFrom,
    FingerprintName,
    IndexPath,
    Isolated,
    Keep,
    NoIndex,
    Reconsider,
    Sources,
    Threshold,
    Workers,
    number,
    source_of,
)
from oneofeach.apps.cli.progress import progress_bar
from oneofeach.apps.cli.stores import opened
from oneofeach.asking import Index
from oneofeach.plugins import Distributed, Progress
from oneofeach.stages.sources.file_list import FileList


@dataclass(frozen=True)
class Given:
    """Where the images are: named one by one, or listed in a file."""

    sources: Sources = None
    files_from: FilesFrom = ""

    @property
    def names(self) -> list[str]:
        """The sources as typed; [] for a list of files."""
        return self.sources or []

    def source(self) -> Any:
        """What `flow.scan` takes. A usage error unless exactly one of both is given."""
        if bool(self.names) == bool(self.files_from):
            raise typer.BadParameter("Give either a SOURCE or --files-from.")
        return FileList(self.files_from) if self.files_from else source_of(self.names)


@dataclass(frozen=True)
class Choice:
    """Which images are duplicates, and which of a group stays."""

    similarity_threshold: Threshold = THRESHOLD
    keep: Keep = KEEP
    against: Against = None
    reconsider: Reconsider = False

    @property
    def threshold(self) -> float:
        """InvalidThreshold unless it is a number in 0.0..1.0."""
        return number(self.similarity_threshold)

    def asked(self) -> dict[str, Any]:
        """The arguments of `flow.deduplicate`."""
        return {**vars(self), "similarity_threshold": self.threshold}


@dataclass(frozen=True)
class Reading:
    """How images are read and remembered."""

    index: IndexPath = None
    no_index: NoIndex = False
    fingerprint: FingerprintName = FINGERPRINT
    isolated: Isolated = False
    workers: Workers = None

    def runs_on(self) -> str | Distributed:
        return "isolated" if self.isolated else "threads"

    @property
    def once_interrupted(self) -> str:
        """What to know besides when it is."""
        return ""

    def arguments(self, store: Index | None, progress: Progress) -> dict[str, Any]:
        """The arguments of `flow.scan` and its like."""
        given = {"fingerprint": self.fingerprint, "workers": self.workers}
        return {**given, "engine": self.runs_on(), "index": store, "progress": progress}

    @contextmanager
    def begun(self) -> Iterator[dict[str, Any]]:
        """The same, with the index open and progress shown."""
        self.runs_on()  # a wrong combination is told before an index is made
        with opened(self.index, self.no_index) as store, progress_bar(after=self.once_interrupted) as progress:
            yield self.arguments(store, progress)


def expanded(command: Callable[..., None]) -> Callable[..., None]:
    """The command with one keyword per option, those of a dataclass in its place."""
    own = list(signature(command, eval_str=True).parameters.values())
    blocks: dict[str, Any] = {one.name: one.annotation for one in own if is_dataclass(one.annotation)}
    options = [option for one in own for option in (_options(one.annotation) if one.name in blocks else [one])]

    def call(**given: Any) -> None:
        made = {name: kind(**{one.name: given.pop(one.name) for one in fields(kind)}) for name, kind in blocks.items()}
        command(**made, **given)

    call.__doc__, call.__name__ = command.__doc__, command.__name__
    call.__annotations__ = {one.name: one.annotation for one in options}
    call.__signature__ = Signature([one.replace(kind=Parameter.KEYWORD_ONLY) for one in options])  # type: ignore[attr-defined]
    return call


def _options(block: Any) -> list[Parameter]:
    hints = get_type_hints(block, include_extras=True)
    return [
        Parameter(one.name, Parameter.KEYWORD_ONLY, default=one.default, annotation=hints[one.name])
        for one in fields(block)
    ]
