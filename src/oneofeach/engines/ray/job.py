"""The walk on a cluster: shards → scan → keys → identical → density → candidates → descriptors → pairs.

A stage is closed by a manifest of its parts and their counts; a closed stage is never run again, and in an open one
only the parts that are missing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from oneofeach.engines.ray import crowd, density, identical, keys, match, shards
from oneofeach.engines.ray.cluster import Cluster, Crashed, Finished, Task
from oneofeach.engines.ray.parts import Counts, counts_of
from oneofeach.engines.ray.poison import Quarantine
from oneofeach.engines.ray.scan import Piece
from oneofeach.engines.ray.settings import Settings
from oneofeach.engines.ray.shards import Listing
from oneofeach.engines.ray.store import Store
from oneofeach.errors import EmptyImageList, NotWritable, OneOfEachError, Refused
from oneofeach.plugins import similarity_name
from oneofeach.stages.sources import empty_hint, others_of
from oneofeach.tables import EVIDENCE, FACTS, Rows

Progress = Callable[[str, int, int], None]
Parts = dict[str, Counts]
LAYOUT = 5  # of the parts; another layout is another job
AT_ONCE = 32  # footers read at the same time


@dataclass
class Job:
    """A job in its work folder. Every stage is a method that returns its parts by name, with their counts."""

    settings: Settings
    cluster: Cluster
    listing: Listing
    progress: Progress | None = None
    stages: dict[str, Parts] = field(default_factory=dict)

    def scan(self) -> Parts:
        pieces = [Piece(number, shard) for number, shard in enumerate(self.listing.shards)]
        quarantine = Quarantine(self.settings)
        tasks = [quarantine.scan(piece) for piece in pieces]
        parts = self.stage("scan", tasks, quarantine.finished, quarantine.crashed)
        if not sum(counts["rows"] for counts in parts.values()):
            raise EmptyImageList
        return parts

    def keys(self) -> Parts:
        return self._numbered("keys", keys.gather_keys, keys.keys_part, self.settings.blocks)

    def facts(self) -> Parts:
        return self._numbered("facts", keys.gather_facts, keys.facts_part, self.settings.blocks)

    def identical(self) -> Parts:
        return self._numbered(
            "identical", identical.gather_identical, identical.identical_part, identical.buckets(self.settings)
        )

    def density(self) -> Parts:
        settings, folder = self.settings, self.settings.folder
        task = Task(density.gather_sampled, (settings,), density.sampled_part(settings))
        sampled = self.stage(f"{folder}/sampled", [task])
        tasks = [
            Task(density.gather_density, (settings, block), density.density_part(settings, block))
            for block in settings.own_blocks
        ]
        parts = self.stage(f"{folder}/density", tasks) if sampled[task.part]["rows"] else {}
        task = Task(density.choose_dense, (settings, tuple(parts)), density.dense_part(settings))
        return self.stage(f"{folder}/dense", [task])

    @property
    def crowded(self) -> bool:
        """Whether some pairs are not listed, because they are too many."""
        return any(counts["rows"] for counts in self.density().values())

    def crowd(self) -> Parts:
        tasks = [
            Task(crowd.gather_crowd, (self.settings, block), crowd.crowd_part(self.settings, block))
            for block in self.settings.own_blocks
        ]
        return self.stage(f"{self.settings.folder}/crowd", tasks)

    def candidates(self) -> Parts:
        blocks = range(self.settings.blocks)
        tasks = [self._candidates(a, b) for a in self.settings.own_blocks for b in blocks if a <= b]
        return self.stage(f"{self.settings.folder}/candidates", tasks, self._in_shares)

    def descriptors(self) -> Parts:
        naming: dict[int, list[tuple[str, bool, bool]]] = defaultdict(list)
        for part, (a, b), _ in self._with_candidates():
            for block in {a, b}:
                naming[block].append((part, block == a, block == b))
        tasks = [
            Task(
                match.gather_descriptors,
                (self.settings, block, tuple(parts)),
                match.descriptors_part(self.settings, block),
            )
            for block, parts in sorted(naming.items())
        ]
        return self.stage(f"{self.settings.folder}/descriptors", tasks)

    def pairs(self) -> Parts:
        tasks = []
        for part, (a, b), rows in self._with_candidates():
            for start in range(0, rows, self.settings.verify_pairs):
                stop = min(start + self.settings.verify_pairs, rows)
                name = match.pairs_part(self.settings, part, start)
                tasks.append(Task(match.verify, (self.settings, a, b, part, start, stop), name))
        return self.stage(f"{self.settings.folder}/pairs", tasks)

    def links(self) -> Rows:
        """Rows that are symbolic links to other rows' files. Once the scan is closed."""
        return self.listing.links(self.settings.offsets())

    def run(self) -> None:
        """All stages, in order."""
        self.scan(), self.keys(), self.identical(), self.density()
        self.candidates(), self.descriptors(), self.pairs()

    def summary(self) -> str:
        """One sentence on what the stages that were looked at have taken, in this run and in earlier ones."""
        total: dict[str, float] = defaultdict(float)
        for name, parts in self.stages.items():
            for counts in parts.values():
                total[name] += counts["rows"]
                total["seconds"] += counts.get("seconds", 0.0)
                total["bytes"] += counts.get("bytes", 0.0)
        read = f"{total['scan']:,.0f} images read ({total['bytes'] / 1e9:,.2f} GB)"
        found = f"{total['candidates']:,.0f} candidates, {total['pairs']:,.0f} pairs"
        return f"{read}, {found}, {total['seconds'] / 3600:,.2f} CPU-hours."

    def stage(
        self, name: str, tasks: Sequence[Task], finished: Finished | None = None, crashed: Crashed | None = None
    ) -> Parts:
        """Run what is missing of a stage and close it."""
        store = self.settings.store
        closed = store.read_json(f"{name}.json")
        if closed is None:
            parts = self._open(name, tasks, finished or _nothing_more, crashed)
            closed = {"parts": dict(sorted(parts.items()))}
            store.write_json(f"{name}.json", closed)
        self.stages[name.rpartition("/")[2]] = closed["parts"]
        return self.stages[name.rpartition("/")[2]]

    def _open(self, name: str, tasks: Sequence[Task], finished: Finished, crashed: Crashed | None) -> Parts:
        parts = _there(self.settings, name)
        self._report(name, len(parts), len(tasks))

        def done(task: Task, counts: Counts) -> Iterable[Task]:
            more = [one for one in finished(task, counts) if one.part not in parts]
            if not more and task.part.startswith(f"{name}/"):
                parts[task.part] = counts
                self._report(name, len(parts), max(len(tasks), len(parts)))
            return more

        self.cluster.run([task for task in tasks if task.part not in parts], done, crashed)
        return parts

    def _report(self, name: str, done: int, total: int) -> None:
        if self.progress:
            stage = name.rpartition("/")[2]
            self.progress(f"ray {'round' if stage.startswith('round-') else stage}", done, total)

    def _numbered(self, name: str, function: Callable[..., Counts], part: Callable[[int], str], number: int) -> Parts:
        return self.stage(name, [Task(function, (self.settings, k), part(k)) for k in range(number)])

    def _candidates(self, *blocks_and_share: int) -> Task:
        part = match.candidates_part(self.settings, *blocks_and_share)
        return Task(match.find_candidates, (self.settings, *blocks_and_share), part)

    def _in_shares(self, task: Task, counts: Counts) -> list[Task]:
        shares = int(counts.get("shares", 0))
        return [self._candidates(*task.args[1:3], share, shares) for share in range(shares)]

    def _with_candidates(self) -> list[tuple[str, tuple[int, int], int]]:
        """Parts that hold candidates, their blocks and how many there are."""
        found = []
        for part, counts in self.candidates().items():
            a, b = part.rpartition("/")[2].removesuffix(".parquet").split("-")[:2]
            if counts["rows"]:
                found.append((part, (int(a), int(b)), int(counts["rows"])))
        return found


