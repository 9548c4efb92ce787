"""Keep rules → an order of rows, most preferred first, and the reason behind every choice.

A policy is an order: rows are sorted by the rules in turn, and the earlier input wins what is left.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import PurePath

import numpy as np

from oneofeach.errors import InvalidRule, named
from oneofeach.tables import Catalog, Floats, Mask, Rows

DEFAULT_KEEP = "highest-resolution,least-compressed,first"
BRACKETS = re.compile(r"\[!?.[^]]*\]")  # closed ones, as fnmatch reads them


@dataclass(frozen=True)
class Rule:
    """One keep rule over a catalog: `cost` (float64[n], smaller is better) orders, `show` tells a row's value."""

    name: str
    cost: Floats
    show: Callable[[int], str]


@dataclass(frozen=True)
class Ranking:
    """order: int64[n], row numbers, most preferred first. numbers: int64[n], what reasons call the rows."""

    order: Rows
    rules: tuple[Rule, ...]
    numbers: Rows

    def reason(self, keeper: int, goer: int) -> str:
        """The first rule that tells the two rows apart, and the two values it compared."""
        for rule in self.rules:
            if rule.cost[keeper] != rule.cost[goer]:
                return f"{rule.show(keeper)} over {rule.show(goer)} ({rule.name})"
        return f"position {self.numbers[keeper] + 1} over position {self.numbers[goer] + 1} (first)"


def rank(
    catalog: Catalog,
    keep: str = DEFAULT_KEEP,
    captions: Mapping[int, str] | None = None,
    numbers: Rows | None = None,
) -> Ranking:
    """Order all rows by the comma-separated rules in `keep`; ties fall to the earlier row.

    Whatever the rules, images that are only compared with come first, then what an earlier run kept; links come last.
    captions: row → text, asked for by `longest-caption` only. numbers: int64[n], ascending, which rows of
    a larger catalog these are. InvalidRule for an unknown or empty rule.
    """
    numbers = np.arange(len(catalog)) if numbers is None else numbers
    rules = tuple([*_standing(catalog), *(_rule(name, catalog, captions or {}, numbers) for name in parse(keep))])
    keys = [np.arange(len(catalog)), *(rule.cost for rule in reversed(rules))]
    return Ranking(np.lexsort(keys).astype(np.int64), rules, numbers)


def parse(keep: str) -> list[str]:
    """The rules in `keep`, checked. InvalidRule for an unknown or empty one."""
    rules = [rule.strip() for rule in keep.split(",")] if isinstance(keep, str) else [str(keep)]
    for rule in rules:
        if rule not in NAMES[:-1] and not (rule.startswith("prefer=") and rule != "prefer="):
            raise InvalidRule(f"Invalid keep rule: {named(rule)}\nUse a comma-separated list of: {', '.join(NAMES)}.")
        if "[" in BRACKETS.sub("", rule):
            raise InvalidRule(f"Invalid keep rule: {rule}\nClose the bracket, or write [[] for the letter itself.")
    return rules


def _rule(name: str, catalog: Catalog, captions: Mapping[int, str], numbers: Rows) -> Rule:
    if name.startswith("prefer="):
        return _prefer(name, catalog)
    if name in POSITIONS:
        return Rule(name, POSITIONS[name] * numbers.astype(np.float64), lambda row: f"position {numbers[row] + 1}")
    return _longest_caption(catalog, captions) if name == "longest-caption" else RULES[name](catalog)


def _standing(catalog: Catalog) -> Iterator[Rule]:
    for name, mask, words in (
        ("always-kept", catalog.always_kept, ("always kept by decision", "not decided")),
        ("against", catalog.reference, ("compared with", "own")),
        ("kept-earlier", catalog.kept_earlier, ("kept by an earlier run", "new")),
        ("linked", ~catalog.links, ("file", "link to it")),
    ):
        if mask.any() and not mask.all():
            yield Rule(name, (~mask).astype(np.float64), partial(_either, mask, words))


def _either(mask: Mask, words: tuple[str, str], row: int) -> str:
    return words[0] if mask[row] else words[1]


def _by_fact(name: str, field: str, sign: int, form: str, catalog: Catalog) -> Rule:
    values = catalog.facts[field]
    return Rule(name, sign * values.astype(np.float64), lambda row: form.format(values[row]))


def _highest_resolution(catalog: Catalog) -> Rule:
    width, height = catalog.facts["width"].astype(np.float64), catalog.facts["height"].astype(np.float64)
    return Rule("highest-resolution", -width * height, lambda row: f"{width[row]:.0f}x{height[row]:.0f}")


def _least_compressed(catalog: Catalog) -> Rule:
    """The highest encoder quality, but never a gray copy before a color one: no loss is greater than that of color."""
    quality, color = np.rint(catalog.facts["quality"].astype(np.float64)), catalog.facts["color"].astype(bool)

    def show(row: int) -> str:
        told = f"quality {quality[row]:.0f}" if quality[row] else "unknown quality"
        return told if color[row] else f"{told}, gray"

    return Rule("least-compressed", -quality - 1000.0 * color, show)


def _age(name: str, sign: int, catalog: Catalog) -> Rule:
    times = catalog.facts["mtime_ns"]
    # float64 would merge times that are less than a microsecond apart, so the order of the times is the cost
    _, cost = np.unique(times, return_inverse=True)
    return Rule(name, sign * cost.reshape(-1).astype(np.float64), lambda row: _date(int(times[row])))


def _date(mtime_ns: int) -> str:
    return str(np.datetime64(mtime_ns, "ns").astype("datetime64[s]")).replace("T", " ") if mtime_ns > 0 else "no date"


def _shortest_name(catalog: Catalog) -> Rule:
    names = [PurePath(item.key).name for item in catalog.items]
    return Rule("shortest-name", np.array([len(name) for name in names], np.float64), names.__getitem__)


def _longest_caption(catalog: Catalog, captions: Mapping[int, str]) -> Rule:
    lengths = np.zeros(len(catalog))
    for row, text in captions.items():
        lengths[row] = len(text.strip())
    return Rule("longest-caption", -lengths, lambda row: f"caption of {lengths[row]:.0f} characters")


def _prefer(name: str, catalog: Catalog) -> Rule:
    glob = name.partition("=")[2]
    cost = np.array([not fnmatchcase(item.key, glob) for item in catalog.items], np.float64)
    return Rule(name, cost, lambda row: f"{catalog.items[row].key}")


POSITIONS = {"first": 1, "last": -1}
RULES: dict[str, Callable[[Catalog], Rule]] = {
    "highest-resolution": _highest_resolution,
    "largest-file": partial(_by_fact, "largest-file", "bytes", -1, "{:,} bytes"),
    "sharpest": partial(_by_fact, "sharpest", "sharpness", -1, "sharpness {:.2f}"),
    "least-compressed": _least_compressed,
    "oldest": partial(_age, "oldest", 1),
    "newest": partial(_age, "newest", -1),
    "shortest-name": _shortest_name,
}
NAMES = (*POSITIONS, *RULES, "longest-caption", "prefer=GLOB")
