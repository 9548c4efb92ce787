"""The frozen tables that stages hand to each other. Row r of a Catalog is the same image in every other table.

Item → Description → Catalog → Pairs → Groups → Outcome; only NumPy inside.
"""

from __future__ import annotations

from oneofeach.tables.catalog import Catalog, Decisions
from oneofeach.tables.columns import EVIDENCE, FACTS, Bytes, Floats, Mask, Rows
from oneofeach.tables.images import Description, Item, Picture, Readable, Sample, ending_of
from oneofeach.tables.outcome import IDENTICAL, IDENTICAL_FILES, Duplicate, Group, Outcome, Reasons
from oneofeach.tables.pairs import Groups, Pairs, Unlisted, joined

__all__ = [
    "EVIDENCE",
    "FACTS",
    "IDENTICAL",
    "IDENTICAL_FILES",
    "Bytes",
    "Catalog",
    "Decisions",
    "Description",
    "Duplicate",
    "Floats",
    "Group",
    "Groups",
    "Item",
    "Mask",
    "Outcome",
    "Pairs",
    "Picture",
    "Readable",
    "Reasons",
    "Rows",
    "Sample",
    "Unlisted",
    "ending_of",
    "joined",
]
