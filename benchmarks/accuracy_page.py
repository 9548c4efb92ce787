"""What was judged in, a page in Markdown and a plot of the curves beside it out."""

from __future__ import annotations

import datetime
import re
import textwrap
from pathlib import Path

import numpy as np
from accuracy_data import TIERS, Dataset
from accuracy_judge import NAME, SAMPLE, Curve, Judged
from accuracy_methods import FLOOR, USUAL

AT = (0.95, 0.90, 0.80)
LABELS = {
    "chart": "charts of one template",
    "doc": "documents of one template",
    "emoji": "emoji",
    "flag": "flags, some of them equal",
    "logo_recolor": "a logo in other colors",
    "logo_text": "a logo with another name",
    "meme": "a meme with another caption",
    "multiview": "one scene from another place",
    "product": "products of one template",
    "qr": "QR codes",
    "screen": "screenshots of one template",
    "sd_sameprompt": "generated pictures of one prompt",
    "sketch": "sketches of one template",
    "sprite": "sprites of one template",
}
COLORS = {NAME: "#c0392b", "PDQ": "#2471a3", "pHash 64": "#1e8449", "pHash 256": "#76b947", "dHash 64": "#8e44ad",
          "dHash 256": "#bb8fce", "wHash 64": "#b9770e", "wHash 256": "#f0b27a", "aHash 64": "#707b7c"}  # fmt: skip


def write(page: Path, given: Dataset, result: Judged) -> None:
    """Write the page and, beside it in images/, the plot; print the check for peers that are ahead."""
    plot = page.parent / "images" / "accuracy.svg"
    plot.parent.mkdir(parents=True, exist_ok=True)
    plot.write_text(_plot(result), encoding="utf-8")
    parts = [
        _head(given, result),
        _tiers(result),
        _negatives(result),
        _peers(result),
        _curves(result),
        _changes(given, result),
    ]
    page.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    print(_verdict(result))
    print(f"written: {page}, {plot}")


def _head(given: Dataset, result: Judged) -> str:
    made = f"Made by `python benchmarks/accuracy.py` on {datetime.date.today():%d %B %Y}."
    told = f"""Pictures: {given.name}. {result.copies} originals were changed in {len(given.changes)} ways each, and
        {len(given.originals):,} pictures make the pairs that must not match. The method was made with pictures like
        these at hand, so the figures are no promise about yours; run the command on a folder of your own."""
    return f"# How accurate the similarity is\n\n{made}\n\n{_filled(told)}"


def _filled(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), 118)


def _tiers(result: Judged) -> str:
    ours = result.curves[NAME]
    lines = [_row("what was done to a picture", *(f"found at {t:.2f}" for t in AT)), _rule(1 + len(AT))]
    for column, (name, told) in enumerate(TIERS.items()):
        lines.append(_row(f"**{name}**: {told}", *(f"{ours.recall[ours.at(t), column]:.1f} %" for t in AT)))
    return "\n".join(lines)


def _negatives(result: Judged) -> str:
    ours = result.curves[NAME]
    lines = [
        _row("different pictures that look alike", "pairs", *(f"accepted at {t:.2f}" for t in AT)),
        _rule(2 + len(AT)),
    ]
    for column, (label, pairs) in enumerate(zip(result.labels, result.label_pairs, strict=True)):
        lines.append(_row(_named(label), f"{pairs:,}", *(_share(ours.labels[ours.at(t), column], pairs) for t in AT)))
    counts = (f"{ours.unrelated[ours.at(t)]:,} pairs" for t in AT)
    return "\n".join([*lines, _row("all pairs of unrelated pictures", f"{result.unrelated_pairs:,}", *counts)])


def _named(label: str) -> str:
    """A label of the data in words."""
    edit, turn = re.fullmatch(r"ledit_e(\d+)", label), re.fullmatch(r"recolor_h(\d+)", label)
    if edit:
        return f"an edit of {edit[1]} % of the short side"
    return f"all hues turned by {turn[1]}°" if turn else LABELS.get(label, label)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _rule(columns: int) -> str:
    return _row(*["---"] * columns)


def _share(percent: float, pairs: int) -> str:
    return f"{round(percent * pairs / 100):,} pairs" if pairs > 1000 else f"{percent:.3g} %"


def _peers(result: Judged) -> str:
    head = ("method, setting", *TIERS, "hard negatives", "unrelated pairs")
    lines = ["Side by side with the usual hashes. Hard negatives are the mean over the labels above.", ""]
    lines += [_row(*head), _rule(len(head))]
    points = [(NAME, t, f"**{NAME} ≥ {t:.2f}**") for t in AT]
    points += [(name, d, f"{name} ≤ {d}") for name, every in USUAL.items() for d in every]
    for name, setting, told in points:
        curve = result.curves[name]
        k = curve.at(setting)
        shares = (f"{share:.1f}" for share in (*curve.recall[k], curve.negatives[k]))
        lines.append(_row(told, *shares, f"{curve.unrelated[k]:,}"))
    return "\n".join([*lines, "", "`aHash 64 ≤ 3` is what the duplicate node of ComfyUI does at its default of 0.95."])


