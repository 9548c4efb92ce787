"""All scanned images in input order, and what a person decided about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from oneofeach.tables.columns import Bytes, Mask
from oneofeach.tables.images import Item


@dataclass(frozen=True)
class Decisions:
    """What a person decided about contents (SHA-256), for good: apart, no duplicates of each other; kept, they stay."""

    apart: frozenset[tuple[bytes, bytes]] = frozenset()
    kept: frozenset[bytes] = frozenset()

    def apart_from(self, content: bytes) -> frozenset[bytes]:
        """The contents that are no duplicates of this one."""
        return frozenset(other for pair in self.apart if content in pair for other in pair if other != content)


@dataclass(frozen=True)
class Catalog:
    """All scanned images, in input order.

    fingerprint: name and version of the method, e.g. "oneofeach-1".
    facts: FACTS[n]; bits: uint8[n, bits/8]; descriptors: uint8[n, bytes].
    errors, notes: sparse, row → text. A row with an error takes part in nothing else.
    kept_earlier: bool[n], contents that an earlier applied run kept: preferred to all others.
    reference: bool[n], images that the others are only compared with: the last rows, never removed, never counted.
    links: bool[n], symbolic links to the file of another row: that one is preferred to them.
    decisions: what grouping must obey.
    sources, against: absolute paths and URLs of what was scanned, and of what it was compared with; empty when there
    are none.
    """

    fingerprint: str
    items: Sequence[Item]
    facts: npt.NDArray[np.void]
    bits: Bytes
    descriptors: Bytes
    errors: Mapping[int, str] = field(default_factory=dict)
    notes: Mapping[int, str] = field(default_factory=dict)
    kept_earlier: Mask = field(default_factory=lambda: np.zeros(0, bool))
    reference: Mask = field(default_factory=lambda: np.zeros(0, bool))
    links: Mask = field(default_factory=lambda: np.zeros(0, bool))
    decisions: Decisions = Decisions()
    sources: tuple[str, ...] = ()
    against: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("kept_earlier", "reference", "links"):
            if len(getattr(self, name)) != len(self.items):
                object.__setattr__(self, name, np.zeros(len(self.items), bool))

    def __len__(self) -> int:
        return len(self.items)

    def same_bytes(self, a: int, b: int) -> bool:
        """Whether two rows are byte-identical files."""
        content = self.facts["content"]
        return bool(content[a].any()) and bytes(content[a]) == bytes(content[b])

    @property
    def always_kept(self) -> Mask:
        """bool[n]: rows of a content that a person decided to keep."""
        kept = self.decisions.kept
        if not kept:
            return np.zeros(len(self), bool)
        return np.array([bytes(content) in kept for content in self.facts["content"]], bool) & self.readable

    @property
    def readable(self) -> npt.NDArray[np.bool_]:
        """bool[n]: rows without an error."""
        mask = np.ones(len(self), bool)
        mask[list(self.errors)] = False
        return mask
