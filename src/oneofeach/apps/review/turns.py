"""An order is done once: when its answer was lost on the way, the page sends it again and gets the same answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TABS = 64  # pages whose last order is remembered


class Turns:
    """The last order of each page, and what was answered. A caller holds a lock."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, dict[str, Any]]] = {}

    def once(self, page: str, turn: int, order: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What the order answers, or has answered to this turn of the page. turn 0: it has none, and is always done."""
        done, answer = self._last.get(page, (0, {}))
        if turn and turn == done:
            return answer
        answer = order()
        if turn:
            self._last.pop(page, None)
            self._last[page] = turn, answer
            if len(self._last) > TABS:
                del self._last[next(iter(self._last))]
        return answer
