"""The command line: one command is one library call and a print. stdout is data, stderr is progress and messages.

Exit codes: 0 done; 1 duplicates found, only with --check; 2 usage; 3 finished, some files unreadable;
4 refused for safety; 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from oneofeach import __version__
from oneofeach.errors import OneOfEachError, Refused

INTERRUPTED = 130


def main() -> None:
    """Run the command line and end the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    if sys.argv[1:] == ["--version"]:
        print(f"oneofeach {__version__}")
        return
    code = run(sys.argv[1:])
    if code == INTERRUPTED:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # a normal exit would wait for the images that threads are still decoding
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; every error becomes its message on stderr."""
    import typer

    from oneofeach.apps.cli.commands import app

    try:
        code = typer.main.get_command(app).main(arguments, prog_name="oneofeach", standalone_mode=False)
    except _usage_errors() as error:
        error.show()
        return int(error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    except OneOfEachError as error:
        print(error, file=sys.stderr)
        return 4 if isinstance(error, Refused) else 2
    except OSError as error:
        print(f"{error.strerror}: {error.filename}\nCheck the path and its permissions.", file=sys.stderr)
        return 2
    return code or 0


def _usage_errors() -> Any:
    """The class that every usage error of Typer derives from: Click's, or the one of the Click inside newer Typers."""
    import typer

    return next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
