"""`oneofeach export`: writes the unique set anew; the source is only read."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from oneofeach.apps.cli.blocks import Choice, Given, expanded
from oneofeach.apps.cli.cluster import Working
from oneofeach.apps.cli.listing import exit_code
from oneofeach.apps.cli.printing import put
from oneofeach.apps.cli.there import exported_there, has_choices
from oneofeach.flow import deduplicate
from oneofeach.stages.export import FORMATS, LINKS, checked_destination
from oneofeach.stages.export import export as exported
from oneofeach.stages.export.files import SHARD_SIZE
from oneofeach.wording import counted


@expanded
def export(
    choice: Choice,
    given: Given,
    destination: Annotated[str, typer.Argument(metavar="DEST", help="The new folder to write.", show_default=False)],
    format: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help=f"One of: {', '.join(FORMATS)}.")
    ] = "folder",
    link: Annotated[
        str, typer.Option(metavar="HOW", help=f"For folder and kohya, one of: {', '.join(LINKS)}.")
    ] = "copy",
    shard_size: Annotated[int, typer.Option(min=1, help="For webdataset: samples per tar.")] = SHARD_SIZE,
    *,
    working: Working,
) -> None:
    """Write the unique images, with all that travels with them, to a new folder."""
    source, asked = given.source(), choice.asked()
    if working.estimated(source, choice.threshold):
        return
    if working.engine == "ray" and ("://" in destination or not has_choices(working)):
        raise typer.Exit(exported_there(working, source, choice, destination, format, link, shard_size))
    checked_destination(destination, format, link, filter(os.path.isdir, given.names))
    with working.begun() as how:
        result = deduplicate(source, **asked, **how)
    target = exported(result, destination, format, link=link, shard_size=shard_size)
    counts = result.counts
    put(
        f"{counts['kept']:,} of {counted(counts['seen'], 'image')} written to {target}: {counts['removed']:,} removed, "
        f"{counts['skipped']:,} skipped (see {target / 'manifest.csv'}). The source was not changed."
    )
    raise typer.Exit(exit_code(result, check=False))
