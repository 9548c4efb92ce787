"""Whatever happens to a folder, an index answers as if there were none."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pictures import encoded

import oneofeach
from oneofeach import describe
from oneofeach.asking import Index as IndexToAsk
from oneofeach.index import Index, blocks, images, packs

NAMES = st.sampled_from(["a.png", "b.jpg", "c/a.png", "c/d.jpg", "e/f/g.png", "z.png"])
PICTURES = st.integers(0, 5)
BYTES = {(number, suffix): encoded(number, suffix) for number in range(6) for suffix in ("png", "jpg")}


class Killed(BaseException):
    """Like a signal: nothing catches it."""


class Growing(RuleBasedStateMachine):
    """Files are added, edited, moved and deleted, runs are cut off, and the index is used, pruned and opened again."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.folder = self.root / "images"
        self.folder.mkdir()
        self.clock = 1_600_000_000_000_000_000
        self.kept: set[bytes] = set()
        self.before: set[bytes] = set()
        self.last = ""

    def teardown(self) -> None:
        shutil.rmtree(self.root)

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    @rule(name=NAMES, number=PICTURES, settled=st.booleans())
    def write(self, name: str, number: int, settled: bool) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(BYTES[number, path.suffix[1:]])
        self.clock += 1
        if settled:
            os.utime(path, ns=(self.clock, self.clock))

    @rule(name=NAMES)
    def write_garbage(self, name: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\x89PNG\r\n\x1a\n garbage")

    @precondition(lambda self: self.files())
    @rule(data=st.data(), name=NAMES)
    def move(self, data: st.DataObject, name: str) -> None:
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(data.draw(st.sampled_from(self.files())), target)

    @precondition(lambda self: self.files())
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.files())).unlink()

    @rule()
    def prune(self) -> None:
        with Index(self.root / "i.sqlite") as index:
            index.prune()

    @precondition(lambda self: self.files())
    @rule(after=st.integers(0, 3))
    def cut_off(self, after: int) -> None:
        def stop(stage: str, done: int, total: int) -> None:
            if done >= after:
                raise KeyboardInterrupt

        with pytest.MonkeyPatch.context() as patch, suppress(KeyboardInterrupt):
            patch.setattr(describe, "CHUNK", 1)
            oneofeach.deduplicate(str(self.folder), index=self.root / "i.sqlite", workers=1, progress=stop)

    @precondition(lambda self: self.files())
    @rule(after=st.integers(0, 2))
    def die_while_storing(self, after: int) -> None:
        """As a kill does: what is in the last transaction is lost, and nothing else."""
        stored: list[Any] = []

        def add(*arguments: Any) -> Any:
            if len(stored) == after:
                raise Killed
            stored.append(blocks.add(*arguments))
            return stored[-1]

        with pytest.MonkeyPatch.context() as patch, suppress(Killed):
            patch.setattr(packs, "PACK", 2)
            patch.setattr(images, "BATCH", 1)
            patch.setattr(images, "add", add)
            patch.setattr(describe, "CHUNK", 1)
            oneofeach.scan(str(self.folder), index=self.root / "i.sqlite", workers=1)

    @precondition(lambda self: self.files())
    @rule(threshold=st.sampled_from([0.8, 0.95]))
    def apply(self, threshold: float) -> None:
        """As if what was found had been applied: what stays is remembered."""
        with Index(self.root / "i.sqlite") as index:
            result = oneofeach.deduplicate(str(self.folder), threshold, index=index, workers=1)
            contents = {bytes(content) for content in result.catalog.facts["content"][result.assignment.kept]}
            self.clock += 1
            plan = f"plan-{self.clock}"
            index.runs.planned(plan, contents)
            assert index.runs.load() == self.kept, "a plan alone keeps nothing"
            index.runs.applied(plan)
            self.before, self.last, self.kept = self.kept, plan, self.kept | contents

    @precondition(lambda self: self.last)
    @rule()
    def undo(self) -> None:
        with Index(self.root / "i.sqlite") as index:
            index.runs.taken_back(self.last)
        self.kept, self.last = self.before, ""

    @invariant()
    def the_index_changes_no_answer(self) -> None:
        if not self.files():
            return
        fresh = oneofeach.scan(str(self.folder), workers=1)
        with Index(self.root / "i.sqlite") as index:
            stored = oneofeach.scan(str(self.folder), index=index, workers=1)
            pairs = oneofeach.match(stored, index=index)
        for name in ("facts", "bits", "descriptors"):
            assert np.array_equal(getattr(fresh, name), getattr(stored, name)), name
        assert dict(fresh.errors) == dict(stored.errors)
        assert [bytes(c) in self.kept for c in stored.facts["content"]] == stored.kept_earlier.tolist()
        expected = oneofeach.match(fresh)
        for name in ("i", "j", "similarity", "evidence", "same"):
            assert np.array_equal(getattr(pairs, name), getattr(expected, name)), name
        result = oneofeach.group(stored, pairs, 0.95)
        scratch = oneofeach.group(replace(fresh, kept_earlier=stored.kept_earlier), expected, 0.95)
        assert np.array_equal(result.assignment.keeper, scratch.assignment.keeper)
        with IndexToAsk(self.root / "i.sqlite") as index:
            for row in np.flatnonzero(fresh.readable)[:1].tolist():
                assert fresh.facts["content"][row].tobytes().hex() in [
                    m.content for m in index.query(fresh.items[row].input)
                ]
        for group in result.groups:
            if not stored.kept_earlier[group.row]:
                assert not any(stored.kept_earlier[one.row] for one in group.duplicates)


