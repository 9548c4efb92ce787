"""What the driver does about shards that crash their workers: try again, cut in halves, skip the one image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from oneofeach.engines.ray.cluster import Task
from oneofeach.engines.ray.parts import Counts
from oneofeach.engines.ray.scan import CRASHES, Piece, assemble, length, scan, skip, skip_shard
from oneofeach.engines.ray.settings import Settings


@dataclass
class Quarantine:
    """Follows the pieces of the shards that had to be cut."""

    settings: Settings
    open: dict[int, set[Piece]] = field(default_factory=lambda: defaultdict(set))
    done: dict[int, set[Piece]] = field(default_factory=lambda: defaultdict(set))

    def scan(self, piece: Piece) -> Task:
        return self._task(scan, piece)

    def crashed(self, task: Task) -> list[Task]:
        """What to run after a task has taken its worker down."""
        piece: Piece = task.args[1]
        if task.function is length:
            again = replace(task, tries=task.tries + 1)
            return [again if again.tries < CRASHES else self._task(skip_shard, piece)]
        if task.function is not scan:
            return [task]
        if piece.stop - piece.start > 1:
            return self._cut(piece)
        if self.settings.store.read_json(piece.attempts) < CRASHES:
            return [task]
        return [self._task(length if piece.stop < 0 else skip, piece)]

    def finished(self, task: Task, counts: Counts) -> list[Task]:
        """What to run after a task is done: the pieces of a shard, or their assembly."""
        piece: Piece = task.args[1]
        if task.function is length:
            return self._cut(replace(piece, stop=int(counts["rows"])))
        if piece.stop < 0:
            return []
        self.open[piece.number].discard(piece)
        self.done[piece.number].add(piece)
        if self.open[piece.number]:
            return []
        pieces = sorted(self.done[piece.number], key=lambda one: one.start)
        whole = replace(piece, start=0, stop=-1)
        return [Task(assemble, (self.settings, whole, pieces), whole.part)]

    def _cut(self, piece: Piece) -> list[Task]:
        halves: Iterable[Piece] = piece.halves() if piece.stop > 1 + piece.start else [piece]
        self.open[piece.number].discard(piece)
        self.open[piece.number].update(halves)
        return [self.scan(half) for half in halves]

    def _task(self, function: object, piece: Piece) -> Task:
        return Task(function, (self.settings, piece), piece.part)  # type: ignore[arg-type]
