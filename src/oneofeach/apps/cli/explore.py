"""`oneofeach explore` and `evaluate`: choose a threshold by looking at pairs, or by labeled ones."""

from __future__ import annotations

from typing import Annotated

import typer

from oneofeach.apps.cli.blocks import Given, Reading, expanded
from oneofeach.apps.cli.options import KEEP, THRESHOLD, Json, Keep
from oneofeach.apps.cli.printing import put, put_json, tell
from oneofeach.evaluation import WANTED, Score
from oneofeach.evaluation import evaluate as evaluated
from oneofeach.exploring import save_page, thresholds
from oneofeach.flow import Result, group, match, scan


@expanded
def explore(
    given: Given,
    page: Annotated[
        str, typer.Option(metavar="FILE", help="Write the pairs at every border as an HTML page.", show_default=False)
    ] = "",
    as_json: Json = False,
    keep: Keep = KEEP,
    *,
    reading: Reading,
) -> None:
    """Show what each threshold would remove; nothing is changed."""
    result = _matched(given, keep, reading)
    rows = thresholds(result)
    if as_json:
        listed = [{name: getattr(row, name) for name in row.__slots__} for row in rows]
        put_json({"schema_version": 1, "counts": result.counts, "thresholds": listed})
    else:
        put(f"{'Threshold':>9}  {'Removed':>8}  {'Groups':>8}  {'Largest':>8}")
        for row in rows:
            put(f"{row.threshold:>9.2f}  {row.removed:>8,}  {row.groups:>8,}  {row.largest:>8,}")
    if page:
        save_page(result, page)
        tell(f"Page: {page}")
    raise typer.Exit(3 if result.skipped else 0)


@expanded
def evaluate(
    given: Given,
    truth: Annotated[
        str, typer.Argument(metavar="TRUTH", help="A CSV of two keys and 1 or 0 per row.", show_default=False)
    ],
    as_json: Json = False,
    *,
    reading: Reading,
) -> None:
    """Show precision and recall per threshold against labeled pairs, and the threshold to use."""
    result = _matched(given, KEEP, reading)
    evaluation = evaluated(result, truth)
    for key in evaluation.unknown:
        tell(f"Not in the source: {key}")
    if as_json:
        listed = [_object(score) for score in evaluation.scores]
        put_json({"schema_version": 1, "suggested": evaluation.suggested, "scores": listed})
    else:
        put(f"{'Threshold':>9}  {'Precision':>9}  {'Recall':>7}  {'Found':>8}  {'Wrong':>8}  {'Missed':>8}")
        for score in evaluation.scores:
            numbers = f"{score.found:>8,}  {score.wrong:>8,}  {score.missed:>8,}"
            put(f"{score.threshold:>9.2f}  {score.precision:>9.4f}  {score.recall:>7.4f}  {numbers}")
        put(
            f"No threshold has a precision of {WANTED} from there on: look at the wrong pairs, or label more."
            if evaluation.suggested is None
            else f"Suggested: --similarity-threshold {evaluation.suggested:.2f}"
        )
    raise typer.Exit(3 if result.skipped else 0)


def _object(score: Score) -> dict[str, float]:
    names = ("threshold", "precision", "recall", "found", "wrong", "missed")
    return {name: getattr(score, name) for name in names}


def _matched(given: Given, keep: str, reading: Reading) -> Result:
    """All pairs down to the floor, grouped at the default threshold."""
    source = given.source()
    with reading.begun() as how:
        catalog = scan(source, **how)
        pairs = match(catalog, index=how["index"], progress=how["progress"])
    return group(catalog, pairs, float(THRESHOLD), keep)
