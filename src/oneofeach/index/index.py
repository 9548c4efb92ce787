"""The index as its users see it: one object for a path, from which a run takes what it needs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from oneofeach.errors import MissingExtra
from oneofeach.index import care
from oneofeach.index.decisions import DecisionStore
from oneofeach.index.images import Images
from oneofeach.index.kept import KeptStore
from oneofeach.index.pairs import PairStore
from oneofeach.index.query import Keys
from oneofeach.index.store import Store, renewing
from oneofeach.plugins import Fingerprint, similarity_name

FILE_NAME = "index.sqlite"
Self = TypeVar("Self", bound="Index")


def default_path() -> str:
    """The place of the user's own index: ONEOFEACH_INDEX, or the cache folder of the platform."""
    chosen = os.environ.get("ONEOFEACH_INDEX")
    if chosen:
        return chosen
    try:
        from platformdirs import user_cache_dir
    except ModuleNotFoundError as error:
        hint = "Give the path of the index, or install it with: pip install platformdirs"
        raise MissingExtra(
            f"platformdirs is not installed, so there is no default place for an index\n{hint}"
        ) from error
    return os.path.join(user_cache_dir("oneofeach", appauthor=False), FILE_NAME)


@contextmanager
def users_own() -> Iterator[Index | None]:
    """The user's own index for a while; None where there is none. No file is made."""
    try:
        path = default_path()
    except MissingExtra:
        path = ""
    if not os.path.exists(path):
        yield None
        return
    with Index(path) as index:
        yield index


class Index:
    """Close it, or use it in a `with`. Threads may share it; other processes may have the same file open."""

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        """path: of the SQLite file, made when it is not there; None: the default place."""
        self.store = Store(default_path() if path is None else path)

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self.store.close()

    @property
    def path(self) -> str:
        return self.store.path

    @property
    def rebuilt(self) -> str:
        """Why a new file was begun in place of this one, when it was opened or later; "" while it is sound."""
        return self.store.rebuilt

    def images(self, method: Fingerprint, decoder: str, tools: str = "") -> Images:
        """The stored descriptions of one method and version of the decoder. tools: the decoders at hand."""
        return Images(self.store, f"{_layout(method)} {decoder}", method.descriptor_bytes, tools)

    def pairs(self, method: Fingerprint) -> PairStore:
        """The stored pairs of one method and version of its similarity."""
        return PairStore(self.store, _layout(method, similarity_name(method)))

    def keys(self, method: Fingerprint, decoder: str) -> Keys:
        """All stored images of one method, ready to be asked for the nearest ones."""
        return Keys(self.store, self.images(method, decoder).readable, method)

    @property
    def decisions(self) -> DecisionStore:
        """What a person decided, for every run to obey."""
        return DecisionStore(self.store)

    def mark_kept(self, contents: Iterable[bytes]) -> None:
        """Remember that an applied run kept these contents (SHA-256) in place of others: later runs prefer them."""
        self.runs.mark(contents)

    def forget_kept(self, contents: Iterable[bytes]) -> None:
        """Take `mark_kept` back, as undoing a run does."""
        self.runs.forget(contents)

    @property
    def runs(self) -> KeptStore:
        """What applied runs kept."""
        return KeptStore(self.store)

    def kept(self, contents: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
        """bool[n]: which of the contents (uint8[n, 32]) an earlier applied run kept."""
        stored = self.runs.load()
        if not stored:
            return np.zeros(len(contents), bool)
        return np.array([bytes(content) in stored for content in contents], bool)

    @renewing
    def status(self) -> care.Status:
        return care.status(self.store)

    def verify(self, sample: int | None = care.SAMPLE) -> care.Verified:
        return care.verify(self.store, sample)

    @renewing
    def prune(self) -> care.Pruned:
        return care.prune(self.store)


def _layout(method: Fingerprint, name: str = "") -> str:
    """Name and sizes: what is stored under it can always be read as such."""
    return f"{name or method.name} {method.bits}+{8 * method.descriptor_bytes}"
