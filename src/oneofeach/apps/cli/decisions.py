"""`oneofeach keep`, `not-duplicates` and `decisions`: what a person decided, remembered by content."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from oneofeach.apps.cli.options import IndexPath
from oneofeach.apps.cli.printing import put, put_json
from oneofeach.apps.review import memory
from oneofeach.asking import Index
from oneofeach.errors import Refused, UnreadableImage
from oneofeach.flow import scan
from oneofeach.index.decisions import Named
from oneofeach.stages.acting.witness import content_of
from oneofeach.wording import counted

Images = Annotated[list[str], typer.Argument(metavar="IMAGE...", help="Image files.", show_default=False)]
Forget = Annotated[
    bool, typer.Option("--forget", help="Take back every decision about these images, those of the review page too.")
]
ReviewStore = Annotated[
    str | None, typer.Option("--store", metavar="FILE", help="Where the review page keeps decisions, for --forget.")
]

decisions = typer.Typer(help="Show, export and import what was decided by hand.", no_args_is_help=True)


def keep(images: Images, forget: Forget = False, store: ReviewStore = None, index: IndexPath = None) -> None:
    """Always keep these images, duplicates or not; remembered by content."""
    if forget:
        return _forget(images, store, index)
    named = _named(images)
    with Index(index) as known:
        known.decisions.keep(named)
    put(f"Always kept: {', '.join(images)}")
    return None


def not_duplicates(images: Images, forget: Forget = False, store: ReviewStore = None, index: IndexPath = None) -> None:
    """Remember by content that no two of these images are duplicates."""
    if forget:
        return _forget(images, store, index)
    if len(images) < 2:
        raise typer.BadParameter("Give two images or more.")
    named = _named(images)
    with Index(index) as known:
        known.decisions.set_apart(named)
    put(f"Not duplicates of each other: {', '.join(images)}")
    return None


@decisions.command("list")
def show(index: IndexPath = None) -> None:
    """List all decisions."""
    with Index(index) as store:
        record = store.decisions.exported()
    for image in record["always_kept"]:
        put(f"always kept     {image['name']}")
    for one, other in record["no_duplicates"]:
        put(f"not duplicates  {one['name']}  {other['name']}")
    put(f"{counted(len(record['always_kept']) + len(record['no_duplicates']), 'decision')}.")


@decisions.command("export")
def export_json(index: IndexPath = None) -> None:
    """Print all decisions as one JSON object."""
    with Index(index) as store:
        put_json(store.decisions.exported())


@decisions.command("import")
def import_json(
    file: Annotated[str, typer.Argument(metavar="FILE", help="What `export` printed, or - for stdin.")],
    index: IndexPath = None,
) -> None:
    """Add decisions from a JSON file."""
    text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    try:
        record = json.loads(text)
    except ValueError as error:
        raise Refused(f"{file} is not JSON: {error}\nWrite it with `oneofeach decisions export`.") from error
    with Index(index) as store:
        put(f"{counted(store.decisions.take_in(record), 'decision')} added.")


def _forget(images: list[str], store: str | None, index: str | None) -> None:
    """First on the page, which would tell the index again."""
    contents = [bytes.fromhex(content_of(path)) for path in images]
    on_page = memory.forget(contents, store)
    with Index(index) as known:
        put(f"{counted(known.decisions.forget(contents), 'decision')} forgotten.")
    if on_page:
        put(f"{counted(on_page, 'decision')} of the review page forgotten.")


def _named(images: list[str]) -> list[Named]:
    """The contents of image files. UnreadableImage when one is none: a decision about it would never be obeyed."""
    for path in filter(os.path.isdir, images):
        raise UnreadableImage(f"This is a folder: {path}\nNothing was decided. Give the images in it.")
    catalog = scan(images)
    for row, reason in sorted(catalog.errors.items()):
        raise UnreadableImage(f"Not an image: {images[row]} ({reason})\nNothing was decided. Leave it out.")
    return list(zip(map(bytes, catalog.facts["content"]), images, strict=True))
