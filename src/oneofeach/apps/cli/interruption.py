"""Ctrl-C, at any moment: the process ends within a second with code 130 and a true word on how far it came.

While modules are being imported it ends at once. Then a command is told by KeyboardInterrupt, so that it can put its
things in order; whatever takes longer than GRACE (a kernel or a decoder at work) ends with the process.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import time
from contextlib import contextmanager
from threading import Thread

TYPE_CHECKING = False  # not from typing: until `take_over`, Ctrl-C would show a traceback
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

INTERRUPTED = 130
GRACE = 0.6  # seconds from the signal on


class Interruption:
    """What Ctrl-C does in this process, which must not have taken any action before `take_over`."""

    def __init__(self) -> None:
        self.came = False
        self._begun = False
        self._sentence: Callable[[], str] = lambda: "Interrupted. No file was changed."
        self._watched = False

    def take_over(self) -> None:
        """End at once on Ctrl-C, until a command begins. For the main thread.

        When all else has ended, no handler of ours runs any more, and Ctrl-C comes too late: without that, the process
        would end by the bare signal. Registered first, this is done last.
        """
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
        reader, writer = os.pipe()
        if os.name != "nt":
            os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGINT, self._interrupt)
        Thread(target=self._watch, args=(reader,), daemon=True).start()

    def command_begins(self) -> None:
        """From here on Ctrl-C raises KeyboardInterrupt; a second one ends at once."""
        self._begun, self._sentence = True, lambda: "Interrupted."

    def command_ended(self) -> None:
        """What follows is the exit of the interpreter: Ctrl-C only cuts it short."""
        self.came, self._sentence, self._watched = True, lambda: "Interrupted, after everything was done.", True

    @contextmanager
    def telling(self, sentence: Callable[[], str]) -> Iterator[None]:
        """While this lasts, an interruption ends within a second, with this sentence."""
        before, self._sentence, self._watched = self._sentence, sentence, True
        yield
        self._sentence, self._watched = before, False  # not after an exception: its sentence is still to be told

    def end(self) -> None:
        """Say how far the command came, and end: nothing is waited for, nothing else is written."""
        clear = "\r\x1b[K\x1b[?25h" if sys.stderr.isatty() else ""  # a progress bar hides the cursor
        try:
            os.write(2, f"{clear}{self._sentence()}\n".encode(errors="backslashreplace"))
        finally:
            os._exit(INTERRUPTED)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.came or not self._begun:
            self.end()
        self.came = True
        raise KeyboardInterrupt

    def _watch(self, reader: int) -> None:
        """Learns of the signal also while the main thread runs compiled code, which no exception reaches."""
        while signal.SIGINT not in os.read(reader, 1):
            pass
        time.sleep(GRACE)
        if self._watched:
            self.end()


interruption = Interruption()
