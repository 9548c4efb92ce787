"""Readables that do to a worker process what a hostile file could do through a broken decoder."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass


@dataclass
class Cell:
    does: str
    data: bytes = b""

    def read(self) -> bytes:
        if self.does == "hang":
            time.sleep(1000)
        if self.does == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.does == "exit":
            os._exit(7)
        if self.does == "eat memory":
            return bytes(1 << 40)
        if self.does == "print":
            os.write(1, b"noise on the standard output")
            sys.stdout.write("more noise")
            sys.stdout.flush()
        return self.data
