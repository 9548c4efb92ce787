"""Found pairs and labeled pairs in; precision and recall per threshold, and a threshold to use, out."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from oneofeach.errors import OneOfEachError, SourceNotFound
from oneofeach.tables import Floats, Mask, Outcome, Rows

STEPS = np.round(np.arange(80, 101) / 100, 2)
WANTED = 0.99  # precision of the suggested threshold: a false pair costs an image
YES = frozenset({"1", "true", "yes", "duplicate", ""})
NO = frozenset({"0", "false", "no", "different"})

Labels = Mapping[tuple[str, str], bool]


@dataclass(frozen=True, slots=True)
class Score:
    """At one threshold: true and false pairs found, true pairs missed."""

    threshold: float
    found: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """1.0 when nothing was found."""
        return self.found / (self.found + self.wrong) if self.found + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """1.0 when there was nothing to find."""
        return self.found / (self.found + self.missed) if self.found + self.missed else 1.0


@dataclass(frozen=True, slots=True)
class Evaluation:
    """scores: one per threshold, ascending. suggested: the lowest threshold with a precision of 0.99 from there on,
    None when there is none. unknown: labeled keys that the source does not have."""

    scores: tuple[Score, ...]
    suggested: float | None
    unknown: tuple[str, ...]


def read_labels(path: str | os.PathLike[str]) -> dict[tuple[str, str], bool]:
    """(key, key) → duplicate or not, from a CSV of two keys and, if it has one, a third column "1" or "0".

    A first row whose third column is no label is a header. OneOfEachError for other text.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    except FileNotFoundError as error:
        raise SourceNotFound(os.fspath(path)) from error
    except (UnicodeDecodeError, csv.Error) as error:
        hint = "Write two keys per row, and 1 or 0, and save it as CSV in UTF-8."
        raise OneOfEachError(f"The labels are no text in UTF-8: {os.fspath(path)} ({error})\n{hint}") from error
    if rows and _is_header(rows[0]):
        rows = rows[1:]
    return {(row[0], row[1]): _label(row, number) for number, row in enumerate(rows, 1) if _has_two(row, number)}


def _is_header(row: Sequence[str]) -> bool:
    label = row[2].strip().lower() if len(row) > 2 else ""
    return label not in YES | NO or [cell.strip().lower() for cell in row[:2]] in (["a", "b"], ["key", "key"])


def _has_two(row: Sequence[str], number: int) -> bool:
    if len(row) < 2:
        raise OneOfEachError(f"Row {number} of the labels has one column\nWrite two keys per row, and 1 or 0.")
    return True


def _label(row: Sequence[str], number: int) -> bool:
    label = row[2].strip().lower() if len(row) > 2 else ""
    if label not in YES | NO:
        raise OneOfEachError(f"Row {number} of the labels says {label!r}\nWrite 1 for duplicates and 0 for others.")
    return label in YES


def evaluate(
    outcome: Outcome,
    labeled_pairs: Labels | Iterable[tuple[str, str]] | str | os.PathLike[str],
    thresholds: Sequence[float] | None = None,
) -> Evaluation:
    """Compare the pairs of an outcome with labeled ones.

    labeled_pairs: (key, key) → duplicate or not, a list of duplicates, or the path of a CSV (see `read_labels`).
    Without a single "not", the list is taken for complete: every other pair that is found is wrong.
    thresholds: by default 0.80 to 1.00, without those below the floor of the pairs.
    OneOfEachError when no pair is labeled, or none of them is in the source.
    """
    labels = _labels(labeled_pairs)
    if not labels:
        raise OneOfEachError("There is no labeled pair\nWrite two keys per row, and 1 or 0.")
    rows = {item.key: row for row, item in enumerate(outcome.catalog.items)}
    unknown = tuple(dict.fromkeys(key for pair in labels for key in pair if key not in rows))
    known = {pair: label for pair, label in labels.items() if pair[0] in rows and pair[1] in rows}
    if not known:
        raise OneOfEachError("No labeled pair is in the source\nWrite the keys as `oneofeach find --json` shows them.")
    a, b = (np.array([rows[pair[side]] for pair in known], np.int64) for side in (0, 1))
    truth = np.array(list(known.values()), bool)
    lost = sum(labels.values()) - int(truth.sum())
    similarity = _similarities(outcome, a, b)
    steps = [float(step) for step in (STEPS if thresholds is None else thresholds) if step >= outcome.pairs.floor]
    complete = bool(truth.all()) and all(labels.values())
    scores = tuple(_score(outcome, step, similarity, truth, lost, complete) for step in steps)
    return Evaluation(scores, _suggested(scores), unknown)


def _labels(given: Labels | Iterable[tuple[str, str]] | str | os.PathLike[str]) -> dict[tuple[str, str], bool]:
    if isinstance(given, (str, os.PathLike)):
        given = read_labels(given)
    pairs = given.items() if isinstance(given, Mapping) else ((pair, True) for pair in given)
    return {(min(pair), max(pair)): bool(label) for pair, label in pairs if pair[0] != pair[1]}


def _similarities(outcome: Outcome, a: Rows, b: Rows) -> Floats:
    """float64[k]: as found, 1.0 for identical images, 0.0 below the floor and for unreadable ones."""
    same, count = outcome.pairs.same, len(outcome.catalog)
    i, j = np.minimum(same[a], same[b]), np.maximum(same[a], same[b])
    stored = outcome.pairs.i * count + outcome.pairs.j  # sorted, as the pairs are
    at = np.minimum(np.searchsorted(stored, i * count + j), max(len(stored) - 1, 0))
    found = np.zeros(len(a))
    if len(stored):
        found = np.where(stored[at] == i * count + j, outcome.pairs.similarity[at], 0.0)
    found = np.where(i == j, 1.0, found)
    return np.asarray(np.where(outcome.catalog.readable[a] & outcome.catalog.readable[b], found, 0.0))


def _score(outcome: Outcome, step: float, similarity: Floats, truth: Mask, lost: int, complete: bool) -> Score:
    predicted = similarity >= step
    found = int((predicted & truth).sum())
    wrong = _count(outcome, step) - found if complete else int((predicted & ~truth).sum())
    return Score(step, found, wrong, int(truth.sum()) - found + lost)


def _count(outcome: Outcome, step: float) -> int:
    """All pairs of images at or above the threshold, identical ones among them."""
    sizes = np.bincount(outcome.pairs.same[outcome.catalog.readable], minlength=len(outcome.catalog))
    chosen = outcome.pairs.similarity >= step
    across = sizes[outcome.pairs.i[chosen]] * sizes[outcome.pairs.j[chosen]]
    return int(across.sum() + (sizes * (sizes - 1) // 2).sum())


def _suggested(scores: Sequence[Score]) -> float | None:
    suggested = None
    for score in reversed(scores):
        if score.precision < WANTED:
            break
        suggested = score.threshold
    return suggested