def opened(source: Any, against: Any, settings: Settings, cluster: Cluster, progress: Progress | None = None) -> Job:
    """A new job in its work folder, or the one that is there.

    against: images that those of the source are only compared with, or None.
    Refused when the work folder holds another job, NotWritable when nothing can be, EmptyImageList when the source is
    empty.
    """
    store = settings.store
    with _writable(store):
        known = store.read_json("job.json")
    if known:
        settings = replace(
            settings, shard_rows=known["settings"]["shard_rows"], block_rows=known["settings"]["block_rows"]
        )
    listing = _listed(source, source, settings)
    settings = replace(settings, own_shards=len(listing.shards) if against is not None else -1)
    if against is not None:
        listing = listing.followed_by(_listed(others_of(against), against, settings))
    layout = [LAYOUT, similarity_name(settings.method), str(FACTS.descr), str(EVIDENCE.descr)]
    identity = {"source": listing.identity, "layout": layout}
    if known and known["identity"] != identity:
        hint = "Give this job another --work-folder; to scan a dataset that has changed, begin a new one."
        raise Refused(f"The work folder {settings.root} belongs to another job, or the source has changed\n{hint}")
    if not known:
        with _writable(store):
            shards.save(listing, store)
            chosen = {name: value for name, value in asdict(settings).items() if name not in ("root", "floor")}
            described = [asdict(shard) for shard in listing.shards]
            store.write_json("job.json", {"identity": identity, "settings": chosen, "shards": described})
    return Job(settings, cluster, listing, progress)


def _listed(source: Any, named: Any, settings: Settings) -> shards.Listing:
    """Its shards. named: as the user gave it. EmptyImageList when there is none."""
    listing = shards.shards_of(source, settings.shard_rows)
    if not listing.shards:
        raise EmptyImageList(empty_hint(named))
    return listing


@contextmanager
def _writable(store: Store) -> Iterator[None]:
    try:
        yield
    except OneOfEachError:
        raise
    except OSError as error:
        raise NotWritable(store.root, error.strerror or str(error)) from error


def _there(settings: Settings, folder: str) -> Parts:
    """Parts that an earlier run has finished, with the counts in their footers."""
    names = sorted(settings.store.names(folder))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        counts = pool.map(lambda name: counts_of(settings.store, name), names)
    return {name: found for name, found in zip(names, counts, strict=True) if found is not None}


def _nothing_more(_: Task, __: Counts) -> list[Task]:
    return []
