"""Where an export goes: a folder that appears when it is complete, or a URL whose files appear one by one.

What workers write lies beside the folder until then. A URL is complete when its manifest is there.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from oneofeach.engines.ray.store import Store
from oneofeach.errors import NotWritable, Refused
from oneofeach.stages.export.manifest import MANIFEST
from oneofeach.stages.export.naming import plain
from oneofeach.stages.sources.files import is_url

CONNECTIONS = 8  # files that are sent at the same time: they wait for the network, not for the core


@dataclass(frozen=True)
class Destination:
    """place: an absolute path, or a URL. mark: of one export, so that its unfinished folder is no other's."""

    place: str
    mark: str

    @property
    def unfinished(self) -> Path:
        """The folder of an export that is not complete; of a URL there is none."""
        folder, name = os.path.split(self.place)
        return Path(folder, f".{name}.{self.mark}.part")

    @property
    def is_there(self) -> bool:
        return Store(self.place).exists() if is_url(self.place) else os.path.lexists(self.place)

    @property
    def is_begun(self) -> bool:
        return not is_url(self.place) and (self.unfinished / "files").is_dir()

    @property
    def is_complete(self) -> bool:
        """Has the folder its name? Of a URL nobody can tell."""
        return not is_url(self.place) and not self.is_begun and self.is_there

    def begin(self) -> None:
        """NotWritable when no folder can be made there."""
        if is_url(self.place):
            return
        try:
            (self.unfinished / "files").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NotWritable(self.place, error.strerror or str(error)) from error

    def discard(self) -> None:
        """Delete what is not complete, unless something else has its name by now: see `complete`."""
        if not is_url(self.place) and not self.is_there:
            shutil.rmtree(self.unfinished, ignore_errors=True)

    @contextmanager
    def staged(self) -> Iterator[Path]:
        """A folder of this machine, whose files appear at the destination, each of them whole, when the block ends."""
        folder = Path(tempfile.mkdtemp(prefix="oneofeach-")) if is_url(self.place) else self.unfinished / uuid4().hex
        folder.mkdir(exist_ok=True)
        try:
            yield folder
            names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
            self._publish(folder, sorted(names, key=lambda name: (name == MANIFEST, name)))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _publish(self, folder: Path, names: list[str]) -> None:
        if is_url(self.place):
            store = Store(self.place)
            with ThreadPoolExecutor(CONNECTIONS) as pool:
                list(pool.map(lambda name: store.put(plain(name), str(folder / name)), names[:-1]))
            for name in names[-1:]:  # which is the manifest, where there is one
                store.put(plain(name), str(folder / name))
            return
        for name in names:
            target = self.unfinished / "files" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(folder / name, target)

    def complete(self) -> None:
        """Give the folder its name. Refused when something else has it by now."""
        if is_url(self.place):
            return
        if self.is_begun:
            if self.is_there:
                hint = f"Move it away and run again; what was written lies in {self.unfinished}."
                raise Refused(f"The destination was made by somebody else meanwhile: {self.place}\n{hint}")
            os.rename(self.unfinished / "files", self.place)
        shutil.rmtree(self.unfinished, ignore_errors=True)
