"""The engine as the walk calls it: a job in a work folder, and its parts as tables of this machine."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from oneofeach.engines.ray.cluster import Cluster
from oneofeach.engines.ray.collect import catalog_of, tables_of
from oneofeach.engines.ray.comparing import Comparing
from oneofeach.engines.ray.export import Export
from oneofeach.engines.ray.job import Job, opened
from oneofeach.engines.ray.outcome import Grouping, checked
from oneofeach.engines.ray.parts import Counts
from oneofeach.engines.ray.settings import Settings
from oneofeach.errors import JobStopped, OneOfEachError, Refused, TooManyImages
from oneofeach.plugins import Walk
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

    def scan(self, walk: Walk) -> Catalog:
        with self.job(walk, 1.0) as job:
            job.scan()
            return catalog_of(job)

    def find(self, walk: Walk, floor: float) -> tuple[Catalog, Pairs]:
        with self.job(walk, floor) as job:
            job.scan()
            if job.settings.rows > IN_MEMORY:
                raise TooManyImages(job.settings.rows)
            job.run()
            return tables_of(job)

    def decide(self, walk: Walk, threshold: float, keep: str) -> tuple[Counts, str]:
        """Find and group on the cluster alone, for any number of images.

        Returns the counts {seen, kept, removed, skipped} and the folder of the table of all rows: see outcome.py.
        """
        checked(threshold, keep)
        with self.job(walk, threshold) as job:
            job.run()
            grouping = Grouping(job, threshold, keep)
            return grouping.run(), f"{job.settings.root}/{grouping.folder}/rows"

    def export(self, walk: Walk, threshold: float, keep: str, export: Export) -> Counts:
        """Decide, then let the workers write the unique set as one machine writes it, byte for byte.

        Returns the counts of `decide`, and how many files and bytes were written beside the manifest.
        """
        checked(threshold, keep)
        export.check(walk.source)
        with self.job(walk, threshold) as job:
            grouping = Grouping(job, threshold, keep)
            exporting = export.begin(grouping)
            try:
                job.run()
                return {**grouping.run(), **export.run(grouping, exporting)}
            except BaseException as error:
                final = isinstance(error, OneOfEachError) and not isinstance(error, JobStopped)
                if final or not self.work_folder:  # nothing goes on from there
                    exporting.destination.discard()
                raise

    def compare(self, walk: Walk, threshold: float) -> tuple[Counts, str]:
        """Find the best match of every image of the source among those of `against`, for any number of images.

        Returns the counts {seen, found, compared, skipped} and the folder of the table: see comparing.py.
        """
        with self.job(walk, threshold) as job:
            job.run()
            comparing = Comparing(job)
            return comparing.run(), f"{job.settings.root}/{comparing.folder}"

    @contextmanager
    def job(self, walk: Walk, floor: float) -> Iterator[Job]:
        """A job with its stages still to be called; closed and cleaned up afterwards."""
        with self._folder() as root:
            settings = Settings(root, walk.fingerprint, floor, **dict(self.tuning))
            cluster = Cluster(self.address, walk.workers)
            try:
                job = opened(walk.source, walk.against, settings, cluster, walk.progress)
                with cluster:
                    yield job
                if self.tell:
                    self.tell(job.summary())
            except OneOfEachError:
                raise
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
