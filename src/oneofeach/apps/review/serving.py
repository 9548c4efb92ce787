"""What both doors to the page do: check the extra, print the link, open the browser, serve."""

from __future__ import annotations

import os
import sys
import webbrowser
from contextlib import suppress
from typing import Any

from oneofeach.plugins import extra
from oneofeach.tables import Catalog, Pairs


def serve(catalog: Catalog, pairs: Pairs, *, open_browser: bool = True, **options: Any) -> None:
    """Serve until interrupted. options: as for opening.open_review. MissingExtra without the extra "review"."""
    check_extra()
    from oneofeach.apps.review.opening import open_review

    opened = open_review(catalog, pairs, say=say, **options)
    link, port = opened.link(), opened.port
    say(f"{len(catalog):,} images, {len(pairs):,} pairs. The review page:\n\n    {link}\n")
    say(f"From another machine: ssh -L {port}:127.0.0.1:{port} THIS_ONE, then open the link there.")
    say("End with Ctrl-C; what you decided is kept.")
    if open_browser and has_screen():
        webbrowser.open(link)
    with suppress(KeyboardInterrupt):  # the way to end it
        opened.run()


def check_extra() -> None:
    """MissingExtra with the exact command when the extra "review" is not installed."""
    for module in ("starlette", "jinja2", "uvicorn"):
        extra(module, "review")


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def has_screen() -> bool:
    """Whether a browser opened here would be seen by the person at the terminal."""
    if os.environ.get("SSH_CONNECTION"):
        return False
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
