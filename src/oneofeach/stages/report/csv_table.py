"""An outcome → one CSV row per image, in input order, so that a spreadsheet can sort and filter it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import IO, Any

import numpy as np

from oneofeach.tables import Duplicate, Group, Outcome

COLUMNS = (
    "key",
    "status",  # kept, removed or skipped
    "keeper",  # the key of the image kept in its place
    "similarity",
    "reason",  # why the keeper stays, or why the image was skipped
    "evidence",
    "width",
    "height",
    "bytes",
    "format",
    "note",
)


def write_csv(outcome: Outcome, file: IO[str], _: object) -> None:
    writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows_of(outcome))


def rows_of(outcome: Outcome) -> Iterator[dict[str, Any]]:
    """One row per image, in input order, without those that were only compared with; empty columns are left out."""
    removed = {one.row: (group, one) for group in outcome.groups for one in group.duplicates}
    for row in np.flatnonzero(~outcome.catalog.reference).tolist():
        yield _row(outcome, row, removed.get(row))


def _row(outcome: Outcome, row: int, removed: tuple[Group, Duplicate] | None) -> dict[str, Any]:
    catalog = outcome.catalog
    columns: dict[str, Any] = {"key": catalog.items[row].key, "note": catalog.notes.get(row, "")}
    if row in catalog.errors:
        return {**columns, "status": "skipped", "reason": catalog.errors[row]}
    facts = catalog.facts[row]
    columns |= {name: int(facts[name]) for name in ("width", "height", "bytes")}
    columns["format"] = facts["format"].decode()
    if removed is None:
        return {**columns, "status": "kept"}
    group, one = removed
    because = {"similarity": f"{one.similarity:.4f}", "reason": one.reason, "evidence": one.evidence}
    return {**columns, "status": "removed", "keeper": group.key, **because}
