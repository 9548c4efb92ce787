"""Writes docs/cli.md from the help texts of all commands: `python docs/make_cli_reference.py`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PAGE = Path(__file__).with_name("cli.md")
HEAD = """# Command line

Made from the help texts by `python docs/make_cli_reference.py`. stdout is data, stderr is progress and messages.
Exit codes: 0 done; 1 duplicates or leaks found, only with `--check`; 2 usage; 3 finished, some files unreadable;
4 refused for safety; 130 interrupted; 141 nobody reads the output any more.
"""


def reference() -> str:
    return HEAD + "".join(sections(()))


def sections(command: tuple[str, ...]) -> Iterator[str]:
    """The section of one command, then those of the commands below it."""
    text = help_of(command)
    yield f"\n## oneofeach {' '.join(command)}".rstrip() + f"\n\n```text\n{text}```\n"
    _, _, below = text.partition("\nCommands:\n")
    for name in re.findall(r"^  ([a-z][a-z-]*)", below, re.MULTILINE):
        yield from sections((*command, name))


def help_of(command: tuple[str, ...]) -> str:
    environment = {**os.environ, "COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1"}
    line = [sys.executable, "-m", "oneofeach", *command, "--help"]
    return subprocess.run(line, capture_output=True, text=True, check=True, env=environment).stdout


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
