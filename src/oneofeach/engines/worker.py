"""The process behind the isolated engine: reads items from its input, writes descriptions, ends with its parent."""

from __future__ import annotations

import os
import pickle
import sys

from PIL import Image

from oneofeach.engines import messages


def main() -> None:
    """First message: the pickled (function, memory limit, pixel limit); every other one: a pickled item."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not garble the answers
    setup = messages.read(sys.stdin.buffer)
    if setup is None:
        return
    function, memory, pixels = pickle.loads(setup)
    Image.MAX_IMAGE_PIXELS = pixels and pixels // 2  # Pillow refuses from twice its limit on
    _limit_memory(memory)
    messages.write(answers, messages.READY)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    while (request := messages.read(sys.stdin.buffer)) is not None:
        messages.write(answers, messages.pack(function([pickle.loads(request)])[0]))


def _limit_memory(more: int) -> None:
    """At most `more` bytes of address space beyond what the process has now, where the system knows such a limit."""
    try:
        import resource

        with open("/proc/self/statm") as file:
            limit = int(file.read().split()[0]) * resource.getpagesize() + more
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except (ImportError, OSError, ValueError):
        return


if __name__ == "__main__":
    main()
