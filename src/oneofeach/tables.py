"""The frozen tables that stages hand to each other. Row r of a Catalog is the same image in every other table.

Item → Description → Catalog → Pairs → Groups; only NumPy inside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

FACTS = np.dtype(
    [
        ("content", "u1", 32),  # SHA-256 of the file's bytes; all zero for images that never were a file
        ("bytes", "<i8"),  # size of the file; 0 for images that never were a file
        ("mtime_ns", "<i8"),
        ("width", "<i4"),  # upright, in pixels
        ("height", "<i4"),
        ("frames", "<i4"),
        ("quality", "<f4"),  # estimated encoder quality 0..100; 100 for lossless
        ("sharpness", "<f4"),
        ("color", "u1"),  # 1: some color is there; 0: all gray
        ("format", "S8"),  # "JPEG", "PNG", ...; "" for arrays
    ]
)
"""One record per image: what reading and decoding it taught us."""

EVIDENCE = np.dtype(
    [
        ("key_distance", "<u2"),  # Hamming distance of the search keys
        ("distance", "<u2"),  # Hamming distance of the whole fingerprints
        ("verified", "<f4"),  # similarity measured on the descriptors
        ("term", "u1"),  # which term decided: see stages/similarity.py
        ("orientation", "u1"),  # EXIF orientation value that turns j upright onto i; 1: as it is
        ("views", "u1"),  # bit 0: i was compared without its border; bit 1: j was
        ("color", "<f4"),  # share of the windows that agree in color
        ("overlap", "<f4"),  # intersection over union of the two frames after registration
        ("affine", "<f4", 6),  # registration: x of i → x of j, both frames [-1, 1]²
        ("worst", "u1", 2),  # row and column of the window that agrees least
    ]
)
"""One record per pair: why the similarity is what it is."""

Bytes = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@runtime_checkable
class Readable(Protocol):
    """An encoded image that is not a plain file: a tar member, a Parquet cell. Picklable."""

    def read(self) -> bytes: ...


@runtime_checkable
class Sample(Readable, Protocol):
    """A Readable whose container holds more that belongs to the image: a tar sample, a Parquet row, a COCO entry.

    place: where the bytes are, the same in every run ("/data/shard-1.tar#512"); what the index knows it by.
    name: unique inside the container, without extension. extension: of the image, without dot ("jpg").
    companions: what travels with the image, by extension ("txt", "json", "seg.png").
    """

    @property
    def place(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def extension(self) -> str: ...

    def companions(self) -> Mapping[str, bytes]: ...


@dataclass(frozen=True, slots=True)
class Item:
    """One image as a source names it, not yet opened.

    key: stable and printable (a relative path, "shard-0001.tar#000123", "[3]").
    input: what the user gave and gets back in `unique_images`.
    opener: str path, bytes, PIL image, array, tensor, or Readable; what `decode` opens. None: same as input.
    size, mtime_ns, inode: hints for the index, -1 when there is none.
    sidecars: paths of the files that belong to the image (captions, masks, ...).
    error: the source already knows that this image cannot be read.
    """

    key: str
    input: Any
    opener: Any = None
    size: int = -1
    mtime_ns: int = -1
    inode: int = -1
    sidecars: tuple[str, ...] = ()
    error: str = ""

    def __init__(
        self,
        key: str,
        input: Any,
        opener: Any = None,
        size: int = -1,
        mtime_ns: int = -1,
        inode: int = -1,
        sidecars: tuple[str, ...] = (),
        error: str = "",
    ) -> None:
        # what a frozen dataclass does by itself, in half the time: items are made by the million
        _set_key(self, key)
        _set_input(self, input)
        _set_opener(self, opener)
        _set_size(self, size)
        _set_mtime_ns(self, mtime_ns)
        _set_inode(self, inode)
        _set_sidecars(self, sidecars)
        _set_error(self, error)

    @property
    def source(self) -> Any:
        return self.input if self.opener is None else self.opener


_set_key, _set_input, _set_opener, _set_size, _set_mtime_ns, _set_inode, _set_sidecars, _set_error = (
    getattr(Item, field.name).__set__ for field in fields(Item)
)


@dataclass(frozen=True, slots=True)
class Picture:
    """Decoded pixels on their way to a fingerprint.

    pixels: uint8 [h, w] or [h, w, 3], not yet turned upright, alpha already flattened over white; or what gives such
    pixels where it is indexed (kernels.levels.Levels), so that a large tensor is never copied whole.
    extent: (width, height) in pixels of `pixels` that the picture truly covers: a scaled decode may pad its last block.
    orientation: EXIF orientation 1..8 still to be applied.
    """

    pixels: Any
    extent: tuple[float, float]
    orientation: int = 1


@dataclass(frozen=True, slots=True)
class Description:
    """What a scan knows about one image: a row of the catalog to be. `error` is empty when it was readable."""

    facts: np.void
    bits: Bytes  # [bits / 8]
    descriptor: Bytes  # [bytes], layout private to the fingerprint
    note: str = ""
    error: str = ""


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
    decisions: Decisions = Decisions()
    sources: tuple[str, ...] = ()
    against: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("kept_earlier", "reference"):
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


class Unlisted(Protocol):
    """Pairs that are too many to be listed, all of them of two dense rows; they are asked for row by row."""

    @property
    def dense(self) -> Mask:
        """bool[n]"""

    def around(self, row: int) -> Rows:
        """The other dense rows that may be similar to a dense row, listed pairs or not."""

    def similarity(self, row: int, others: Rows) -> Floats:
        """float64[k] to each of the others; below the floor of the pairs any value below it."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of rows with similarity >= floor, i < j, sorted by (i, j); identical images are collapsed in `same`.

    same: int64[n], the first row that is identical to this one (same content, or same fingerprint and descriptor);
    rows with equal `same` have similarity 1.0, and i, j only name rows with same[r] == r.
    similarity: float64[m], rounded to 4 decimals. evidence: EVIDENCE[m].
    unlisted: where clusters are so dense that their pairs are not listed, what answers for them; else None.
    """

    floor: float
    i: Rows
    j: Rows
    similarity: Floats
    evidence: npt.NDArray[np.void]
    same: Rows
    orientations: str = "upright"  # what was searched: "upright", or "all" flips and quarter turns too
    unlisted: Unlisted | None = None

    def __len__(self) -> int:
        return len(self.i)

    def at(self, threshold: float) -> Pairs:
        """The pairs with similarity >= threshold."""
        keep = self.similarity >= threshold
        i, j, similarity, evidence = self.i[keep], self.j[keep], self.similarity[keep], self.evidence[keep]
        return replace(self, floor=threshold, i=i, j=j, similarity=similarity, evidence=evidence)


def joined(parts: Sequence[Pairs], floor: float, same: Rows) -> Pairs:
    """Consecutive parts of one sorted list of pairs, put together again."""
    none = np.zeros(0, np.int64)
    parts = parts or [Pairs(floor, none, none, np.zeros(0), np.zeros(0, EVIDENCE), same)]
    i, j = np.concatenate([part.i for part in parts]), np.concatenate([part.j for part in parts])
    similarity = np.concatenate([part.similarity for part in parts])
    return Pairs(floor, i, j, similarity, np.concatenate([part.evidence for part in parts]), same)


@dataclass(frozen=True)
class Groups:
    """Who stays, and for whom the others go.

    keeper: int64[n], the row kept in place of each row; itself when it is kept, -1 when it was skipped or is only
    compared with.
    similarity: float64[n] to the keeper; 1.0 for kept rows.
    pair: int64[n], position in Pairs that joins the row to its keeper; -1 for kept, skipped and identical rows, and
    where that pair is not listed.
    """

    keeper: Rows
    similarity: Floats
    pair: Rows

    @property
    def kept(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.keeper == np.arange(len(self.keeper)))

    @property
    def removed(self) -> npt.NDArray[np.bool_]:
        return np.asarray((self.keeper >= 0) & ~self.kept)


@dataclass(frozen=True, slots=True)
class Duplicate:
    """One removed image: the row, its similarity to the keeper, why they match, and why the keeper stays instead."""

    row: int
    key: str
    input: Any
    similarity: float
    evidence: str
    reason: str


@dataclass(frozen=True, slots=True)
class Group:
    """One kept image and the images removed in its favor, in input order."""

    row: int
    key: str
    input: Any
    duplicates: tuple[Duplicate, ...]

    @property
    def reason(self) -> str:
        """Why the keeper stays: the comparison with its strongest rival, else with the first duplicate."""
        return self.duplicates[0].reason


IDENTICAL_FILES = "identical files"
IDENTICAL = "same picture, no difference measured"


class Reasons(Protocol):
    """Why one row is preferred to another; see stages/preference.py."""

    @property
    def order(self) -> Rows:
        """int64[n]: row numbers, most preferred first."""

    def reason(self, keeper: int, goer: int) -> str: ...


@dataclass(frozen=True)
class Outcome:
    """Everything a de-duplication found, as tables, with the views a person asks for."""

    catalog: Catalog
    pairs: Pairs
    assignment: Groups
    ranking: Reasons
    similarity_threshold: float
    keep: str
    words: Callable[[np.void], str]

    @property
    def unique_images(self) -> list[Any]:
        """The kept inputs themselves, in input order."""
        return [self.catalog.items[r].input for r in np.flatnonzero(self.assignment.kept).tolist()]

    @property
    def removed(self) -> list[Any]:
        """The removed inputs themselves, in input order."""
        return [self.catalog.items[r].input for r in np.flatnonzero(self.assignment.removed).tolist()]

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """(key, reason) of the images that could not be read, in input order."""
        catalog = self.catalog
        return [(catalog.items[r].key, catalog.errors[r]) for r in sorted(catalog.errors) if not catalog.reference[r]]

    @property
    def groups(self) -> list[Group]:
        """Every kept image that stands for others, in input order; its duplicates in order of preference."""
        members: dict[int, list[int]] = {}
        for row in self.ranking.order:
            keeper = int(self.assignment.keeper[row])
            if keeper >= 0 and keeper != row:
                members.setdefault(keeper, []).append(int(row))
        return [self._group(keeper, members[keeper]) for keeper in sorted(members)]

    def _group(self, keeper: int, rows: Sequence[int]) -> Group:
        item = self.catalog.items[keeper]
        return Group(keeper, item.key, item.input, tuple(self._duplicate(keeper, row) for row in rows))

    def _duplicate(self, keeper: int, row: int) -> Duplicate:
        item, pair = self.catalog.items[row], int(self.assignment.pair[row])
        if self.catalog.same_bytes(keeper, row):
            evidence = IDENTICAL_FILES
        else:
            evidence = self.words(self.pairs.evidence[pair]) if pair >= 0 else IDENTICAL
        similarity = float(self.assignment.similarity[row])
        return Duplicate(row, item.key, item.input, similarity, evidence, self.ranking.reason(keeper, row))

    @property
    def counts(self) -> dict[str, int]:
        """seen = kept + removed + skipped."""
        seen = len(self.catalog) - int(self.catalog.reference.sum())
        kept, removed = int(self.assignment.kept.sum()), int(self.assignment.removed.sum())
        return {"seen": seen, "kept": kept, "removed": removed, "skipped": len(self.skipped)}
