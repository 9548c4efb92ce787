"""Groups of duplicates → one contact sheet each: every member small, framed and marked in words as kept or removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from oneofeach.apps.comfy.decide import Verdict
from oneofeach.apps.comfy.report import size, two_decimals
from oneofeach.apps.comfy.tensors import image_tensor, thumbnail

CELL, MARGIN, LINES, COLUMNS = 208, 8, 40, 6
KEPT, REMOVED, PAPER, INK = "#1f9d55", "#d64545", "#1e1e22", "#f2f2f2"
SHEETS = 200
MOST = 47  # members on one sheet; the last cell tells how many more there are
CELLS = 480  # of all sheets; each takes 0.6 MB, so of many groups fewer members are shown, but always a row


@dataclass(frozen=True)
class Cell:
    image: Any  # tensor [1, height, width, channels]
    kept: bool
    title: str
    note: str


def sheet(cells: Sequence[Cell], more: int = 0) -> Image.Image:
    """An "RGB" picture of up to COLUMNS cells a row. more: members that are not shown."""
    count = len(cells) + bool(more)
    columns = min(count, COLUMNS)
    rows = -(-count // columns)
    paper = Image.new("RGB", (columns * CELL, rows * (CELL + LINES)), PAPER)
    for position, cell in enumerate(cells):
        _draw(paper, _corner(position, columns), cell)
    if more:
        left, top = _corner(len(cells), columns)
        ImageDraw.Draw(paper).text((left + MARGIN, top + CELL // 2), f"and {more:,} more", INK, _font(18))
    return paper


def _corner(position: int, columns: int) -> tuple[int, int]:
    return position % columns * CELL, position // columns * (CELL + LINES)


def _draw(paper: Image.Image, corner: tuple[int, int], cell: Cell) -> None:
    left, top = corner
    draw, color = ImageDraw.Draw(paper), KEPT if cell.kept else REMOVED
    small = thumbnail(cell.image, CELL - 4 * MARGIN)
    if not cell.kept:
        small = Image.blend(small, Image.new("RGB", small.size, PAPER), 0.45)
    paper.paste(small, (left + (CELL - small.width) // 2, top + (CELL - small.height) // 2))
    edge = MARGIN // 2
    draw.rectangle((left + edge, top + edge, left + CELL - edge, top + CELL - edge), outline=color, width=4)
    word = "KEEP" if cell.kept else "DROP"
    font = _font(14)
    draw.text((left + MARGIN, top + CELL), word, color, font)
    width = CELL - 2 * MARGIN - draw.textlength(f"{word} ", font)
    draw.text((left + CELL - MARGIN - width, top + CELL), _fitting(draw, cell.title, width, font), INK, font)
    draw.text((left + MARGIN, top + CELL + 18), cell.note, INK, font)


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
    """The contact sheets of the first groups, as image tensors."""
    made, groups = [], [rows for rows in verdict.groups if len(rows) > 1][:SHEETS]
    most = max(COLUMNS - 1, min(MOST, CELLS // max(1, len(groups)) - 1))
    for rows in groups:
        cells = [
            Cell(
                verdict.keys.images[row],
                bool(verdict.kept[row]),
                f"{row + 1} {names[row] if names else ''}".strip(),
                f"{size(row, verdict)}   {two_decimals(verdict.similarity[row])}",
            )
            for row in rows[:most]
        ]
        made.append(image_tensor(sheet(cells, len(rows) - len(cells))))
    return made
