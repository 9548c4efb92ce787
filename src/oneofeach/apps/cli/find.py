"""`oneofeach find`: finds duplicates and reports them; no file is changed."""

from __future__ import annotations

from typing import Annotated

import typer

from oneofeach.apps.cli.blocks import Choice, Given, expanded
from oneofeach.apps.cli.cluster import Working
from oneofeach.apps.cli.listing import between, exit_code, show
from oneofeach.apps.cli.options import Orientations
from oneofeach.apps.cli.printing import put, put_json, tell
from oneofeach.apps.cli.there import decided_there
from oneofeach.flow import deduplicate
from oneofeach.stages.report import checked_format, json_object


@expanded
def find(
    choice: Choice,
    given: Given,
    report: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="Write a report: .html, .json, .csv, .parquet. Can be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the table.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 when duplicates are found.")] = False,
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
    source = given.source()
    if working.estimated(source, choice.threshold):
        return
    if table:
        if report or as_json or orientations != "upright":
            hint = "leave out --report, --json and --orientations, or --table."
            raise typer.BadParameter(f"--table leaves the result on the cluster, upright images only: {hint}")
        raise typer.Exit(decided_there(working, source, choice, check))
    with working.begun() as how:
        result = deduplicate(source, orientations=orientations, **asked, **how)
        for path in report or ():
            result.save(path)
            tell(f"Report: {path}")
    if as_json:
        put_json(json_object(result))
    else:
        show(result)
        for line in between(result, given.names):
            put(line)
    raise typer.Exit(exit_code(result, check))
