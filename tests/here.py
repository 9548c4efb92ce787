"""Stands in for a Ray cluster in tests of the stages: runs every task at once, in this process, in any order."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

from oneofeach.engines.ray.cluster import Crashed, Finished, Task
from oneofeach.engines.ray.parts import Counts


class Crash(Exception):
    """Raised by a task that takes its worker down."""


class Here:
    """before: called with each task; what it raises happens to the task. order: seed of the order of tasks."""

    def __init__(self, before: Callable[[Task], None] | None = None, order: int = 0) -> None:
        self._before, self._order = before or (lambda task: None), random.Random(order)
        self.ran: list[str] = []

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, tasks: Iterable[Task], finished: Finished, crashed: Crashed | None = None) -> None:
        waiting = list(tasks)
        while waiting:
            task = waiting.pop(self._order.randrange(len(waiting)))
            try:
                self._before(task)
                counts: Counts = task.function(*task.args)
            except Crash:
                assert crashed, f"{task.part} cannot crash"
                waiting.extend(crashed(task))
                continue
            self.ran.append(task.part)
            waiting.extend(finished(task, counts))
