"""An outcome → one self-contained HTML file: groups side by side with thumbnails, no script, nothing loaded."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from html import escape
from importlib.resources import files
from io import BytesIO
from typing import IO, Any

from PIL import Image

from oneofeach.errors import OneOfEachError
from oneofeach.tables import Duplicate, Group, Item, Outcome
from oneofeach.wording import counted, printable, size

MOST_GROUPS = 1_000  # about 60 MB of thumbnails: what a browser still opens at once
SIDE = 240  # of a thumbnail, in pixels

Draw = Callable[[Item], str]


def write_html(outcome: Outcome, file: IO[str], open_image: Callable[[Any], Image.Image]) -> None:
    groups = outcome.groups
    style = files("oneofeach.stages.report").joinpath("page.css").read_text(encoding="utf-8")
    file.write('<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n')
    file.write('<meta name="viewport" content="width=device-width, initial-scale=1">\n')
    file.write(f"<title>One of each: {counted(outcome.counts['kept'], 'image')} kept</title>\n")
    file.write(f"<style>\n{style}</style>\n")
    file.write(_head(outcome, groups))
    for number, group in enumerate(groups[:MOST_GROUPS], 1):
        file.write(_group(outcome, group, number, partial(thumbnail, open_image, SIDE)))
    if len(groups) > MOST_GROUPS:
        file.write(f'<p class="more">{MOST_GROUPS:,} of {len(groups):,} groups are shown. ')
        file.write("A .json or .csv report lists them all.</p>\n")
    file.write(_listed("Skipped: these images could not be read", outcome.skipped))
    notes = [(outcome.catalog.items[row].key, note) for row, note in sorted(outcome.catalog.notes.items())]
    file.write(_listed("Notes", notes))
    file.write("</html>\n")


def _head(outcome: Outcome, groups: list[Group]) -> str:
    counts = outcome.counts
    saved = sum(int(outcome.catalog.facts["bytes"][one.row]) for group in groups for one in group.duplicates)
    tiles = [(f"{counts[name]:,}", name) for name in ("seen", "kept", "removed", "skipped")]
    tiles += [(f"{len(groups):,}", "group" if len(groups) == 1 else "groups"), (size(saved), "in duplicates")]
    cells = "".join(f'<div class="{name}"><dd>{value}</dd><dt>{name}</dt></div>' for value, name in tiles)
    told = "No duplicates were found." if not groups else "Nothing was changed: this is a report."
    return (
        f"<header><h1>One of each</h1><dl>{cells}</dl>\n"
        f"<p>Similarity threshold {outcome.similarity_threshold:g}, keep rules "
        f"<code>{escaped(outcome.keep)}</code>. {told}</p></header>\n"
    )


def _group(outcome: Outcome, group: Group, number: int, draw: Draw) -> str:
    cards = _card(outcome, draw, group.row, group.key, '<b class="keep">KEPT</b>', "")
    for one in group.duplicates:
        cards += _card(outcome, draw, one.row, one.key, f'<b class="drop">{one.similarity:.4f}</b>', _why(one))
    return f'<section aria-label="Group {number}"><h2>{number}</h2><div class="cards">{cards}</div></section>\n'


def _why(one: Duplicate) -> str:
    return f"<p>{escaped(one.evidence)}</p><p>kept instead: {escaped(one.reason)}</p>"


def _card(outcome: Outcome, draw: Draw, row: int, key: str, badge: str, why: str) -> str:
    facts = outcome.catalog.facts[row]
    about = [f"{facts['width']}x{facts['height']}"]
    if facts["bytes"]:
        about += [facts["format"].decode(), size(facts["bytes"])]
    line = " · ".join(about)
    picture = draw(outcome.catalog.items[row])
    return f"<figure>{picture}<figcaption>{badge} {line}<p class='key'>{escaped(key)}</p>{why}</figcaption></figure>"


def thumbnail(open_image: Callable[[Any], Image.Image], side: int, item: Item) -> str:
    """An <img> with the picture in it, at most `side` pixels wide and high."""
    try:
        image = open_image(item.source)
    except (OneOfEachError, OSError):
        return '<div class="gone">no longer readable</div>'
    image.thumbnail((side, side), Image.Resampling.BOX, reducing_gap=2.0)
    data = BytesIO()
    image.save(data, "JPEG", quality=80)
    encoded = base64.b64encode(data.getvalue()).decode()
    return f'<img alt="" width="{image.width}" height="{image.height}" src="data:image/jpeg;base64,{encoded}">'


def _listed(title: str, lines: list[tuple[str, str]]) -> str:
    if not lines:
        return ""
    rows = "".join(f"<tr><td>{escaped(key)}</td><td>{escaped(text)}</td></tr>" for key, text in lines)
    return f"<details open><summary>{title} ({len(lines):,})</summary><table>{rows}</table></details>\n"


def escaped(text: str) -> str:
    """Text for a page; file names may hold anything, control characters and what no encoding can carry included."""
    return escape(printable(text))
