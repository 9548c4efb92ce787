"""The engine as the walk calls it: a job in a work folder, and its parts as tables of this machine."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from oneofeach.engines.ray.cluster import Cluster
from oneofeach.engines.ray.collect import catalog_of, pairs_of
from oneofeach.engines.ray.job import Job, opened
from oneofeach.engines.ray.outcome import Grouping
from oneofeach.engines.ray.parts import Counts
from oneofeach.engines.ray.settings import Settings
from oneofeach.errors import JobStopped, Refused, TooManyImages
from oneofeach.plugins import Progress
from oneofeach.tables import Catalog, Pairs

IN_MEMORY = 5_000_000  # images whose tables the driver will hold: about 8 GB


@dataclass(frozen=True)
class Ray:
    """address: of a running cluster ("auto", "host:port", "ray://host:port"); "" to start Ray here for the time.

    work_folder: a path or URL that every node sees; what is finished there is not done again. "": a temporary folder,
    on this machine only. tuning: fields of Settings that a job begins with. tell: gets a sentence on what a job took.
    """

    address: str = ""
    work_folder: str = ""
    tuning: tuple[tuple[str, int], ...] = ()
    tell: Callable[[str], None] | None = None

    def scan(
        self, source: Any, *, against: Any, fingerprint: str, workers: int | None, progress: Progress | None
    ) -> Catalog:
        with self.job(source, 1.0, against, fingerprint, workers, progress) as job:
            job.scan()
            return catalog_of(job)

    def find(
        self,
        source: Any,
        floor: float,
        *,
        against: Any,
        fingerprint: str,
        workers: int | None,
        progress: Progress | None,
    ) -> tuple[Catalog, Pairs]:
        with self.job(source, floor, against, fingerprint, workers, progress) as job:
            job.scan()
            if job.settings.rows > IN_MEMORY:
                raise TooManyImages(job.settings.rows)
            job.run()
            return catalog_of(job), pairs_of(job)

    def decide(
        self,
        source: Any,
        threshold: float,
        keep: str,
        *,
        against: Any = None,
        fingerprint: str = "oneofeach-1",
        workers: int | None = None,
        progress: Progress | None = None,
    ) -> tuple[Counts, str]:
        """Find and group on the cluster alone, for any number of images.

        Returns the counts {seen, kept, removed, skipped} and the folder of the table of all rows: see outcome.py.
        """
        with self.job(source, threshold, against, fingerprint, workers, progress) as job:
            job.run()
            grouping = Grouping(job, threshold, keep)
            return grouping.run(), f"{job.settings.root}/{grouping.folder}/rows"

    @contextmanager
    def job(
        self,
        source: Any,
        floor: float,
        against: Any = None,
        fingerprint: str = "oneofeach-1",
        workers: int | None = None,
        progress: Progress | None = None,
    ) -> Iterator[Job]:
        """A job with its stages still to be called; closed and cleaned up afterwards."""
        with self._folder() as root:
            settings = Settings(root, fingerprint, floor, **dict(self.tuning))
            with Cluster(self.address, workers) as cluster:
                try:
                    job = opened(source, against, settings, cluster, progress)
                    yield job
                    if self.tell:
                        self.tell(job.summary())
                except OSError as error:
                    raise JobStopped(str(error)) from error

    @contextmanager
    def _folder(self) -> Iterator[str]:
        if self.work_folder:
            yield self.work_folder if "://" in self.work_folder else os.path.abspath(self.work_folder)
            return
        if self.address:
            hint = "Give one with --work-folder: a mounted folder, or a URL such as s3://bucket/folder."
            raise Refused(f"The nodes of a cluster need a work folder that all of them see\n{hint}")
        root = tempfile.mkdtemp(prefix="oneofeach-")
        try:
            yield root
        finally:
            shutil.rmtree(root, ignore_errors=True)
