"""The command line: one command is one library call and a print. stdout is data, stderr is progress and messages.

Exit codes: 0 done; 1 duplicates found, only with --check; 2 usage; 3 finished, some files unreadable;
4 refused for safety; 130 interrupted; 141 nobody reads the output any more.
"""

from __future__ import annotations

import errno
import os
import sys

from oneofeach import __version__
from oneofeach.apps.cli.interruption import INTERRUPTED, interruption

TYPE_CHECKING = False  # not from typing: until `take_over`, Ctrl-C would show a traceback
if TYPE_CHECKING:
    from typing import Any

BROKEN_PIPE = 141


def main() -> None:
    """Run the command line and end the process with its exit code."""
    interruption.take_over()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"oneofeach {__version__}\n")
        return
    try:
        code = run(sys.argv[1:])
    except BaseException:
        if interruption.came:  # what an interrupted import or decoder made of it
            interruption.end()
        raise
    if code == INTERRUPTED:
        interruption.end()  # a normal exit would wait for the images that threads are still decoding
    interruption.command_ended()
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; every error but an interruption becomes its message on stderr."""
    import typer

    from oneofeach.apps.cli.printing import tell
    from oneofeach.errors import OneOfEachError, Refused

    interruption.command_begins()
    try:
        code = _found(arguments) if arguments[:1] == ["find"] else _called(arguments)
    except _usage_errors() as error:
        error.show()
        return int(error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except OneOfEachError as error:
        tell(error)
        return 4 if isinstance(error, Refused) else 2
    except SystemExit:  # what Typer makes of a reader that is gone, as `head` soon is
        return BROKEN_PIPE
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        hint = "Make room there, then run it again." if full else "Check the path and its permissions."
        tell(f"{error.strerror}: {error.filename2 or error.filename or 'the output'}\n{hint}")
        return 2
    return code


def _found(arguments: list[str]) -> int:
    """`oneofeach find`, the command that most begin with: where its arguments are plain, only it is loaded."""
    import typer

    from oneofeach.apps.cli.find import find
    from oneofeach.apps.cli.plain import arguments_of

    given = arguments_of(find, arguments[1:])
    if given is None:
        return _called(arguments)
    try:
        find(**given)
    except typer.Exit as ended:
        return int(ended.exit_code)
    except _usage_errors():  # told before anything is done; Typer adds how the command is used
        return _called(arguments)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nor would Python find a reader as it ends
        return BROKEN_PIPE
    return 0


def _called(arguments: list[str]) -> int:
    import typer

    from oneofeach.apps.cli.commands import app

    return typer.main.get_command(app).main(arguments, prog_name="oneofeach", standalone_mode=False) or 0


def _usage_errors() -> Any:
    """The class that every usage error of Typer derives from: Click's, or the one of the Click inside newer Typers."""
    import typer

    return next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
