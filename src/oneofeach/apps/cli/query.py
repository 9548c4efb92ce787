"""`oneofeach query` and `watch`: is this image already in the index? Nothing is changed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from oneofeach.apps.cli.blocks import Given, expanded
from oneofeach.apps.cli.options import THRESHOLD, IndexPath, Threshold, Workers, number
from oneofeach.apps.cli.printing import put, put_json, tell
from oneofeach.apps.cli.progress import progress_bar
from oneofeach.apps.cli.stores import existing
from oneofeach.asking import FILL, Index
from oneofeach.errors import EmptyImageList, IndexDamaged, UnreadableImage
from oneofeach.flow import scan
from oneofeach.index.files import place_of
from oneofeach.index.query import Match
from oneofeach.plugins import extra
from oneofeach.stages.similarity import words
from oneofeach.stages.sources import items_of
from oneofeach.stages.sources.folder import SUFFIXES
from oneofeach.tables import IDENTICAL_FILES, Item

Limit = Annotated[int, typer.Option("--limit", min=1, help="Matches per image.")]
Lines = Annotated[bool, typer.Option("--json", help="Print one JSON object per image and line.")]


@expanded
def query(
    given: Given,
    index: IndexPath = None,
    similarity_threshold: Threshold = THRESHOLD,
    limit: Limit = 10,
    as_json: Lines = False,
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 when a match is found.")] = False,
) -> None:
    """Show which images of the index each of these images is a duplicate of."""
    threshold = number(similarity_threshold)
    found = unread = 0
    items = items_of(given.source())
    if not items:
        raise EmptyImageList("Give images, or a folder or dataset that has some.")
    with existing(index) as opened:
        for item in items:
            matches = _asked(opened, item, threshold, limit, as_json)
            found += bool(matches)
            unread += matches is None
    raise typer.Exit(1 if check and found else 3 if unread else 0)


def watch(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="The folder to watch.", show_default=False)],
    index: IndexPath = None,
    similarity_threshold: Threshold = THRESHOLD,
    limit: Limit = 3,
    as_json: Lines = False,
    workers: Workers = None,
) -> None:
    """Report images as they arrive in a folder, and what they are duplicates of. Nothing is moved or removed."""
    threshold = number(similarity_threshold)
    watchfiles = extra("watchfiles", "watch")
    with Index(index) as opened:
        if any(os.scandir(folder)):
            with progress_bar() as progress:
                scan(folder, index=opened, workers=workers, progress=progress)
        _check(opened)
        tell(f"Watching {folder}. Ctrl-C ends.")
        for changes in watchfiles.watch(folder):
            for path in arrived(changes):
                _check(opened)
                if _asked(opened, Item(path, path), threshold, limit, as_json) is not None:
                    scan(path, index=opened, workers=1)


def _check(index: Index) -> None:
    """IndexDamaged when it had to be begun anew: what it has forgotten must not be called new."""
    if index.rebuilt:
        raise IndexDamaged(f"{index.rebuilt}\n{FILL}")


def arrived(changes: Iterable[tuple[Any, str]]) -> list[str]:
    """The images among the files that were added or changed, sorted; hidden ones are left alone."""
    return sorted(
        path
        for change, path in changes
        if change.name != "deleted"
        and os.path.splitext(path)[1].lower() in SUFFIXES
        and not os.path.basename(path).startswith(".")
        and os.path.isfile(path)
    )


def _asked(index: Index, item: Item, threshold: float, limit: int, as_json: bool) -> list[Match] | None:
    """Ask, print, and return the matches other than the image itself; None when it cannot be read."""
    image = item.input if isinstance(item.input, str) else item.key
    try:
        found = index.query([item], threshold, limit + 1)
    except UnreadableImage as error:
        tell(f"skip  {image}  {str(error).splitlines()[0]}")
        return None
    own = place_of(item.source)
    matches = [match for match in found if match.places != (own,)][:limit]
    if as_json:
        listed = [
            {"places": match.places, "similarity": match.similarity, "evidence": _evidence(match)} for match in matches
        ]
        put_json({"schema_version": 1, "image": image, "matches": listed}, indent=None)
        return matches
    put(f"{'found' if matches else 'new  '}  {image}")
    for match in matches:
        places = ", ".join(place for place in match.places if place != own) or f"sha256:{match.content}"
        put(f"       {match.similarity:.4f}  {places}  {_evidence(match)}")
    return matches


def _evidence(match: Match) -> str:
    return IDENTICAL_FILES if match.same_bytes else words(match.evidence)
