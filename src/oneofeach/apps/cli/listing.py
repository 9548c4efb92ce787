"""What `oneofeach find` shows of a result, and its exit code."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence

from oneofeach.apps.cli.printing import put, put_colored
from oneofeach.flow import Result
from oneofeach.tables import Group
from oneofeach.wording import counted

SHOWN = 20  # groups on the screen


def exit_code(result: Result, check: bool) -> int:
    """1 when duplicates were asked to fail the run, else 3 when images were skipped, else 0."""
    counts = result.counts
    if check and counts["removed"]:
        return 1
    return 3 if counts["skipped"] else 0


def show(result: Result) -> None:
    """Print the groups, what was skipped, and the sum; one unbroken line per image, so that paths can be copied."""
    groups, skipped = result.groups, result.skipped
    for position, group in enumerate(groups[:SHOWN], 1):
        _show_group(position, group)
    if len(groups) > SHOWN:
        put(f"... and {counted(len(groups) - SHOWN, 'more group')}: --report FILE.html shows them.")
    for key, reason in skipped[:SHOWN]:
        put_colored((f"skip  {key}  {reason}", "yellow"))
    if len(skipped) > SHOWN:
        put(f"... and {len(skipped) - SHOWN:,} more skipped: --report FILE.csv lists them.")
    put(summary(result))


def _show_group(position: int, group: Group) -> None:
    put_colored((f"group {position}", "dim"))
    put_colored(("keep  ", "green"), (group.key, ""))
    for one in group.duplicates:
        why = f"  {one.evidence}; {one.reason}"
        put_colored(("drop  ", "red"), (f"{one.key}  {one.similarity:.4f}", ""), (why, "dim"))


def between(result: Result, sources: Sequence[str]) -> Iterator[str]:
    """For several sources: how many duplicates lie within each, and how many across two of them."""
    if len(sources) < 2:
        return
    counted: Counter[tuple[str, str]] = Counter()
    for group in result.groups:
        for one in group.duplicates:
            counted[_source_of(one.key, sources), _source_of(group.key, sources)] += 1
    for (goes, stays), count in sorted(counted.items()):
        where = f"within {goes}" if goes == stays else f"of {goes} are in {stays}"
        yield f"{count:,} {where}"


def _source_of(key: str, sources: Sequence[str]) -> str:
    """The source that a key begins with; the longest of several."""
    found = [source for source in sources if key == source or key.startswith((os.path.join(source, ""), f"{source}#"))]
    return max(found, key=len, default="other sources")


def summary(result: Result) -> str:
    """One sentence that adds up: seen = kept + removed + skipped."""
    counts, groups = result.counts, len(result.groups)
    return (
        f"{counted(counts['seen'], 'image')}: {counts['kept']:,} kept, {counts['removed']:,} removed "
        f"in {counted(groups, 'group')}, {counts['skipped']:,} skipped. No file was changed."
    )
