"""`oneofeach compare`: which images of A are in B (train/test leakage). Nothing of either is changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from oneofeach.apps.cli.blocks import expanded
from oneofeach.apps.cli.cluster import Working
from oneofeach.apps.cli.options import THRESHOLD, Threshold, number, source_of
from oneofeach.apps.cli.printing import put, put_json, tell
from oneofeach.apps.cli.there import compared_there
from oneofeach.comparison import Comparison, class_of, split_of
from oneofeach.comparison import compare as compared
from oneofeach.stages.sources.file_list import FileList
from oneofeach.tables import Item
from oneofeach.wording import counted, printable

SHOWN = 50


@expanded
def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="The images to look for.", show_default=False)],
    b: Annotated[str, typer.Argument(metavar="B", help="The images to look among.", show_default=False)] = "",
    files_from: Annotated[
        str, typer.Option(metavar="FILE", help="Read paths of A from a file, or - for stdin.", show_default=False)
    ] = "",
    similarity_threshold: Threshold = THRESHOLD,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object with every match.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 when an image of A is in B.")] = False,
    table: Annotated[
        bool, typer.Option("--table", help="With ray: for any number of images, leave the matches there as Parquet.")
    ] = False,
    *,
    working: Working,
) -> None:
    """Show which images of A have a duplicate in B, by class and split."""
    threshold = number(similarity_threshold)
    one, other = _sides(a, b, files_from)
    if working.estimated([*_parts(one), *_parts(other)], threshold):
        return
    if table:
        if as_json:
            raise typer.BadParameter("--table leaves the matches on the cluster: leave out --json, or --table.")
        raise typer.Exit(compared_there(working, one, other, threshold, check))
    with working.begun() as how:
        result = compared(one, other, threshold, **how)
    if as_json:
        put_json(_object(result))
    else:
        _show(result)
    raise typer.Exit(1 if check and result.counts["found"] else 3 if result.skipped else 0)


def _sides(a: str, b: str, files_from: str) -> tuple[Any, Any]:
    """A and B as sources: with a list of the files of A, the only argument is B."""
    if bool(b) == bool(files_from):
        raise typer.BadParameter("Give A and B, or --files-from and B.")
    return (FileList(files_from), source_of([a])) if files_from else (source_of([a]), source_of([b]))


def _parts(side: Any) -> list[Any]:
    return side if isinstance(side, list) else [side]


def _object(result: Comparison) -> dict[str, object]:
    return {
        "schema_version": 1,
        "similarity_threshold": result.similarity_threshold,
        "counts": result.counts,
        "matches": [
            {"key": one.key, "match": one.match, "similarity": one.similarity, "evidence": one.evidence}
            for one in result.found
        ],
        **{
            f"by_{name}": {part: {"images": images, "found": found} for part, (images, found) in result.by(of).items()}
            for name, of in (("class", class_of), ("split", split_of))
        },
        "skipped": [{"key": key, "reason": reason} for key, reason in result.skipped],
    }


def _show(result: Comparison) -> None:
    found, counts = result.found, result.counts
    for one in found[:SHOWN]:
        put(f"{one.key}  =  {one.match}  {one.similarity:.4f}  {one.evidence}")
    if len(found) > SHOWN:
        put(f"... and {len(found) - SHOWN:,} more: --json lists them all.")
    _table(result, "Class", class_of)
    _table(result, "Split", split_of)
    for key, reason in result.skipped[:SHOWN]:
        tell(f"skip  {key}  {reason}")
    put(
        f"{counts['found']:,} of {counted(counts['seen'], 'image')} of A are among the {counts['compared']:,} of B; "
        f"{counts['skipped']:,} skipped. No file was changed."
    )


def _table(result: Comparison, title: str, part: Callable[[Item], str]) -> None:
    rows = {name: numbers for name, numbers in result.by(part).items() if numbers[1]}
    if not rows or len(result.by(part)) < 2:
        return
    width = max(len(title), *(len(printable(name)) for name in rows))
    put("")
    put(f"{title:<{width}}  {'Images':>8}  {'In B':>8}  {'Share':>6}")
    for name, (images, found) in sorted(rows.items(), key=lambda row: (-row[1][1] / row[1][0], row[0]))[:SHOWN]:
        put(f"{printable(name):<{width}}  {images:>8,}  {found:>8,}  {found / images:>6.1%}")
    put("")
