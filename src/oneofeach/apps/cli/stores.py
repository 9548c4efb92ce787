"""Which index a command uses: the user's own, one at a path, or none; and `oneofeach index` to look after it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from oneofeach.asking import Index
from oneofeach.errors import MissingExtra, Refused

IndexPath = Annotated[
    str | None,
    typer.Option("--index", metavar="FILE", help="Remember images here. [default: the user's cache folder]"),
]
NoIndex = Annotated[bool, typer.Option("--no-index", help="Remember nothing, and use nothing remembered.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

SHOWN = 20


@contextmanager
def opened(path: str | None, no_index: bool = False) -> Iterator[Index | None]:
    """The index to use. When the user's own cannot be had, the command goes on without one and says so."""
    if no_index:
        yield None
        return
    try:
        index = Index(path)
    except (Refused, MissingExtra, OSError) as error:
        if path is not None:
            raise
        print(f"Without an index: {error}", file=sys.stderr)
        yield None
        return
    with index:
        if index.rebuilt:
            print(index.rebuilt, file=sys.stderr)
        yield index


index = typer.Typer(help="Look after the index: what is remembered of images.", no_args_is_help=True)


@index.command()
def status(path: IndexPath = None, as_json: Json = False) -> None:
    """Show where the index is and what is in it."""
    with Index(path) as found:
        now = found.status()
    if as_json:
        _print_json({name: getattr(now, name) for name in now.__slots__})
        return
    print(f"{now.path}\n{now.bytes / 1e6:,.1f} MB")
    print(f"{now.images:,} images of {now.files:,} known files, {now.unreadable:,} unreadable, {now.pairs:,} pairs")
    print(f"{now.kept:,} images were kept by an applied run")


@index.command()
def verify(
    path: IndexPath = None,
    everything: Annotated[bool, typer.Option("--all", help="Every file, not a sample of 1,000.")] = False,
) -> None:
    """Check the file itself, and hash a sample of files again."""
    with Index(path) as opened_index:
        found = opened_index.verify(sample=None) if everything else opened_index.verify()
    for name, places in (("wrong", found.wrong), ("gone", found.missing), ("changed", found.changed)):
        for place in places[:SHOWN]:
            print(f"{name}  {place}")
    print(
        f"{found.checked:,} files checked: {len(found.wrong):,} wrong, {len(found.missing):,} gone, "
        f"{len(found.changed):,} changed since. Wrong ones were forgotten; the next scan reads them again."
    )
    raise typer.Exit(1 if found.wrong else 0)


@index.command()
def prune(path: IndexPath = None) -> None:
    """Forget files that are gone, and what only they needed. Decisions stay."""
    with Index(path) as found:
        gone = found.prune()
    print(f"{gone.files:,} files and {gone.images:,} images forgotten.")


def _print_json(content: dict[str, object]) -> None:
    print(json.dumps({"schema_version": 1, **content}, indent=2))
