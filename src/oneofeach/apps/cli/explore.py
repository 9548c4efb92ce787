"""`oneofeach explore` and `evaluate`: choose a threshold by looking at pairs, or by labeled ones."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from oneofeach.apps.cli.find import printable
from oneofeach.apps.cli.options import (
    FINGERPRINT,
    KEEP,
    THRESHOLD,
    FingerprintName,
    Isolated,
    Keep,
    Sources,
    Workers,
    engine_of,
)
from oneofeach.apps.cli.progress import progress_bar
from oneofeach.apps.cli.stores import IndexPath, NoIndex, opened
from oneofeach.evaluation import Score
from oneofeach.evaluation import evaluate as evaluated
from oneofeach.exploring import save_page, thresholds
from oneofeach.flow import Result, group, match, scan

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the table.")]


def explore(
    sources: Sources,
    page: Annotated[
        str, typer.Option(metavar="FILE", help="Write the pairs at every border as an HTML page.", show_default=False)
    ] = "",
    as_json: Json = False,
    keep: Keep = KEEP,
    index: IndexPath = None,
    no_index: NoIndex = False,
    fingerprint: FingerprintName = FINGERPRINT,
    isolated: Isolated = False,
    workers: Workers = None,
) -> None:
    """Show what each threshold would remove; nothing is changed."""
    result = _matched(sources, keep, index, no_index, fingerprint, engine_of(isolated), workers)
    rows = thresholds(result)
    if as_json:
        listed = [{name: getattr(row, name) for name in row.__slots__} for row in rows]
        print(json.dumps({"schema_version": 1, "counts": result.counts, "thresholds": listed}, indent=2))
    else:
        print(f"{'Threshold':>9}  {'Removed':>8}  {'Groups':>8}  {'Largest':>8}")
        for row in rows:
            print(f"{row.threshold:>9.2f}  {row.removed:>8,}  {row.groups:>8,}  {row.largest:>8,}")
    if page:
        save_page(result, page)
        print(f"Page: {page}", file=sys.stderr)
    raise typer.Exit(3 if result.skipped else 0)


def evaluate(
    sources: Sources,
    truth: Annotated[
        str, typer.Argument(metavar="TRUTH", help="A CSV of two keys and 1 or 0 per row.", show_default=False)
    ],
    as_json: Json = False,
    index: IndexPath = None,
    no_index: NoIndex = False,
    fingerprint: FingerprintName = FINGERPRINT,
    isolated: Isolated = False,
    workers: Workers = None,
) -> None:
    """Show precision and recall per threshold against labeled pairs, and the threshold to use."""
    result = _matched(sources, KEEP, index, no_index, fingerprint, engine_of(isolated), workers)
    evaluation = evaluated(result, truth)
    for key in evaluation.unknown:
        print(f"Not in the source: {printable(key)}", file=sys.stderr)
    if as_json:
        listed = [_object(score) for score in evaluation.scores]
        print(json.dumps({"schema_version": 1, "suggested": evaluation.suggested, "scores": listed}, indent=2))
    else:
        print(f"{'Threshold':>9}  {'Precision':>9}  {'Recall':>7}  {'Found':>8}  {'Wrong':>8}  {'Missed':>8}")
        for score in evaluation.scores:
            numbers = f"{score.found:>8,}  {score.wrong:>8,}  {score.missed:>8,}"
            print(f"{score.threshold:>9.2f}  {score.precision:>9.4f}  {score.recall:>7.4f}  {numbers}")
        print(f"Suggested: --similarity-threshold {evaluation.suggested:.2f}")
    raise typer.Exit(3 if result.skipped else 0)


def _object(score: Score) -> dict[str, float]:
    names = ("threshold", "precision", "recall", "found", "wrong", "missed")
    return {name: getattr(score, name) for name in names}


def _matched(
    sources: list[str], keep: str, path: str | None, no_index: bool, fingerprint: str, engine: str, workers: int | None
) -> Result:
    """All pairs down to the floor, grouped at the default threshold."""
    with opened(path, no_index) as store, progress_bar() as progress:
        source = sources[0] if len(sources) == 1 else sources
        catalog = scan(source, index=store, fingerprint=fingerprint, engine=engine, workers=workers, progress=progress)
        pairs = match(catalog, index=store, progress=progress)
    return group(catalog, pairs, float(THRESHOLD), keep)
