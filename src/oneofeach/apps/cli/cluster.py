"""What commands share about engines: which one runs, where it finds its cluster, and what a run there took."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oneofeach import plugins
from oneofeach.apps.cli.progress import progress_bar
from oneofeach.plugins import Distributed

if TYPE_CHECKING:
    from oneofeach.engines.ray.estimate import Estimate

EngineName = Annotated[
    str, typer.Option("--engine", metavar="NAME", help=f"Where work runs: {', '.join(plugins.names('engines'))}.")
]
Address = Annotated[
    str,
    typer.Option(metavar="ADDRESS", help="For ray: auto, host:port or ray://... [default: start Ray here]"),
]
WorkFolder = Annotated[
    str,
    typer.Option(
        metavar="FOLDER",
        help="For ray: a path or URL that all nodes see. A job that was stopped goes on from there.",
        show_default=False,
    ),
]
Estimated = Annotated[
    bool, typer.Option("--estimate", help="Only measure a sample, and say what a cluster would take for all.")
]


def chosen_engine(name: str, address: str, work_folder: str, isolated: bool) -> str | Distributed:
    """The engine of these options. UnknownPlugin for another name, a usage error where they contradict each other."""
    if name != "ray":
        if address or work_folder:
            raise typer.BadParameter("--address and --work-folder need --engine ray.")
        if isolated and name not in ("threads", "isolated"):
            raise typer.BadParameter(f"--isolated is an engine of its own: leave out --engine {name}.")
        plugins.load("engines", name)
        return "isolated" if isolated else name
    if isolated:
        raise typer.BadParameter("--isolated is not for Ray: its workers are processes of their own.")
    from oneofeach.engines.ray import Ray

    return Ray(address, work_folder, tell=_tell)


def _tell(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def decided_there(
    engine: str | Distributed,
    source: Any,
    threshold: float,
    keep: str,
    against: Any,
    fingerprint: str,
    workers: int | None,
) -> int:
    """Find and group on the cluster, print the sum and where the table of all images is; the exit code."""
    from oneofeach.engines.ray import Ray

    if not isinstance(engine, Ray) or not engine.work_folder:
        raise typer.BadParameter("--table needs --engine ray and a --work-folder to leave it in.")
    with progress_bar() as progress:
        counts, folder = engine.decide(
            source, threshold, keep, against=against, fingerprint=fingerprint, workers=workers, progress=progress
        )
    kept, removed, skipped = (f"{counts[name]:,.0f} {name}" for name in ("kept", "removed", "skipped"))
    print(f"{counts['seen']:,.0f} images: {kept}, {removed}, {skipped}. No file was changed.\nTable: {folder}")
    return 3 if counts["skipped"] else 0


def print_estimate(source: Any, threshold: float, fingerprint: str) -> None:
    """Measure a sample and print what the whole will take."""
    from oneofeach.engines.ray.estimate import estimate

    print(told(estimate(source, threshold, fingerprint)))


def told(found: Estimate) -> str:
    """The estimate in words and numbers."""
    hours = [seconds / 3600 for seconds in (found.scan_seconds, found.join_seconds, found.verify_seconds)]
    return "\n".join(
        [
            f"images      {found.images:,}{'' if found.exact else ' or so, from the sampled files'}",
            f"scan        {hours[0]:,.2f} core-hours, reading {_bytes(found.read_bytes)}",
            f"match       {hours[1]:,.2f} core-hours, {found.blocks:,} blocks against each other",
            f"verify      {hours[2]:,.2f} core-hours",
            f"all         {found.core_hours:,.2f} core-hours: {found.core_hours / 64:,.2f} hours on 64 cores",
            f"memory      {_bytes(found.memory)} per worker (one per core)",
            f"storage     {_bytes(found.part_bytes)} in the work folder",
            f"Measured here on {found.sampled:,} images; match and verify by the model of docs/scale.md.",
        ]
    )


def _bytes(number: float) -> str:
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if number < 1000 or unit == "TB":
            return f"{number:,.1f} {unit}"
        number /= 1000
    return ""
