"""What each threshold would remove, and the pairs at its border, so that a person can choose one by looking.

Pairs are found once; nothing is decoded again but the pictures that are shown.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from oneofeach.flow import Result
from oneofeach.stages.decode import open_image
from oneofeach.stages.report.html_page import escaped, thumbnail
from oneofeach.writing import whole_file

STEPS = tuple(float(step) for step in np.round(np.arange(80, 101) / 100, 2))
BORDER = 6  # pairs shown per step
SIDE = 200  # of a thumbnail, in pixels
STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; } td, th { padding: .2rem .9rem; text-align: right; }
tr:nth-child(even) { background: #8881; } .now { font-weight: bold; }
.pairs { display: grid; grid-template-columns: repeat(auto-fill, minmax(27rem, 1fr)); gap: 1rem; }
figure { margin: 0; padding: .6rem; border: 1px solid #8884; border-radius: .5rem; overflow-wrap: anywhere; }
figure div { display: flex; gap: .5rem; align-items: start; } figure img { max-width: 50%; }
figcaption { font-size: .85rem; } h2 { margin: 2rem 0 .5rem; }
"""


@dataclass(frozen=True, slots=True)
class Step:
    """What one threshold does."""

    threshold: float
    removed: int
    groups: int
    largest: int  # images in the largest group, the kept one among them


def thresholds(result: Result, steps: tuple[float, ...] = STEPS) -> list[Step]:
    """One row per threshold, for the same images and keep rules. Pairs are measured again only below their floor."""
    return [_step(result, step) for step in steps]


def _step(result: Result, threshold: float) -> Step:
    keeper = result.at(threshold).assignment
    sizes = np.bincount(keeper.keeper[keeper.removed], minlength=1)
    largest = int(sizes.max())
    return Step(threshold, int(keeper.removed.sum()), int((sizes > 0).sum()), largest + (largest > 0))


def border(result: Result, low: float, high: float, limit: int = BORDER) -> list[int]:
    """Positions of pairs with low <= similarity < high, spread evenly over them."""
    similarity = result.pairs.similarity
    found = np.flatnonzero((similarity >= low) & (similarity < high))
    found = found[np.argsort(similarity[found], kind="stable")]
    chosen = np.linspace(0, len(found) - 1, min(limit, len(found))).round().astype(np.int64)
    return [int(position) for position in found[chosen]]


def save_page(result: Result, path: str | os.PathLike[str], steps: tuple[float, ...] = STEPS) -> None:
    """Write the table and the pairs at every border as one HTML file; it appears when it is complete, or not at all."""
    with whole_file(path, encoding="utf-8") as file:
        file.writelines(_page(result, steps))


def _page(result: Result, steps: tuple[float, ...]) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield f"<title>One of each: thresholds</title>\n<style>{STYLE}</style>\n<h1>Which threshold?</h1>\n"
    yield "<p>Each row is a choice; below, the least alike pairs that it would still take for duplicates.</p>\n"
    yield "<table><tr><th>Threshold</th><th>Removed</th><th>Groups</th><th>Largest group</th></tr>\n"
    for row in thresholds(result, steps):
        chosen = ' class="now"' if row.threshold == result.similarity_threshold else ""
        cells = (f"{row.threshold:.2f}", f"{row.removed:,}", f"{row.groups:,}", f"{row.largest:,}")
        yield f"<tr{chosen}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>\n"
    yield "</table>\n"
    for low, high in zip(reversed(steps[:-1]), reversed(steps[1:]), strict=True):
        pairs = border(result, low, high)
        if pairs:
            yield f'<section><h2>{low:.2f} to {high:.2f}</h2><div class="pairs">\n'
            yield from (_pair(result, position) for position in pairs)
            yield "</div></section>\n"
    yield "</html>\n"


def _pair(result: Result, position: int) -> str:
    items = [result.catalog.items[int(side[position])] for side in (result.pairs.i, result.pairs.j)]
    keys = "<br>".join(escaped(item.key) for item in items)
    evidence = escaped(result.words(result.pairs.evidence[position]))
    draw = partial(thumbnail, open_image, SIDE)
    value = f"<b>{result.pairs.similarity[position]:.4f}</b> {evidence}<br>{keys}"
    return f"<figure><div>{''.join(map(draw, items))}</div><figcaption>{value}</figcaption></figure>\n"
