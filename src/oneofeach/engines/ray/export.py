"""The table of all images → the unique set, written anew: the kept images of every shard to files of their own.

Beside them, in `manifest/`, a Parquet table per block says of every image where it was written, or why it was not.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from oneofeach.engines.ray.cluster import Task
from oneofeach.engines.ray.job import Job
from oneofeach.engines.ray.outcome import rows_part
from oneofeach.engines.ray.parts import WIDE_GROUP, Counts, encoded, read, read_slice, spans
from oneofeach.engines.ray.settings import SUFFIX, Settings, scan_part
from oneofeach.engines.ray.shards import Shard
from oneofeach.engines.ray.store import Store
from oneofeach.errors import Refused, UnknownFormat
from oneofeach.stages.export import checked_destination
from oneofeach.stages.export.parquet import write_parquet
from oneofeach.stages.export.units import Unit, named
from oneofeach.stages.export.webdataset import SHARD_SIZE, write_webdataset
from oneofeach.stages.sources.files import is_url
from oneofeach.tables import FACTS, Rows

FORMATS = ("webdataset", "parquet")
"""Those whose files can be written apart from each other."""
COLUMNS = ("row", "key", "status", "keeper_key", "similarity", "error")


@dataclass(frozen=True)
class Export:
    """destination: a folder or URL that all nodes see. shard_size: samples per tar at most."""

    destination: str
    format: str = "webdataset"
    shard_size: int = SHARD_SIZE

    @property
    def name(self) -> str:
        """Of this export in the work folder, which remembers what of it is done."""
        chosen = f"{self.destination} {self.format} {self.shard_size}"
        return f"export-{sha256(chosen.encode()).hexdigest()[:12]}"

    def begin(self, store: Store, source: Any) -> None:
        """Refused when the destination is inside the source, or there already and not from this job; UnknownFormat."""
        if self.format not in FORMATS:
            raise UnknownFormat(f"A cluster cannot export {self.format}\nUse one of: {', '.join(FORMATS)}.")
        if store.read_json(f"{self.name}.json") is not None:
            return
        if not is_url(self.destination):
            roots = source if isinstance(source, (list, tuple)) else [source]
            checked_destination(self.destination, self.format, "copy", [one for one in roots if _is_folder(one)])
        elif Store(self.destination).exists():
            hint = "Give the name of a folder that does not exist yet."
            raise Refused(f"The destination is there already: {self.destination}\n{hint}")
        store.write_json(f"{self.name}.json", {"destination": self.destination, "format": self.format})

    def run(self, job: Job, group: str) -> Counts:
        """Write all files. group: the folder of the table of all rows. Returns files, and bytes written."""
        settings, folder = job.settings, f"{group}/{self.name}"
        shards = job.listing.shards[: settings.own_shards if settings.own_shards >= 0 else None]
        tasks = [
            Task(write_shard, (settings, group, self, number, shard), written_part(folder, number))
            for number, shard in enumerate(shards)
        ]
        parts = job.stage(f"{folder}/written", tasks)
        blocks = [block for block in range(settings.blocks) if settings.block(block)[0] < settings.own]
        tasks = [Task(write_manifest, (settings, group, self, b), manifest_part(folder, b)) for b in blocks]
        job.stage(f"{folder}/manifest", tasks)
        return {name: sum(counts[name] for counts in parts.values()) for name in ("files", "written")}

    def write(self, units: Sequence[Unit], folder: Path) -> list[str]:
        """The name of each unit, as "file#name"."""
        if self.format == "parquet":
            return write_parquet(units, folder)
        return write_webdataset(units, folder, self.shard_size)


def _is_folder(source: Any) -> bool:
    return isinstance(source, (str, os.PathLike)) and os.path.isdir(source)


def written_part(folder: str, shard: int) -> str:
    return f"{folder}/written/{shard:08}{SUFFIX}"


def manifest_part(folder: str, block: int) -> str:
    return f"{folder}/manifest/{block:05}{SUFFIX}"


def write_shard(settings: Settings, group: str, export: Export, number: int, shard: Shard) -> Counts:
    """Write the kept images of a shard, under names that begin with its number.

    Refused when an image has changed since the scan.
    """
    began, names, size = time.process_time(), list[str](), 0
    low, high = settings.offsets()[number : number + 2].tolist()
    kept = _kept(settings, group, low, high)
    if len(kept):
        facts = np.ascontiguousarray(read(settings.store, scan_part(number), "facts")[0]).view(FACTS).reshape(-1)
        items = shard.items(settings.store)
        units = named((row, items[row], bytes(facts["content"][row])) for row in (kept - low).tolist())
        with tempfile.TemporaryDirectory(prefix="oneofeach-") as folder:
            names = [f"{number:08}-{name}" for name in export.write(units, Path(folder))]
            for file in sorted(os.listdir(folder)):
                size += os.path.getsize(f"{folder}/{file}")
                Store(export.destination).put(f"{number:08}-{file}", f"{folder}/{file}")
    files = len({name.partition("#")[0] for name in names})
    counts: Counts = {"rows": len(kept), "files": files, "written": size, "seconds": time.process_time() - began}
    part = encoded({"row": kept, "name": names}, counts, WIDE_GROUP)
    settings.store.write(written_part(f"{group}/{export.name}", number), part)
    return counts


def write_manifest(settings: Settings, group: str, export: Export, block: int) -> Counts:
    """What became of every image of a block: COLUMNS, and `written`, the file and the name in it; "" for none."""
    store, began, folder = settings.store, time.process_time(), f"{group}/{export.name}"
    low, high = settings.block(block)
    own = min(high, settings.own)
    columns = dict(zip(COLUMNS, read_slice(store, rows_part(group, block), 0, own - low, *COLUMNS), strict=True))
    written = [""] * (own - low)
    for shard, _, _ in spans(settings.offsets(), low, own):
        for row, name in zip(*read(store, written_part(folder, shard), "row", "name"), strict=True):
            if low <= row < own:
                written[row - low] = name
    counts: Counts = {"rows": own - low, "seconds": time.process_time() - began}
    data = encoded({**columns, "written": written}, counts, WIDE_GROUP, text=True)
    Store(export.destination).write(f"manifest/{block:05}{SUFFIX}", data)
    store.write(manifest_part(folder, block), encoded({"row": np.arange(low, own)}, counts, WIDE_GROUP))
    return counts


def _kept(settings: Settings, group: str, low: int, high: int) -> Rows:
    """The rows low..high that stay."""
    found = [np.zeros(0, np.int64)]
    for block in range(low // settings.in_block, -(-high // settings.in_block)):
        first, last = settings.block(block)
        start, stop = max(low, first), min(high, last)
        status = read_slice(settings.store, rows_part(group, block), start - first, stop - first, "status")[0]
        found.append(start + np.flatnonzero(np.array(status) == "kept"))
    return np.concatenate(found)
