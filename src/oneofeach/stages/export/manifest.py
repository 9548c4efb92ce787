"""`manifest.csv`: every image of the source, where it was written, or why it was not."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from oneofeach.tables import Outcome

MANIFEST = "manifest.csv"
COLUMNS = ("key", "status", "written", "keeper", "similarity", "reason", "evidence")


def line(*values: str) -> str:
    """One line, whatever the values hold."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


def kept(key: str, written: str) -> str:
    return line(key, "kept", written, "", "", "", "")


def removed(key: str, keeper: str, similarity: float, reason: str, evidence: str) -> str:
    return line(key, "removed", "", keeper, f"{similarity:.4f}", reason, evidence)


def skipped(key: str, error: str) -> str:
    return line(key, "skipped", "", "", "", error, "")


def lines_of(outcome: Outcome, written: dict[int, str]) -> Iterator[str]:
    """All lines. written: row → name in the export."""
    goes = {one.row: (group.key, one) for group in outcome.groups for one in group.duplicates}
    catalog = outcome.catalog
    yield line(*COLUMNS)
    for row, item in enumerate(catalog.items):
        if row in written:
            yield kept(item.key, written[row])
        elif row in goes:
            keeper, one = goes[row]
            yield removed(item.key, keeper, one.similarity, one.reason, one.evidence)
        elif not catalog.reference[row]:
            yield skipped(item.key, catalog.errors[row])
