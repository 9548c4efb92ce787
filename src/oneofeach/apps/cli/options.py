"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from oneofeach.errors import InvalidThreshold
from oneofeach.flow import DEFAULT_FINGERPRINT, DEFAULT_THRESHOLD, checked_threshold
from oneofeach.stages.preference import DEFAULT_KEEP, NAMES
from oneofeach.stages.sources.files import named_by

_SOURCES = typer.Argument(
    metavar="SOURCE",
    help="Folders (recursive), images, .tar, .zip, .parquet, .arrow, COCO .json, or URLs (with *, too).",
    show_default=False,
)
Sources = Annotated[list[str] | None, _SOURCES]
FilesFrom = Annotated[
    str,
    typer.Option(metavar="FILE", help="Read paths of images from a file, or - for stdin.", show_default=False),
]
Against = Annotated[
    str | None,
    typer.Option(metavar="SOURCE", help="Images that all stay; a duplicate of one of them goes.", show_default=False),
]
IndexPath = Annotated[
    str | None,
    typer.Option("--index", metavar="FILE", help="Remember images here. [default: the user's cache folder]"),
]
NoIndex = Annotated[bool, typer.Option("--no-index", help="Remember nothing, and use nothing remembered.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Orientations = Annotated[
    str, typer.Option(metavar="upright|all", help="With all, mirrored and turned copies are duplicates too.")
]
Reconsider = Annotated[bool, typer.Option("--reconsider", help="Choose anew also where an earlier run has chosen.")]
Threshold = Annotated[
    str,
    typer.Option(
        "--similarity-threshold",
        "-t",
        metavar="0..1",
        help="Two images whose similarity is at or above it are duplicates; higher is stricter.",
    ),
]
Keep = Annotated[
    str,
    typer.Option(metavar="RULES", help=f"Which image of a group stays, strongest rule first: {', '.join(NAMES)}."),
]
Protect = Annotated[
    list[str] | None,
    typer.Option(metavar="GLOB", help="Never touch files or folders that match. Can be repeated.", show_default=False),
]
Workers = Annotated[int | None, typer.Option(min=1, help="Threads. [default: one per core]", show_default=False)]
Isolated = Annotated[
    bool,
    typer.Option("--isolated", help="For untrusted files: decode in other processes; a hang or crash costs one file."),
]
FingerprintName = Annotated[
    str,
    typer.Option(
        "--fingerprint",
        metavar="NAME",
        help="What compares images: oneofeach-1, ahash, dhash, phash, pdq, or embed:MODEL.onnx.",
    ),
]

THRESHOLD = str(DEFAULT_THRESHOLD)
KEEP = DEFAULT_KEEP
FINGERPRINT = DEFAULT_FINGERPRINT


def source_of(sources: list[str]) -> str | list[str]:
    """A single source is itself, not a list: its keys are relative to it. URLs with "*" are all that they name."""
    named = [place for source in sources for place in named_by(source)]
    return named[0] if len(named) == 1 else named


def number(threshold: str) -> float:
    """The threshold as typed → a float. InvalidThreshold unless it is a number in 0.0..1.0."""
    try:
        return checked_threshold(float(threshold))
    except ValueError:
        raise InvalidThreshold(threshold) from None
