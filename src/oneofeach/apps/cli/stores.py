"""Which index a command uses: the user's own, one at a path, or none; and `oneofeach index` to look after it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from oneofeach.apps.cli.options import IndexPath, Json
from oneofeach.apps.cli.printing import put, put_json, tell
from oneofeach.asking import Index
from oneofeach.errors import MissingExtra, OneOfEachError, Refused, named
from oneofeach.wording import counted, size

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
        tell(f"Without an index: {error}")
        yield None
        return
    with index:
        yield index


def existing(path: str | None) -> Index:
    """The index at a path, for a command that only asks: none is made there. OneOfEachError when there is none."""
    if path is not None and not os.path.lexists(path):
        hint = f"Check the spelling, or fill one first: oneofeach find FOLDER --index {path}"
        raise OneOfEachError(f"No such index: {named(path)}\n{hint}")
    return Index(path)


index = typer.Typer(help="Look after the index: what is remembered of images.", no_args_is_help=True)


@index.command()
def status(path: IndexPath = None, as_json: Json = False) -> None:
    """Show where the index is and what is in it."""
    with existing(path) as found:
        now = found.status()
    if as_json:
        put_json({"schema_version": 1, **{name: getattr(now, name) for name in now.__slots__}})
        return
    put(now.path)
    put(size(now.bytes))
    images, files, pairs = counted(now.images, "image"), counted(now.files, "known file"), counted(now.pairs, "pair")
    put(f"{images} of {files}, {now.unreadable:,} unreadable, {pairs}")
    put(f"{counted(now.kept, 'image')} kept by an applied run")


@index.command()
def verify(
    path: IndexPath = None,
    everything: Annotated[bool, typer.Option("--all", help="Every file, not a sample of 1,000.")] = False,
) -> None:
    """Check the file itself, and hash a sample of files again."""
    with existing(path) as opened_index:
        found = opened_index.verify(sample=None) if everything else opened_index.verify()
    for name, places in (("wrong", found.wrong), ("gone", found.missing), ("changed", found.changed)):
        for place in places[:SHOWN]:
            put(f"{name}  {place}")
    put(
        f"{counted(found.checked, 'file')} checked: {len(found.wrong):,} wrong, {len(found.missing):,} gone, "
        f"{len(found.changed):,} changed since. Wrong ones were forgotten; the next scan reads them again."
    )
    raise typer.Exit(1 if found.wrong else 0)


@index.command()
def prune(path: IndexPath = None) -> None:
    """Forget files that are gone, and what only they needed. Decisions stay."""
    with existing(path) as found:
        gone = found.prune()
    put(f"{counted(gone.files, 'file')} and {counted(gone.images, 'image')} forgotten.")
