"""Groups of duplicates → one contact sheet each: every member small, framed and marked in words as kept or removed.

As floats, a member takes 0.6 MB of its sheet: sheets are drawn row by row into a file, and read only to be looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import folder_paths
from PIL import Image, ImageDraw, ImageFont

from oneofeach.apps.comfy.decide import Verdict
from oneofeach.apps.comfy.report import size, two_decimals
from oneofeach.apps.comfy.tensors import stored_tensors, thumbnail

CELL, MARGIN, LINES, COLUMNS = 208, 8, 40, 6
KEPT, REMOVED, PAPER, INK = "#1f9d55", "#d64545", "#1e1e22", "#f2f2f2"
SHEETS = 200
MOST = 47  # members on one sheet; the last cell tells how many more there are
CELLS = 480  # of all sheets; of many groups fewer members are shown, but always a row


@dataclass(frozen=True)
class Cell:
    image: Any  # tensor [1, height, width, channels]
    kept: bool
    title: str
    note: str


def sheet(cells: Sequence[Cell], more: int = 0) -> Iterator[Image.Image]:
    """The rows of a sheet, as "RGB" pictures: up to COLUMNS cells each. more: members that are not shown."""
    count = len(cells) + bool(more)
    columns = min(count, COLUMNS)
    for first in range(0, count, columns):
        paper = Image.new("RGB", (columns * CELL, CELL + LINES), PAPER)
        for column, cell in enumerate(cells[first : first + columns]):
            _draw(paper, column * CELL, cell)
        if more and first + columns >= count:
            left = (count - 1 - first) * CELL
            ImageDraw.Draw(paper).text((left + MARGIN, CELL // 2), f"and {more:,} more", INK, _font(18))
        yield paper


def _draw(paper: Image.Image, left: int, cell: Cell) -> None:
    draw, color = ImageDraw.Draw(paper), KEPT if cell.kept else REMOVED
    small = thumbnail(cell.image, CELL - 4 * MARGIN)
    if not cell.kept:
        small = Image.blend(small, Image.new("RGB", small.size, PAPER), 0.45)
    paper.paste(small, (left + (CELL - small.width) // 2, (CELL - small.height) // 2))
    edge = MARGIN // 2
    draw.rectangle((left + edge, edge, left + CELL - edge, CELL - edge), outline=color, width=4)
    word = "KEEP" if cell.kept else "DROP"
    font = _font(14)
    draw.text((left + MARGIN, CELL), word, color, font)
    width = CELL - 2 * MARGIN - draw.textlength(f"{word} ", font)
    draw.text((left + CELL - MARGIN - width, CELL), _fitting(draw, cell.title, width, font), INK, font)
    draw.text((left + MARGIN, CELL + 18), cell.note, INK, font)


def _fitting(draw: ImageDraw.ImageDraw, text: str, width: float, font: Any) -> str:
    """The text, its beginning cut off where it is too long: the end of a name tells more."""
    if draw.textlength(text, font) <= width:
        return text
    while text and draw.textlength(f"…{text}", font) > width:
        text = text[1:]
    return f"…{text}"


def _font(size: int) -> Any:
    return ImageFont.load_default(size)


def sheets(verdict: Verdict, names: Sequence[str] | None) -> list[Any]:
    """The contact sheets of the first groups, as image tensors over a file in ComfyUI's temp folder."""
    groups = [rows for rows in verdict.groups if len(rows) > 1][:SHEETS]
    most = max(COLUMNS - 1, min(MOST, CELLS // max(1, len(groups)) - 1))
    drawn = (sheet([_cell(row, verdict, names) for row in rows[:most]], len(rows[most:])) for rows in groups)
    return stored_tensors(drawn, folder_paths.get_temp_directory())


def _cell(row: int, verdict: Verdict, names: Sequence[str] | None) -> Cell:
    return Cell(
        verdict.keys.images[row],
        bool(verdict.kept[row]),
        f"{row + 1} {names[row] if names else ''}".strip(),
        f"{size(row, verdict)}   {two_decimals(verdict.similarity[row])}",
    )
