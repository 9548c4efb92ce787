"""A verdict → the lines of the node's report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from oneofeach.apps.comfy.decide import LEVELS, Comparison, Verdict
from oneofeach.apps.comfy.panel import CARDS, GROUPS

SHOWN = 20  # images named in one line


def number(threshold: float) -> str:
    """A threshold with at least two decimals: 0.9 as 0.90, 0.985 as 0.985."""
    short = f"{threshold:.6g}"
    return short if len(short.partition(".")[2]) > 2 else f"{threshold:.2f}"


def two_decimals(similarity: float) -> str:
    """Cut, not rounded: what is shown as 1.00 is 1.0."""
    return f"{int(similarity * 100 + 1e-9) / 100:.2f}"


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def summary(kept: int, seen: int, removed: int, groups: int) -> str:
    if not removed and kept == seen:
        return f"Kept all {plural(seen, 'image')}: no duplicates."
    return f"Kept {kept:,} of {plural(seen, 'image')}: {plural(removed, 'duplicate')} in {plural(groups, 'group')}."


def thresholds(threshold: float, removed_at: Callable[[float], int]) -> str:
    """How many would go at other thresholds; nothing is compared again for that."""
    counts = [f"{level:.2f} -> {removed_at(level):,}" for level in LEVELS]
    return f"Threshold {number(threshold)}; others: {counts[0]} removed, {', '.join(counts[1:])}."


def hand(verdict: Verdict) -> Iterable[str]:
    choices = verdict.hand
    kept = sum(choices.rows.values())
    parts = [f"{count} {word}" for count, word in ((kept, "kept"), (len(choices.rows) - kept, "dropped")) if count]
    if choices.unmatched:
        plural_verb = "choice matches" if choices.unmatched == 1 else "choices match"
        parts.append(f"{choices.unmatched} {plural_verb} no image")
    if parts:
        yield f"By hand: {', '.join(parts)}."


def repeats(verdict: Verdict, kept: bool) -> Iterable[str]:
    if verdict.repeats and kept:
        yield f"{plural(verdict.repeats, 'image')} kept as training repeats."
    elif verdict.repeats:
        verb = "is an exact repeat" if verdict.repeats == 1 else "are exact repeats"
        yield (f"{plural(verdict.repeats, 'image')} {verb}; set repeats to keep if they are training repeats.")


def remarks(comparison: Comparison) -> Iterable[str]:
    """Images that could not be compared, and what was done to others to compare them."""
    for row, reason in sorted(comparison.catalog.errors.items()):
        yield f"Image {row + 1} could not be compared and passes through: {reason}."
    notes: dict[str, list[int]] = {}
    for row, note in sorted(comparison.catalog.notes.items()):
        notes.setdefault(note, []).append(row + 1)
    for note, rows in notes.items():
        more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
        yield f"{note}: image {', '.join(map(str, rows[:SHOWN]))}{more}."


def label(row: int, verdict: Verdict, names: Sequence[str] | None) -> str:
    """`3 scene1_a.png 768x512`: number from 1, name if there is one, size."""
    return " ".join(filter(None, (str(row + 1), names[row] if names else "", size(row, verdict))))


def size(row: int, verdict: Verdict) -> str:
    height, width = verdict.keys.images[row].shape[1:3]
    return f"{width}x{height}"


def group_lines(verdict: Verdict, names: Sequence[str] | None) -> Iterable[str]:
    for number_of, rows in enumerate(verdict.groups, start=1):
        kept = [label(row, verdict, names) for row in rows if verdict.kept[row]]
        removed = [
            f"{label(row, verdict, names)} ({two_decimals(verdict.similarity[row])})"
            for row in rows
            if not verdict.kept[row]
        ]
        parts = [f"kept {', '.join(kept)}" if kept else "kept none", f"removed {', '.join(removed)}" if removed else ""]
        yield f"Group {number_of}: {'; '.join(filter(None, parts))}"


def duplicates(verdict: Verdict) -> int:
    return int(np.count_nonzero(~verdict.automatic))


def whole(verdict: Verdict, extras: Mapping[str, Sequence[Any] | None], keep: str, kept_as: str, merged: int) -> str:
    """All lines for "Image Deduplication". extras: texts, masks, names; None where none come in. merged: captions."""
    seen, kept, groups = len(verdict.kept), int(verdict.kept.sum()), len(verdict.groups)
    real = sum(len(rows) > 1 for rows in verdict.groups)
    lines = [
        summary(kept, seen, duplicates(verdict), real),
        thresholds(verdict.threshold, verdict.comparison.removed_at),
        *hand(verdict),
        *repeats(verdict, kept_as == "keep"),
    ]
    if keep == "longest caption" and extras["texts"] is None:
        lines.append("No captions come in: keep fell back to highest resolution.")
    if merged:
        lines.append(f"Captions: {merged} merged.")
    nouns = {"texts": "captions", "masks": "masks", "names": "names"}
    lines += [f"{name} output not used: no {nouns[name]} come in." for name in nouns if extras[name] is None]
    lines += [*remarks(verdict.comparison), *group_lines(verdict, extras["names"])]
    if groups > GROUPS:
        lines.append(f"Panel shows {GROUPS} of {groups:,} groups.")
    for number, rows in enumerate(verdict.groups[:GROUPS], start=1):
        if len(rows) > CARDS:
            lines.append(f"Panel shows {CARDS} of {len(rows):,} images of group {number}.")
    return "\n".join(lines)
