"""`oneofeach find`: finds duplicates and reports them; no file is changed."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from oneofeach.apps.cli.cluster import (
    Address,
    EngineName,
    Estimated,
    WorkFolder,
    chosen_engine,
    decided_there,
    print_estimate,
)
from oneofeach.apps.cli.options import (
    FINGERPRINT,
    KEEP,
    THRESHOLD,
    Against,
    FingerprintName,
    Isolated,
    Keep,
    OptionalSources,
    Reconsider,
    Threshold,
    Workers,
    number,
)
from oneofeach.apps.cli.progress import progress_bar
from oneofeach.apps.cli.stores import IndexPath, NoIndex, opened
from oneofeach.flow import Result, deduplicate
from oneofeach.stages.report import checked_format, json_object
from oneofeach.stages.sources.file_list import FileList
from oneofeach.tables import Group

if TYPE_CHECKING:
    from rich.console import Console

SHOWN = 20  # groups on the screen


def find(
    sources: OptionalSources = None,
    similarity_threshold: Threshold = THRESHOLD,
    keep: Keep = KEEP,
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
    against: Against = None,
    reconsider: Reconsider = False,
    index: IndexPath = None,
    no_index: NoIndex = False,
    fingerprint: FingerprintName = FINGERPRINT,
    orientations: Annotated[
        str, typer.Option(metavar="upright|all", help="With all, mirrored and turned copies are duplicates too.")
    ] = "upright",
    engine: EngineName = "threads",
    address: Address = "",
    work_folder: WorkFolder = "",
    estimate: Estimated = False,
    table: Annotated[
        bool, typer.Option("--table", help="With ray: decide on the cluster too, and leave a Parquet table there.")
    ] = False,
    isolated: Isolated = False,
    workers: Workers = None,
) -> None:
    """Find duplicate and very similar images; nothing is changed."""
    threshold = number(similarity_threshold)
    for path in report or ():
        checked_format(path)
    given = sources or []
    if bool(given) == bool(files_from):
        raise typer.BadParameter("Give either a SOURCE or --files-from.")
    source = FileList(files_from) if files_from else given[0] if len(given) == 1 else given
    chosen = chosen_engine(engine, address, work_folder, isolated)
    if estimate:
        print_estimate(source, threshold, fingerprint)
        return
    if table:
        raise typer.Exit(decided_there(chosen, source, threshold, keep, against, fingerprint, workers))
    with opened(index, no_index) as store, progress_bar() as progress:
        result = deduplicate(
            source,
            threshold,
            keep,
            against=against,
            index=store,
            orientations=orientations,
            reconsider=reconsider,
            fingerprint=fingerprint,
            engine=chosen,
            workers=workers,
            progress=progress,
        )
        for path in report or ():
            result.save(path)
            print(f"Report: {path}", file=sys.stderr)
    if as_json:
        print(json.dumps(json_object(result), indent=2))
    else:
        show(result)
        for line in between(result, given):
            print(line)
    raise typer.Exit(exit_code(result, check))


def exit_code(result: Result, check: bool) -> int:
    """1 when duplicates were asked to fail the run, else 3 when images were skipped, else 0."""
    counts = result.counts
    if check and counts["removed"]:
        return 1
    return 3 if counts["skipped"] else 0


def show(result: Result) -> None:
    """Print the groups, what was skipped, and the sum; one unbroken line per image, so that paths can be copied."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    groups, skipped = result.groups, result.skipped
    for position, group in enumerate(groups[:SHOWN], 1):
        print_group(console, position, group)
    if len(groups) > SHOWN:
        console.print(f"... and {len(groups) - SHOWN:,} more groups: --report FILE.html shows them.")
    for key, reason in skipped[:SHOWN]:
        console.print(f"skip  {printable(key)}  {reason}", markup=False, style="yellow")
    if len(skipped) > SHOWN:
        console.print(f"... and {len(skipped) - SHOWN:,} more skipped: --report FILE.csv lists them.")
    console.print(summary(result))


def print_group(console: Console, position: int, group: Group) -> None:
    from rich.text import Text

    console.print(Text.assemble((f"group {position}\n", "dim"), ("keep  ", "green"), printable(group.key)))
    for one in group.duplicates:
        why = f"  {one.evidence}; {one.reason}"
        console.print(Text.assemble(("drop  ", "red"), f"{printable(one.key)}  {one.similarity:.4f}", (why, "dim")))


def printable(key: str) -> str:
    """A key on one line: file names may hold line breaks and control characters."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in key)


def between(result: Result, sources: Sequence[str]) -> Iterator[str]:
    """For several sources: how many duplicates lie within each, and how many across two of them."""
    if len(sources) < 2:
        return
    counted: Counter[tuple[str, str]] = Counter()
    for group in result.groups:
        for one in group.duplicates:
            counted[_source_of(one.key, sources), _source_of(group.key, sources)] += 1
    for (goes, stays), count in sorted(counted.items()):
        where = f"within {goes}" if goes == stays else f"of {goes} are in {stays}"
        yield f"{count:,} {printable(where)}"


def _source_of(key: str, sources: Sequence[str]) -> str:
    """The source that a key begins with; the longest of several."""
    found = [source for source in sources if key == source or key.startswith((os.path.join(source, ""), f"{source}#"))]
    return max(found, key=len, default="other sources")


def summary(result: Result) -> str:
    """One sentence that adds up: seen = kept + removed + skipped."""
    counts, groups = result.counts, len(result.groups)
    return (
        f"{counts['seen']:,} images: {counts['kept']:,} kept, {counts['removed']:,} removed "
        f"in {groups:,} {'group' if groups == 1 else 'groups'}, {counts['skipped']:,} skipped. No file was changed."
    )
