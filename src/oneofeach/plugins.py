"""What a source, a fingerprint and an engine must offer, and how they are found by name.

Built-in ones stand in a table here, because a clone inside ComfyUI has no entry points; those of other packages are
entry points of the groups "oneofeach.sources", "oneofeach.fingerprints" and "oneofeach.engines". All are imported on
first use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt

from oneofeach.errors import MissingExtra, UnknownPlugin, named
from oneofeach.tables import Bytes, Catalog, Floats, Item, Pairs, Picture, Rows

Progress = Callable[[str, int, int], None]
"""Called with (stage, done, total) from the calling thread; whatever it raises ends the run and passes through."""

T = TypeVar("T")
R = TypeVar("R")


class Source(Protocol):
    """Turns what the user named into items, in a stable order."""

    def accepts(self, source: Any) -> bool: ...

    def items(self, source: Any) -> Iterator[Item]: ...


class Fingerprint(Protocol):
    """A way to describe images and to say how similar two descriptions are."""

    name: str  # with its version: everything stored carries it
    bits: int  # length of a fingerprint, a multiple of 8
    key_bits: int  # length of the search keys that the neighbor search joins on
    descriptor_bytes: int  # 0 when the bits say it all
    min_side: int  # shortest side in pixels that a scaled decode must keep; 0: decode at full size

    def describe(self, pictures: Sequence[Picture]) -> tuple[Bytes, Bytes]:
        """uint8[n, bits/8] and uint8[n, descriptor_bytes]."""

    def keys(self, bits: Bytes) -> tuple[Rows, Bytes]:
        """int64[k] rows and uint8[k, key_bits/8] search keys, one or more per row of `bits`.

        Two images are candidates when any key of one is within the radius of any key of the other.
        """

    def radius(self, threshold: float) -> int:
        """The largest Hamming distance of keys at which similarity >= threshold is possible; -1: none is."""

    def similarity(
        self, bits: Bytes, descriptors: Bytes, i: Rows, j: Rows, floor: float
    ) -> tuple[Floats, npt.NDArray[np.void]]:
        """float64[m] similarities of the pairs (i, j), rounded to 4 decimals, and EVIDENCE[m].

        A pair that cannot reach `floor` may get any value below it.
        """

    def turned(self, bits: Bytes, descriptors: Bytes, orientation: int) -> tuple[Bytes, Bytes]:
        """bits and descriptors of the same images after applying an EXIF orientation (2..8)."""


@runtime_checkable
class Bounded(Protocol):
    """What a fingerprint may offer besides: to rule pairs out before their descriptors are fetched."""

    def possible(self, a: Bytes, b: Bytes, floor: float) -> npt.NDArray[np.bool_]:
        """bool[m]: False only where the bits alone, uint8[m, bits/8] each, rule out a similarity >= floor."""


@runtime_checkable
class Searching(Protocol):
    """What a fingerprint may offer besides: to find its candidates itself, where no Hamming distance bounds them."""

    def near(self, bits: Bytes, against: Bytes | None, floor: float) -> tuple[Rows, Rows]:
        """int64[m] positions i < j in `bits`, or of `bits` and of `against`, of all pairs that may reach `floor`."""


@runtime_checkable
class Fused(Protocol):
    """What a fingerprint may offer besides: to be taken by the compiled kernel, which decodes and describes at once."""

    @property
    def spectrum(self) -> tuple[int, int, float]:
        """Addresses of a matrix and of frequencies, and a limit: what `describe` in description.c is given."""


@runtime_checkable
class Versioned(Protocol):
    """What a fingerprint may offer besides: to change its similarity, while what is stored of images stays valid."""

    similarity_version: int  # from 1 on; stored pairs of another one are measured again


def similarity_name(method: Fingerprint) -> str:
    """What stored pairs carry: the name of the method, and the version of its similarity after the first."""
    version = method.similarity_version if isinstance(method, Versioned) else 1
    return method.name if version == 1 else f"{method.name} similarity {version}"


class Engine(Protocol):
    """Runs a function over chunks and yields its results in the order of the chunks."""

    def __call__(self, function: Callable[[T], R], chunks: Iterable[T], *, workers: int) -> Iterator[R]: ...


@dataclass(frozen=True)
class Walk:
    """What an engine that walks by itself is asked for; the fields are those of flow.scan."""

    source: Any
    against: Any = None
    fingerprint: str = "oneofeach-1"
    workers: int | None = None
    progress: Progress | None = None


@runtime_checkable
class Distributed(Protocol):
    """An engine that does the walk up to the pairs by itself, on machines that hold no table as a whole."""

    def scan(self, walk: Walk) -> Catalog:
        """As flow.scan, with equal contents."""

    def find(self, walk: Walk, floor: float) -> tuple[Catalog, Pairs]:
        """As flow.scan and then match, with equal contents."""


BUILT_IN = {
    "sources": {
        "file-list": "oneofeach.stages.sources.file_list:FileListSource",
        "webdataset": "oneofeach.stages.sources.webdataset:WebDatasetSource",
        "zip": "oneofeach.stages.sources.zipped:ZipSource",
        "table": "oneofeach.stages.sources.arrow:TableSource",
        "datasets": "oneofeach.stages.sources.arrow:DatasetSource",
        "coco": "oneofeach.stages.sources.coco:CocoSource",
        "remote": "oneofeach.stages.sources.remote:RemoteSource",
        "folder": "oneofeach.stages.sources.folder:FolderSource",
        "memory": "oneofeach.stages.sources.memory:MemorySource",
    },
    "fingerprints": {
        "oneofeach-1": "oneofeach.stages.fingerprints.oneofeach:OneOfEach",
        "ahash": "oneofeach.stages.fingerprints.classic:AverageHash",
        "dhash": "oneofeach.stages.fingerprints.classic:DifferenceHash",
        "phash": "oneofeach.stages.fingerprints.classic:PerceptualHash",
        "pdq": "oneofeach.stages.fingerprints.pdq:Pdq",
        "embed": "oneofeach.stages.fingerprints.embed:Embed",
    },
    "engines": {
        "threads": "oneofeach.engines.threads:run",
        "isolated": "oneofeach.engines.isolated:run",
        "ray": "oneofeach.engines.ray:Ray",
    },
}
"""By kind and name: where each built-in plugin is. A foreign one cannot take its name."""
WITH_ARGUMENT = ("embed",)
"""Those that take one behind a colon."""


def names(kind: str) -> list[str]:
    """Names of all plugins of a kind ("sources", "fingerprints", "engines"), built-in ones first."""
    foreign = [point.name for point in entry_points(group=f"oneofeach.{kind}")]
    return list(BUILT_IN[kind]) + [name for name in sorted(foreign) if name not in BUILT_IN[kind]]


def load(kind: str, name: str) -> Any:
    """The plugin itself; "name:argument" is one that takes it. UnknownPlugin when there is none of that name."""
    text = str(name)
    base, _, argument = text.partition(":")
    if argument and base in WITH_ARGUMENT:
        return partial(load(kind, base), argument)
    if text in BUILT_IN[kind]:
        module, _, attribute = BUILT_IN[kind][text].partition(":")
        return getattr(import_module(module), attribute)
    for point in entry_points(group=f"oneofeach.{kind}", name=text):
        return point.load()
    raise UnknownPlugin(f"Unknown {kind[:-1]}: {named(name)}\nChoose one of: {', '.join(names(kind))}.")


def extra(module: str, name: str) -> ModuleType:
    """Import `module`, which the extra `name` brings. MissingExtra with the exact command when it is not installed."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise
        raise MissingExtra(f"{module} is not installed\nInstall it with: pip install 'oneofeach[{name}]'") from error
