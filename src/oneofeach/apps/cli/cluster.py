"""What commands share about engines: which one runs, where it finds its cluster, and what a run there took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oneofeach import plugins
from oneofeach.apps.cli.blocks import Reading
from oneofeach.apps.cli.printing import put, tell
from oneofeach.plugins import Distributed
from oneofeach.wording import counted, size

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


@dataclass(frozen=True)
class Working(Reading):
    """How images are read and remembered, here or on a cluster."""

    engine: EngineName = "threads"
    address: Address = ""
    work_folder: WorkFolder = ""
    estimate: Estimated = False

    def runs_on(self) -> str | Distributed:
        """UnknownPlugin for another name, a usage error where the options contradict each other."""
        return self._cluster() if self.engine == "ray" else self._here()

    def _here(self) -> str:
        if self.address or self.work_folder:
            raise typer.BadParameter("--address and --work-folder need --engine ray.")
        if self.isolated and self.engine not in ("threads", "isolated"):
            raise typer.BadParameter(f"--isolated is an engine of its own: leave out --engine {self.engine}.")
        plugins.load("engines", self.engine)
        return "isolated" if self.isolated else self.engine

    def _cluster(self) -> Distributed:
        if self.isolated:
            raise typer.BadParameter("--isolated is not for Ray: its workers are processes of their own.")
        from oneofeach.engines.ray import Ray

        return Ray(self.address, self.work_folder, tell=tell)

    @property
    def once_interrupted(self) -> str:
        return " Run it again to go on from there." if self.work_folder else ""

    def estimated(self, source: Any, threshold: float) -> bool:
        """Whether only an estimate was asked for; then it is printed."""
        if self.estimate:
            self.runs_on()
            _put_estimate(source, threshold, self.fingerprint)
        return self.estimate


def _put_estimate(source: Any, threshold: float, fingerprint: str) -> None:
    """Measure a sample and print what the whole will take."""
    from oneofeach.engines.ray.estimate import estimate

    for line in _told(estimate(source, threshold, fingerprint)):
        put(line)


def _told(found: Estimate) -> list[str]:
    """The estimate in words and numbers."""
    against = "against each other" if found.blocks > 1 else "with itself"
    hours = [seconds / 3600 for seconds in (found.scan_seconds, found.join_seconds, found.verify_seconds)]
    return [
        f"images      {found.images:,}{'' if found.exact else ' or so, from the sampled files'}",
        f"scan        {hours[0]:,.2f} core-hours, reading {size(found.read_bytes)}",
        f"match       {hours[1]:,.2f} core-hours, {counted(found.blocks, 'block')} {against}",
        f"verify      {hours[2]:,.2f} core-hours",
        f"all         {found.core_hours:,.2f} core-hours: {found.core_hours / 64:,.2f} hours on 64 cores",
        f"memory      {size(found.memory)} per worker (one per core)",
        f"storage     {size(found.part_bytes)} in the work folder",
        f"Measured here on {counted(found.sampled, 'image')}; hours of match and verify by the model of docs/scale.md.",
    ]
