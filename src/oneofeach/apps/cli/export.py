"""`oneofeach export`: writes the unique set anew; the source is only read."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from oneofeach.apps.cli.cluster import (
    Address,
    EngineName,
    Estimated,
    WorkFolder,
    chosen_engine,
    print_estimate,
)
from oneofeach.apps.cli.find import exit_code
from oneofeach.apps.cli.options import (
    FINGERPRINT,
    KEEP,
    THRESHOLD,
    FingerprintName,
    Isolated,
    Keep,
    Sources,
    Threshold,
    Workers,
    number,
)
from oneofeach.apps.cli.progress import progress_bar
from oneofeach.apps.cli.stores import IndexPath, NoIndex, opened
from oneofeach.flow import deduplicate
from oneofeach.stages.export import FORMATS, LINKS, checked_destination
from oneofeach.stages.export import export as exported
from oneofeach.stages.export.webdataset import SHARD_SIZE


def export(
    sources: Sources,
    destination: Annotated[str, typer.Argument(metavar="DEST", help="The new folder to write.", show_default=False)],
    format: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help=f"One of: {', '.join(FORMATS)}.")
    ] = "folder",
    link: Annotated[
        str, typer.Option(metavar="HOW", help=f"For folder and kohya, one of: {', '.join(LINKS)}.")
    ] = "copy",
    shard_size: Annotated[int, typer.Option(min=1, help="For webdataset: samples per tar.")] = SHARD_SIZE,
    similarity_threshold: Threshold = THRESHOLD,
    keep: Keep = KEEP,
    against: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="Leave out what is among these images.", show_default=False)
    ] = None,
    index: IndexPath = None,
    no_index: NoIndex = False,
    fingerprint: FingerprintName = FINGERPRINT,
    engine: EngineName = "threads",
    address: Address = "",
    work_folder: WorkFolder = "",
    estimate: Estimated = False,
    isolated: Isolated = False,
    workers: Workers = None,
) -> None:
    """Write the unique images, with all that travels with them, to a new folder."""
    source = sources[0] if len(sources) == 1 else sources
    chosen = chosen_engine(engine, address, work_folder, isolated)
    if estimate:
        print_estimate(source, number(similarity_threshold), fingerprint)
        return
    checked_destination(destination, format, link, filter(os.path.isdir, sources))
    with opened(index, no_index) as store, progress_bar() as progress:
        result = deduplicate(
            source,
            number(similarity_threshold),
            keep,
            against=against,
            index=store,
            fingerprint=fingerprint,
            engine=chosen,
            workers=workers,
            progress=progress,
        )
    target = exported(result, destination, format, link=link, shard_size=shard_size)
    counts = result.counts
    print(
        f"{counts['kept']:,} of {counts['seen']:,} images written to {target}: {counts['removed']:,} removed, "
        f"{counts['skipped']:,} skipped (see {target / 'manifest.csv'}). The source was not changed."
    )
    raise typer.Exit(exit_code(result, check=False))
