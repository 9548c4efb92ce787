"""`oneofeach compare`: which images of A are in B (train/test leakage). Nothing of either is changed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
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
from oneofeach.apps.cli.find import printable
from oneofeach.apps.cli.options import (
    FINGERPRINT,
    THRESHOLD,
    FingerprintName,
    Isolated,
    Threshold,
    Workers,
    number,
)
from oneofeach.apps.cli.progress import progress_bar
from oneofeach.apps.cli.stores import IndexPath, NoIndex, opened
from oneofeach.comparison import Comparison, class_of, split_of
from oneofeach.comparison import compare as compared

SHOWN = 50


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="The images to look for.", show_default=False)],
    b: Annotated[str, typer.Argument(metavar="B", help="The images to look among.", show_default=False)],
    similarity_threshold: Threshold = THRESHOLD,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object with every match.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 when an image of A is in B.")] = False,
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
    """Show which images of A have a duplicate in B, by class and split."""
    chosen = chosen_engine(engine, address, work_folder, isolated)
    if estimate:
        print_estimate([a, b], number(similarity_threshold), fingerprint)
        return
    with opened(index, no_index) as store, progress_bar() as progress:
        result = compared(
            a,
            b,
            number(similarity_threshold),
            index=store,
            fingerprint=fingerprint,
            engine=chosen,
            workers=workers,
            progress=progress,
        )
    if as_json:
        print(json.dumps(_object(result), indent=2))
    else:
        _show(result)
    raise typer.Exit(1 if check and result.counts["found"] else 3 if result.skipped else 0)


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
        print(f"{printable(one.key)}  =  {printable(one.match)}  {one.similarity:.4f}  {one.evidence}")
    if len(found) > SHOWN:
        print(f"... and {len(found) - SHOWN:,} more: --json lists them all.")
    _table(result, "Class", class_of)
    _table(result, "Split", split_of)
    for key, reason in result.skipped[:SHOWN]:
        print(f"skip  {printable(key)}  {reason}", file=sys.stderr)
    print(
        f"{counts['found']:,} of {counts['seen']:,} images of A are among the {counts['compared']:,} of B; "
        f"{counts['skipped']:,} skipped. No file was changed."
    )


def _table(result: Comparison, title: str, part: Callable[[str], str]) -> None:
    rows = {name: numbers for name, numbers in result.by(part).items() if numbers[1]}
    if not rows or len(result.by(part)) < 2:
        return
    width = max(len(title), *(len(printable(name)) for name in rows))
    print(f"\n{title:<{width}}  {'Images':>8}  {'In B':>8}  {'Share':>6}")
    for name, (images, found) in sorted(rows.items(), key=lambda row: (-row[1][1] / row[1][0], row[0]))[:SHOWN]:
        print(f"{printable(name):<{width}}  {images:>8,}  {found:>8,}  {found / images:>6.1%}")
    print()
