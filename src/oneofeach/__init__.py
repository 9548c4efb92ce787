"""Keeps one of each image: finds duplicate and very similar images and returns the unique ones.

Public names are imported on first use: a ComfyUI that loads the nodes, or a command that prints its help, waits for
none of them.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers know it; to import typing would take longer than all the rest
if TYPE_CHECKING:
    from typing import Any

    from oneofeach.asking import Index
    from oneofeach.comparison import compare
    from oneofeach.errors import (
        EmptyImageList,
        IndexDamaged,
        InvalidRule,
        InvalidThreshold,
        JobStopped,
        MissingExtra,
        NotWritable,
        OneOfEachError,
        Refused,
        SourceNotFound,
        TooManyImages,
        UnknownFormat,
        UnknownPlugin,
        Unreachable,
        UnreadableImage,
        UnsupportedInput,
    )
    from oneofeach.evaluation import evaluate
    from oneofeach.flow import Result, deduplicate, group, match, scan, similarity
    from oneofeach.stages.acting.journal import Journal
    from oneofeach.stages.acting.journals import journals
    from oneofeach.stages.acting.perform import perform
    from oneofeach.stages.acting.plan import plan
    from oneofeach.stages.acting.plans import Plan
    from oneofeach.stages.acting.undo import undo
    from oneofeach.stages.export import export
    from oneofeach.stages.neighbors import neighbors
    from oneofeach.stages.sources.file_list import FileList
    from oneofeach.tables import Catalog, Description, Duplicate, Group, Groups, Item, Pairs, Picture

__version__ = "0.1.0"

__all__ = [
    "Catalog",
    "Description",
    "Duplicate",
    "EmptyImageList",
    "FileList",
    "Group",
    "Groups",
    "Index",
    "IndexDamaged",
    "InvalidRule",
    "InvalidThreshold",
    "Item",
    "JobStopped",
    "Journal",
    "MissingExtra",
    "NotWritable",
    "OneOfEachError",
    "Pairs",
    "Picture",
    "Plan",
    "Refused",
    "Result",
    "SourceNotFound",
    "TooManyImages",
    "UnknownFormat",
    "UnknownPlugin",
    "Unreachable",
    "UnreadableImage",
    "UnsupportedInput",
    "compare",
    "deduplicate",
    "evaluate",
    "export",
    "group",
    "journals",
    "match",
    "neighbors",
    "perform",
    "plan",
    "scan",
    "similarity",
    "undo",
]

_HOMES = {
    home: names.split()
    for home, names in {
        "oneofeach.asking": "Index",
        "oneofeach.comparison": "compare",
        "oneofeach.evaluation": "evaluate",
        "oneofeach.flow": "Result deduplicate group match scan similarity",
        "oneofeach.stages.acting.journal": "Journal",
        "oneofeach.stages.acting.journals": "journals",
        "oneofeach.stages.acting.perform": "perform",
        "oneofeach.stages.acting.plan": "plan",
        "oneofeach.stages.acting.plans": "Plan",
        "oneofeach.stages.acting.undo": "undo",
        "oneofeach.stages.export": "export",
        "oneofeach.stages.neighbors": "neighbors",
        "oneofeach.stages.sources.file_list": "FileList",
        "oneofeach.tables": "Catalog Description Duplicate Group Groups Item Pairs Picture",
    }.items()
}
"""Where the public names live that are not errors."""


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = next((home for home, names in _HOMES.items() if name in names), "oneofeach.errors")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