def _curves(result: Judged) -> str:
    plot = "![Copies found over hard negatives accepted, at every setting of every method](images/accuracy.svg)"
    return f"{plot}\n\n{_verdict(result)}"


def _verdict(result: Judged) -> str:
    told = """With no more unrelated pairs and no more hard negatives accepted, some threshold of ours finds at least as
        much of tiers A, B and C as every peer at every setting of its own"""
    told += f", but for: {'; '.join(_ranges(result.ahead))}." if result.ahead else "."
    return _filled(f"{told} (Below {FLOOR}, unrelated pairs are counted on a sample of {SAMPLE:,}.)")


def _ranges(points: list[str]) -> list[str]:
    """ "PDQ ≤ 40", "PDQ ≤ 41" → "PDQ 40..41"."""
    found: dict[str, list[int]] = {}
    for point in points:
        name, _, setting = point.rpartition(" ≤ ")
        found.setdefault(name, []).append(int(setting))
    told = []
    for name, settings in found.items():
        cuts = np.split(settings, np.flatnonzero(np.diff(settings) > 1) + 1)
        told.append(f"{name} " + ", ".join(f"≤ {c[0]}" if len(c) == 1 else f"≤ {c[0]}..{c[-1]}" for c in cuts))
    return told


def _changes(given: Dataset, result: Judged) -> str:
    shown = ((NAME, 0.95), (NAME, 0.90), ("PDQ", 31), ("pHash 64", 10), ("dHash 64", 10), ("aHash 64", 3))
    names = (f"{name} {'≥' if name == NAME else '≤'} {t}" for name, t in shown)
    lines = [_row("percent found, by change", *names), _rule(1 + len(shown))]
    for column, change in enumerate(given.changes):
        shares = (result.curves[name].changes[result.curves[name].at(t), column] for name, t in shown)
        lines.append(_row(f"{change.tier} {change.name}", *(f"{share:.0f}" for share in shares)))
    return "\n".join(lines)


WIDTH, HEIGHT, LEFT, TOP = 420, 300, 50, 30


def _plot(result: Judged) -> str:
    """Two panels, tier A and tier B, over the mean of hard negatives."""
    box = f"0 0 {2 * WIDTH + 125} {HEIGHT + 25}"
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" font-family="sans-serif" font-size="12">']
    parts.append('<rect width="100%" height="100%" fill="white"/>')
    for number, (column, low) in enumerate(((1, 80), (2, 40))):
        parts.append(f'<g transform="translate({number * (WIDTH + 10)} 0)">{_panel(result, column, low)}</g>')
    for row, (name, color) in enumerate(COLORS.items()):
        x, y = 2 * WIDTH + 20, TOP + 20 + 18 * row
        parts.append(f'<path d="M{x} {y}h16" stroke="{color}" stroke-width="{2.5 if name == NAME else 1.5}"/>')
        parts.append(f'<text x="{x + 20}" y="{y + 4}">{name}</text>')
    return "\n".join([*parts, "</svg>\n"])


def _panel(result: Judged, column: int, low: int) -> str:
    right, bottom = WIDTH - 15, TOP + HEIGHT - 50
    middle, told = (LEFT + right) / 2, "percent of hard negatives accepted"
    parts = [f'<text x="{LEFT}" y="{TOP - 10}">{list(TIERS)[column]}: percent found</text>']
    parts.append(f'<text x="{middle}" y="{bottom + 35}" text-anchor="middle">{told}</text>')
    for step in range(6):
        x, y = LEFT + (right - LEFT) * step / 5, bottom - (bottom - TOP) * step / 5
        parts.append(f'<path d="M{LEFT} {y:.1f}H{right}M{x:.1f} {TOP}V{bottom}" stroke="#ddd"/>')
        parts.append(
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{low + (100 - low) * step / 5:.0f}</text>'
        )
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{10 * step}</text>')
    for name, color in reversed(COLORS.items()):
        line, wide = _points(result.curves[name], column, low, right, bottom), 2.5 if name == NAME else 1.5
        parts.append(f'<polyline fill="none" stroke="{color}" stroke-width="{wide}" points="{line}"/>')
    return "".join(parts)


def _points(curve: Curve, column: int, low: int, right: int, bottom: int) -> str:
    shown = (curve.negatives <= 50) & (curve.recall[:, column] >= low)
    x = LEFT + (right - LEFT) * curve.negatives[shown] / 50
    y = bottom - (bottom - TOP) * (curve.recall[shown, column] - low) / (100 - low)
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
