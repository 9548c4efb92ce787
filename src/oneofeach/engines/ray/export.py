"""The table of all images → the unique set, written anew by the workers: the same files as one machine writes.

Names and files are planned first: then every file, or the images of every shard, can be written apart from the others.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, astuple, dataclass
from hashlib import sha256
from typing import Any

from oneofeach.engines.ray.cluster import Task
from oneofeach.engines.ray.destination import Destination
from oneofeach.engines.ray.job import AT_ONCE, Job
from oneofeach.engines.ray.manifest import finish, gather_lines
from oneofeach.engines.ray.naming import Exporting, gather_names, gather_wished
from oneofeach.engines.ray.outcome import Grouping
from oneofeach.engines.ray.parts import Counts, read, spans
from oneofeach.engines.ray.store import Store
from oneofeach.engines.ray.written import write_file
from oneofeach.errors import Refused
from oneofeach.stages.export import checked_destination, checked_form
from oneofeach.stages.export.coco import checked
from oneofeach.stages.export.files import NAMES, SHARD_SIZE, File, files_of
from oneofeach.stages.export.naming import stems_of
from oneofeach.stages.sources.files import is_url
from oneofeach.tables import Item


@dataclass(frozen=True)
class Export:
    """destination: a folder or URL that all nodes see. link, shard_size: as for one machine."""

    destination: str
    format: str = "folder"
    link: str = "copy"
    shard_size: int = SHARD_SIZE

    @property
    def place(self) -> str:
        path = self.destination.removeprefix("file://")
        return path if is_url(path) else os.path.abspath(path)

    def check(self, source: Any) -> None:
        """To be asked before a long scan. Refused when the destination is inside the source; UnknownFormat."""
        checked_form(self.format, self.link)
        if not is_url(self.place):
            roots = source if isinstance(source, (list, tuple)) else [source]
            checked_destination(
                self.place, self.format, self.link, [one for one in roots if _is_folder(one)], new=False
            )
        elif self.link != "copy":
            raise Refused(f"There are no links behind a URL: {self.place}\nUse --link copy, or a folder of a disk.")

    def begin(self, grouping: Grouping) -> Exporting:
        """Refused when the destination is there already, and not from this export; NotWritable."""
        settings = grouping.job.settings
        chosen = {**asdict(self), "destination": self.place}
        mark = sha256(repr((settings.root, grouping.folder, sorted(chosen.items()))).encode()).hexdigest()[:12]
        folder, destination = f"{grouping.folder}/export-{mark}", Destination(self.place, mark)
        state = Store(f"{settings.root}/{folder}")
        known = state.read_json("export.json") is not None
        if known and not (destination.is_begun or destination.is_there):
            state.remove()  # what was written has been deleted since
            known = False
        if destination.is_there and (destination.is_begun or not known):
            hint = "Give the name of a folder that does not exist yet."
            raise Refused(f"The destination is there already: {self.place}\n{hint}")
        if not known:
            state.write_json("export.json", chosen)
            destination.begin()
        stems = stems_of(_own_items(grouping.job), self.format)
        return Exporting(settings, grouping.folder, folder, self.format, self.link, stems, destination)

    def run(self, grouping: Grouping, export: Exporting) -> Counts:
        """Write all files. Returns how many, with all that travels with the images, and their bytes."""
        job, settings = grouping.job, grouping.job.settings
        shards = job.listing.shards[: settings.own_shards if settings.own_shards >= 0 else None]
        wished = _run(job, export, "wished", gather_wished, {n: (n, shard) for n, shard in enumerate(shards)})
        _run(job, export, "names", gather_names, {share: (len(shards), share) for share in range(export.shares)})
        files = self._planned(export, wished)
        offsets = settings.offsets()
        tasks = {
            number: (number, file, whole, {k: shards[k] for k, _, _ in spans(offsets, file.low, file.high)})
            for number, (file, whole) in files.items()
        }
        written = _run(job, export, "written", write_file, tasks)
        self._finish(grouping, export, files)
        return {name: sum(counts[name] for counts in written.values()) for name in ("files", "written")}

    def _planned(self, export: Exporting, wished: dict[int, Counts]) -> dict[int, tuple[File, bool]]:
        """The files by number, and whether the format keeps all images of the export, or of the split, whole."""
        offsets = export.settings.offsets().tolist()
        if self.format not in NAMES:
            kept_whole, kept = (int(sum(counts[name] for counts in wished.values())) for name in ("whole", "rows"))
            checked(kept_whole, kept)
            whole = kept_whole > 0
            each = {n: File("", "", offsets[n], offsets[n + 1]) for n, counts in wished.items() if counts["rows"]}
            return {number: (file, whole) for number, file in each.items()}
        store, name = export.settings.store, f"{export.folder}/plan.json"
        known = store.read_json(name)
        if known is None:
            splits: dict[str, bool] = {}
            files = files_of(self.format, _rows(export, list(wished), splits), self.shard_size)
            known = [[*astuple(file), splits[file.split]] for file in files]
            store.write_json(name, known)
        return {number: (File(*file), whole) for number, (*file, whole) in enumerate(known)}

    def _finish(self, grouping: Grouping, export: Exporting, files: dict[int, tuple[File, bool]]) -> None:
        job, settings = grouping.job, export.settings
        blocks, links = settings.own_blocks, job.links()
        tasks = {}
        for block in blocks:
            low, high = settings.block(block)
            mine = [number for number, (file, _) in files.items() if file.low < high and file.high > low]
            tasks[block] = (grouping.keep, links, mine, block)
        job.facts()
        _run(job, export, "manifest", gather_lines, tasks)
        whole = any(whole for _, whole in files.values())
        _run(job, export, "finished", finish, {0: (sorted(files), len(blocks), whole)})


def _run(
    job: Job, export: Exporting, stage: str, function: Callable[..., Counts], args: dict[int, tuple[Any, ...]]
) -> dict[int, Counts]:
    """The counts of a stage, by the numbers of its parts."""
    tasks = [Task(function, (export, *given), export.part(stage, number)) for number, given in args.items()]
    parts = job.stage(f"{export.folder}/{stage}", tasks)
    return {number: parts[export.part(stage, number)] for number in args}


def _rows(export: Exporting, shards: Sequence[int], splits: dict[str, bool]) -> Iterator[tuple[int, int, str]]:
    """(row, size, split) of every kept image; then `splits` says of each whether the format keeps all of it whole."""
    store, names = export.settings.store, ("row", "size", "split", "whole")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for at in range(0, len(shards), AT_ONCE):
            parts = [export.part("wished", shard) for shard in shards[at : at + AT_ONCE]]
            for columns in pool.map(lambda part: read(store, part, *names), parts):
                for row, size, split, whole in zip(*columns, strict=True):
                    splits[split] = bool(whole) and splits.get(split, True)
                    yield int(row), int(size), split


def _own_items(job: Job) -> Iterator[Item]:
    """The items that the driver has listed, in order, without those that others are only compared with."""
    own = job.settings.own_shards
    for number, items in sorted(job.listing.slices.items()):
        if own < 0 or number < own:
            yield from items


def _is_folder(source: Any) -> bool:
    return isinstance(source, (str, os.PathLike)) and os.path.isdir(source)
