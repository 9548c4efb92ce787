"""Commands whose result stays on the cluster, for more images than this machine could hold: only sums come back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from oneofeach.apps.cli.blocks import Choice
from oneofeach.apps.cli.cluster import Working
from oneofeach.apps.cli.printing import put
from oneofeach.apps.cli.stores import opened
from oneofeach.asking import Index
from oneofeach.errors import Refused
from oneofeach.plugins import Walk
from oneofeach.stages.export.manifest import MANIFEST
from oneofeach.tables import Decisions
from oneofeach.wording import counted

if TYPE_CHECKING:
    from oneofeach.engines.ray import Ray


def decided_there(working: Working, source: Any, choice: Choice, check: bool) -> int:
    """Find and group on the cluster, print the sum and where the table of all images is; the exit code."""
    _has_a_work_folder(working)
    with _begun(working, source, choice.against) as (engine, walk):
        counts, folder = engine.decide(walk, choice.threshold, choice.keep)
    put(f"{counted(counts['seen'], 'image')}: {_said(counts, 'kept', 'removed', 'skipped')}. No file was changed.")
    put(f"Table: {folder}")
    return 1 if check and counts["removed"] else 3 if counts["skipped"] else 0


def compared_there(working: Working, a: Any, b: Any, threshold: float, check: bool) -> int:
    """Find the matches on the cluster, print the sum and where their table is; the exit code."""
    _has_a_work_folder(working)
    with _begun(working, a, b) as (engine, walk):
        counts, folder = engine.compare(walk, threshold)
    put(
        f"{counts['found']:,.0f} of {counted(counts['seen'], 'image')} of A are among the {counts['compared']:,.0f} "
        f"of B; {_said(counts, 'skipped')}. No file was changed."
    )
    put(f"Table: {folder}")
    return 1 if check and counts["found"] else 3 if counts["skipped"] else 0


def exported_there(
    working: Working, source: Any, choice: Choice, destination: str, format: str, link: str, shard_size: int
) -> int:
    """Decide on the cluster and let its workers write the kept images; print the sum; the exit code."""
    from oneofeach.engines.ray import Export

    asked = Export(destination, format, link, shard_size)
    with _begun(working, source, choice.against) as (engine, walk):
        counts = engine.export(walk, choice.threshold, choice.keep, asked)
    put(
        f"{counts['kept']:,.0f} of {counted(counts['seen'], 'image')} written to {asked.place}: "
        f"{_said(counts, 'removed', 'skipped')} (see {asked.place}/{MANIFEST}). The source was not changed."
    )
    return 3 if counts["skipped"] else 0


def has_choices(working: Working) -> bool:
    """Does the index hold what a person decided or kept? Then this machine must decide."""
    with opened(working.index, working.no_index) as index:
        return _holds_choices(index)


def _holds_choices(index: Index | None) -> bool:
    return index is not None and bool(index.status().kept or index.decisions.load() != Decisions())


def _said(counts: dict[str, float], *names: str) -> str:
    return ", ".join(f"{counts[name]:,.0f} {name}" for name in names)


def _has_a_work_folder(working: Working) -> None:
    if working.engine != "ray" or not working.work_folder:
        raise typer.BadParameter("--table needs --engine ray and a --work-folder to leave it in.")


@contextmanager
def _begun(working: Working, source: Any, against: Any) -> Iterator[tuple[Ray, Walk]]:
    """The engine and its request. Refused when an index holds what a person decided or kept: no worker obeys it."""
    with working.begun() as how:
        if _holds_choices(how["index"]):
            way = "Without --table, or with a folder to export to, this machine decides: up to 5 million images."
            hint = f"Add --no-index to go on without it. {way}"
            raise Refused(f"What was decided and kept earlier is not known to the cluster\n{hint}")
        yield how["engine"], Walk(source, against, how["fingerprint"], how["workers"], how["progress"])
