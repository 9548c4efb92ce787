"""An image that takes down the process that reads it, as a broken decoder does."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass


@dataclass(frozen=True)
class Killer:
    def read(self) -> bytes:
        os.kill(os.getpid(), signal.SIGKILL)
        return b""
