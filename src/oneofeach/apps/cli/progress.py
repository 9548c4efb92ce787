"""Progress on stderr: a bar with rate and time left on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from oneofeach.apps.cli.interruption import interruption
from oneofeach.flow import Progress

WORK = {
    "scan": ("Reading images", "images"),
    "match": ("Comparing", "pairs"),
    "ray scan": ("Reading images", "shards"),
    "ray keys": ("Gathering keys", "blocks"),
    "ray identical": ("Finding copies", "parts"),
    "ray sampled": ("Looking for crowds", "parts"),
    "ray density": ("Looking for crowds", "blocks"),
    "ray dense": ("Looking for crowds", "parts"),
    "ray candidates": ("Comparing", "blocks against blocks"),
    "ray descriptors": ("Gathering descriptors", "blocks"),
    "ray pairs": ("Verifying", "parts"),
    "ray crowd": ("Gathering descriptors", "blocks"),
    "ray order": ("Applying the keep rules", "blocks"),
    "ray classes": ("Gathering copies", "parts"),
    "ray edges": ("Gathering pairs", "parts"),
    "ray crowd-orders": ("Applying the keep rules", "blocks"),
    "ray round": ("Grouping", "parts"),
    "ray removed": ("Choosing keepers", "blocks"),
    "ray rows": ("Writing the table", "blocks"),
    "ray best": ("Gathering matches", "blocks"),
    "ray matches": ("Writing the table", "blocks"),
    "ray wished": ("Naming", "shards"),
    "ray names": ("Naming", "parts"),
    "ray written": ("Exporting", "parts"),
    "ray facts": ("Gathering facts", "blocks"),
    "ray manifest": ("Writing the manifest", "blocks"),
    "ray finished": ("Finishing", "steps"),
    "apply": ("Applying", "steps"),
    "undo": ("Undoing", "steps"),
}
AFTER = {"apply": "Run it again to go on, or `oneofeach undo` to take it back.", "undo": "Run it again to go on."}


@dataclass
class Reached:
    """How far the run came, for a truthful word when it is interrupted."""

    stage: str = "scan"
    done: int = 0
    total: int = 0
    after: str = ""

    def __call__(self, stage: str, done: int, total: int) -> None:
        self.stage, self.done, self.total = stage, done, total

    def sentence(self) -> str:
        doing, what = WORK.get(self.stage, (self.stage, "steps"))
        after = AFTER.get(self.stage, f"No file was changed.{self.after}")
        reached = f"{doing}: {self.done:,} of {self.total:,} {what} done. " if self.total else ""
        return f"Interrupted. {reached}{after}"


@contextmanager
def progress_bar(quiet: bool = False, after: str = "") -> Iterator[Progress]:
    """A progress callback, drawn on a terminal; an interruption inside says how far the run came, and `after`."""
    reached = Reached(after=after)
    with interruption.telling(reached.sentence):
        if quiet or not sys.stderr.isatty():
            yield reached
        else:
            yield from _drawn(reached)


def _drawn(reached: Reached) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.finished_speed or task.speed or 0:,.0f}/s", style="dim")

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks = {}

        def show(stage: str, done: int, total: int) -> None:
            reached(stage, done, total)
            if stage not in tasks:
                tasks[stage] = bar.add_task(WORK.get(stage, (stage, ""))[0], total=total)
            bar.update(tasks[stage], completed=done, total=total)

        yield show
