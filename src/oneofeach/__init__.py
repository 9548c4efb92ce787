"""Keeps one of each image: finds duplicate and very similar images and returns the unique ones."""

from oneofeach.errors import (
    EmptyImageList,
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
from oneofeach.stages.neighbors import neighbors
from oneofeach.tables import Catalog, Description, Duplicate, Group, Groups, Item, Pairs, Picture

__version__ = "0.1.0"

__all__ = [
    "Catalog",
    "Description",
    "Duplicate",
    "EmptyImageList",
    "Group",
    "Groups",
    "InvalidRule",
    "InvalidThreshold",
    "Item",
    "MissingExtra",
    "OneOfEachError",
    "Pairs",
    "Picture",
    "Refused",
    "Result",
    "SourceNotFound",
    "UnknownFormat",
    "UnknownPlugin",
    "UnreadableImage",
    "UnsupportedInput",
    "deduplicate",
    "group",
    "match",
    "neighbors",
    "scan",
    "similarity",
]
