"""Keeps one of each image: finds duplicate and very similar images and returns the unique ones."""

from oneofeach.errors import (
    EmptyImageList,
    IndexDamaged,
    InvalidRule,
    InvalidThreshold,
    MissingExtra,
    OneOfEachError,
    Refused,
    SourceNotFound,
    UnknownFormat,
    UnknownPlugin,
    UnreadableImage,
    UnsupportedInput,
)
from oneofeach.flow import Result, deduplicate, group, match, scan, similarity
from oneofeach.index import Index
from oneofeach.stages.acting.journal import Journal, journals
from oneofeach.stages.acting.perform import perform
from oneofeach.stages.acting.plan import plan
from oneofeach.stages.acting.steps import Plan
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
    "Journal",
    "MissingExtra",
    "OneOfEachError",
    "Pairs",
    "Picture",
    "Plan",
    "Refused",
    "Result",
    "SourceNotFound",
    "UnknownFormat",
    "UnknownPlugin",
    "UnreadableImage",
    "UnsupportedInput",
    "deduplicate",
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
