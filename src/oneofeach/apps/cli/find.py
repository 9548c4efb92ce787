"""`oneofeach find`: finds duplicates and reports them; no file is changed."""

from __future__ import annotations

from typing import Annotated

import typer

from oneofeach.apps.cli.blocks import Choice, expanded
from oneofeach.apps.cli.cluster import Working
from oneofeach.apps.cli.listing import between, exit_code, show
from oneofeach.apps.cli.options import OptionalSources, Orientations, source_of
from oneofeach.apps.cli.printing import put, put_json, tell
from oneofeach.apps.cli.there import decided_there
from oneofeach.flow import deduplicate
from oneofeach.stages.report import checked_format, json_object
from oneofeach.stages.sources.file_list import FileList


@expanded
def find(
    choice: Choice,
    sources: OptionalSources = None,
    report: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="Write a report: .html, .json, .csv, .parquet. Can be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the table.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 when duplicates are found.")] = False,
    files_from: Annotated[
        str,
        typer.Option(metavar="FILE", help="Read paths from a file, or - for stdin.", show_default=False),
    ] = "",
    orientations: Orientations = "upright",
    table: Annotated[
        bool, typer.Option("--table", help="With ray: decide on the cluster too, and leave a Parquet table there.")
    ] = False,
    *,
    working: Working,
) -> None:
    """Find duplicate and very similar images; nothing is changed."""
    asked = choice.asked()
    for path in report or ():
        checked_format(path)
    given = sources or []
    if bool(given) == bool(files_from):
        raise typer.BadParameter("Give either a SOURCE or --files-from.")
    source = FileList(files_from) if files_from else source_of(given)
    if working.estimated(source, choice.threshold):
        return
    if table:
        raise typer.Exit(decided_there(working, source, choice))
    with working.begun() as how:
        result = deduplicate(source, orientations=orientations, **asked, **how)
        for path in report or ():
            result.save(path)
            tell(f"Report: {path}")
    if as_json:
        put_json(json_object(result))
    else:
        show(result)
        for line in between(result, given):
            put(line)
    raise typer.Exit(exit_code(result, check))
