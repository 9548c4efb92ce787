"""Server-sent events: what one thread publishes, every open page hears."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

HEARTBEAT = 15.0  # seconds: proxies and tunnels drop silent connections
WAITING = 1000  # events a slow page may have waiting; it is told to reload instead of getting more


class Events:
    """publish may be called from any thread; stream belongs to the event loop."""

    def __init__(self) -> None:
        self._pages: dict[asyncio.Queue[str], asyncio.AbstractEventLoop] = {}
        self._closed = False

    def publish(self, event: dict[str, Any]) -> None:
        """Tell every page."""
        data = f"data: {json.dumps(event)}\n\n"
        for queue, loop in list(self._pages.items()):
            if not loop.is_closed():
                loop.call_soon_threadsafe(_put, queue, data)

    async def stream(self) -> AsyncIterator[str]:
        """What one page hears, until the server ends."""
        queue: asyncio.Queue[str] = asyncio.Queue(WAITING)
        self._pages[queue] = asyncio.get_running_loop()
        try:
            yield "retry: 1000\n\n"
            while not self._closed:
                try:
                    data = await asyncio.wait_for(queue.get(), HEARTBEAT)
                except asyncio.TimeoutError:
                    data = ": still here\n\n"
                if data:
                    yield data
        finally:
            del self._pages[queue]

    def close(self) -> None:
        """Let every stream end, so that the server can."""
        self._closed = True
        for queue, loop in list(self._pages.items()):
            if not loop.is_closed():
                loop.call_soon_threadsafe(_put, queue, "")


def _put(queue: asyncio.Queue[str], data: str) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(data)
