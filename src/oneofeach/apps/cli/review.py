"""`oneofeach review`: a local page where a person decides what stays."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Annotated

import typer

from oneofeach.apps.cli.blocks import Given, Reading, expanded
from oneofeach.apps.cli.options import FilesFrom, Orientations, number, source_of
from oneofeach.apps.cli.progress import progress_bar
from oneofeach.apps.cli.stores import opened
from oneofeach.apps.review.saved import saved
from oneofeach.apps.review.serving import check_extra, serve
from oneofeach.flow import match, scan
from oneofeach.matching import FLOOR
from oneofeach.stages.preference import parse

Reviewable = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SOURCE|RESULT",
        help="Folders and datasets as for find; or a result saved as .json: its images, at its threshold.",
        show_default=False,
    ),
]


@expanded
def review(
    sources: Reviewable = None,
    files_from: FilesFrom = "",
    similarity_threshold: Annotated[
        str | None,
        typer.Option("--similarity-threshold", "-t", metavar="0..1", help="Where to begin; else where you stopped."),
    ] = None,
    keep: Annotated[str | None, typer.Option(metavar="RULES", help="Keep rules to begin with.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1. [default: a random one]")] = 0,
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = True,
    read_only: Annotated[bool, typer.Option("--read-only", help="Show only: no decision is stored.")] = False,
    store: Annotated[str | None, typer.Option(metavar="FILE", help="Where decisions are kept.")] = None,
    export_to: Annotated[
        str | None,
        typer.Option(metavar="DEST", help="Where the page exports to. [default: SOURCE-unique]", show_default=False),
    ] = None,
    orientations: Orientations = "upright",
    *,
    reading: Reading,
) -> None:
    """Open a page to compare the groups and decide; files change only when you apply."""
    check_extra()
    threshold = None if similarity_threshold is None else number(similarity_threshold)
    if keep is not None:
        parse(keep)
    given, against = Given(sources, files_from), []
    source, named = given.source(), given.names or [files_from]
    if len(given.names) == 1 and (result := saved(named[0])):
        source, named = source_of(result.sources), result.sources
        against, orientations = result.against, result.orientations
        threshold = result.similarity_threshold if threshold is None else threshold
        keep = result.keep if keep is None else keep
        reading = replace(reading, fingerprint=result.fingerprint)
    begin, places = FLOOR if threshold is None else min(FLOOR, threshold), [os.path.abspath(place) for place in named]
    with opened(reading.index, reading.no_index) as known:
        with progress_bar() as progress:
            catalog = scan(source, against=against or None, **reading.arguments(known, progress))
            pairs = match(
                catalog, begin, orientations=orientations, index=known, workers=reading.workers, progress=progress
            )
        serve(
            catalog,
            pairs,
            threshold=threshold,
            keep=keep,
            places=places,
            port=port,
            store=store,
            destination=export_to or f"{places[0]}-unique",
            index=known,
            read_only=read_only,
            open_browser=open_browser,
        )