Growing.TestCase.settings = settings(
    max_examples=15, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck)
)
TestGrowing = Growing.TestCase


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    files=st.dictionaries(NAMES, PICTURES, min_size=1),
    format=st.sampled_from(["folder", "webdataset", "parquet", "kohya", "coco", "hf"]),
)
def test_after_any_export_nothing_is_found(files: dict[str, int], format: str) -> None:
    patterns = {"webdataset": "*.tar", "parquet": "*.parquet", "hf": "data/*", "coco": "annotations/*"}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for file, number in files.items():
            (root / "in" / file).parent.mkdir(parents=True, exist_ok=True)
            (root / "in" / file).write_bytes(BYTES[number, file[-3:]])
        result = oneofeach.deduplicate(str(root / "in"), workers=1)
        oneofeach.export(result, root / "out", format)
        written = sorted(map(str, (root / "out").glob(patterns[format]))) if format in patterns else str(root / "out")
        again = oneofeach.deduplicate(written, workers=1)
        assert again.counts == {
            "seen": len(set(files.values())),
            "kept": len(set(files.values())),
            "removed": 0,
            "skipped": 0,
        }


IMAGES = st.lists(st.sampled_from(sorted(BYTES)), min_size=1, max_size=6)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(comparisons=st.lists(st.tuples(IMAGES, IMAGES), min_size=1, max_size=3))
def test_comparing_through_an_index_finds_what_is_found_without(comparisons: list[tuple[list[Any], list[Any]]]) -> None:
    with tempfile.TemporaryDirectory() as name, Index(Path(name) / "i.sqlite") as index:
        for own, others in comparisons:
            images, against = [BYTES[one] for one in own], [BYTES[one] for one in others]
            catalog = oneofeach.scan(images, against=against, index=index, workers=1)
            found, expected = oneofeach.match(catalog, index=index), oneofeach.match(catalog)
            for part in ("i", "j", "similarity", "evidence", "same"):
                assert np.array_equal(getattr(found, part), getattr(expected, part)), part


EXTRAS = st.dictionaries(st.sampled_from(["left.jpg", "gif", "webp", "seg.png", "b.c.png"]), PICTURES, max_size=3)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    samples=st.lists(st.tuples(PICTURES, EXTRAS), min_size=1, max_size=4), format=st.sampled_from(["folder", "kohya"])
)
def test_other_images_of_a_sample_are_not_found_after_an_export_and_come_back_as_webdataset(
    samples: list[tuple[int, dict[str, int]]], format: str
) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        with tarfile.open(root / "s.tar", "w") as tar:
            for position, (number, extras) in enumerate(samples):
                members = {"jpg": BYTES[number, "jpg"], **{e: BYTES[n, "png"] for e, n in extras.items()}}
                for extension, data in members.items():
                    info = tarfile.TarInfo(f"{position:03}.{extension}")
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
        result = oneofeach.deduplicate(str(root / "s.tar"), workers=1)
        oneofeach.export(result, root / "out", format)
        again = oneofeach.deduplicate(str(root / "out"), workers=1)
        unique = len({number for number, _ in samples})
        assert again.counts == {"seen": unique, "kept": unique, "removed": 0, "skipped": 0}
        oneofeach.export(again, root / "back", "webdataset")
        before = [dict(item.source.companions()) for item in result.catalog.items if item.input in result.unique_images]
        back = oneofeach.scan(str(root / "back" / "shard-000000.tar"), workers=1).items
        assert [dict(item.source.companions()) for item in back] == before
