"""A result saved as JSON → what was asked for then, so that the same images can be looked at again."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from oneofeach.errors import Refused
from oneofeach.flow import checked_threshold
from oneofeach.stages.preference import parse

HEAD = 200  # characters in which a saved result says what it is


@dataclass(frozen=True)
class Saved:
    """The question that a saved result answers."""

    sources: list[str]
    against: list[str]
    similarity_threshold: float
    keep: str
    fingerprint: str
    orientations: str


def saved(path: str) -> Saved | None:
    """What a file says, when it is a saved result; None when it is anything else, to be scanned.

    Refused when it does not say where its images are (they were in memory, or listed), or is damaged.
    """
    if not path.lower().endswith(".json") or not os.path.isfile(path):
        return None
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        if '"schema_version"' not in file.read(HEAD):
            return None  # COCO, for one
        file.seek(0)
        try:
            found = _read(json.load(file))
        except (KeyError, TypeError, ValueError, RecursionError) as error:  # a wrong threshold or rule, too
            raise Refused(f"Not a saved result: {path}\nSave it anew, or give the folder of the images.") from error
    if not found.sources:
        raise Refused(f"{path} does not say where its images are\nGive the folder or the dataset itself.")
    return found


def _read(record: dict[str, Any]) -> Saved:
    """KeyError, TypeError or ValueError when it is something else."""
    sources, against = ([str(place) for place in record.get(name, ())] for name in ("sources", "against"))
    threshold, keep = checked_threshold(float(record["similarity_threshold"])), str(record["keep"])
    fingerprint, orientations = str(record["fingerprint"]), str(record.get("orientations", "upright"))
    parse(keep)
    return Saved(sources, against, threshold, keep, fingerprint, orientations)
