"""What commands say: data on stdout, messages on stderr. Nothing else in the command line prints.

A line is one line, whatever the names of files in it hold.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from oneofeach.wording import printable


def put(line: str) -> None:
    """A line of data."""
    print(printable(line), flush=True)


def put_colored(*parts: tuple[str, str]) -> None:
    """A line of data from texts and their styles, in colors where there is a terminal for them."""
    if not (sys.stdout.isatty() or os.environ.get("FORCE_COLOR")):
        put("".join(text for text, _ in parts))
        return
    from rich.console import Console
    from rich.text import Text

    colored = Text.assemble(*((printable(text), style) for text, style in parts))
    Console(highlight=False, soft_wrap=True).print(colored)


def put_json(content: Any, indent: int | None = 2) -> None:
    print(json.dumps(content, indent=indent), flush=True)


def tell(message: object) -> None:
    """A message, of one line or more."""
    for line in str(message).split("\n"):
        print(printable(line), file=sys.stderr, flush=True)
