"""What a cluster exports is what one machine exports, byte for byte, however the work is cut."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from here import Here
from mixture import write_folder, write_mixture, write_parquet, write_tar
from pictures import encoded

import oneofeach
from oneofeach.engines.ray import Export, Ray, engine
from oneofeach.engines.ray.job import Job, opened
from oneofeach.engines.ray.outcome import Grouping
from oneofeach.engines.ray.settings import Settings
from oneofeach.errors import NotWritable, Refused, UnknownFormat, UnsupportedInput
from oneofeach.plugins import Walk
from oneofeach.stages.export import FORMATS, files, parquet

FLOOR, KEEP = 0.9, "highest-resolution,longest-caption,last"
SMALL = {"shard_rows": 9, "block_rows": 13, "hot_pairs": 60, "verify_pairs": 11}
Tree = dict[str, bytes]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Every kind of shard, captions, masks, a link, and names that meet: of two tars and of two folders."""
    root = tmp_path_factory.mktemp("mixture") / "root"
    root.mkdir()
    paths = write_mixture(root, 24)
    (root / "more").mkdir()
    write_tar(root / "more" / "one.tar", 70, 9)
    write_parquet(root / "more" / "test-00000-of-00001.parquet", 80, 12)
    write_folder(root / ".." / "two", 100, 8)
    for folder, suffix in ((root / "two", ".jpg"), (root / ".." / "two", ".png")):
        for path in sorted(folder.iterdir()):
            named = path.rename(path.with_suffix(suffix))
            named.with_suffix(".txt").write_text(f"caption of {named}")
            named.with_name(f"{named.stem}-masklabel.png").write_bytes(encoded(len(suffix)))
    (root / "two" / "0.link.jpg").symlink_to(root / "two" / "0.jpg")
    others = [root / "more" / name for name in ("one.tar", "test-00000-of-00001.parquet")]
    return [*paths, *map(str, others), f"{root}/../two"]


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that there are several."""
    monkeypatch.setattr(files, "FILE_BYTES", 20_000)
    monkeypatch.setattr(files, "SHARD_BYTES", 30_000)
    for module in (files, parquet):
        monkeypatch.setattr(module, "GROUP_ROWS", 3)


def tree(root: Path) -> Tree:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def job(source: Any, root: Path, cluster: Here, against: Any = None, **tuning: int) -> Job:
    return opened(source, against, Settings(str(root), "oneofeach-1", FLOOR, **(SMALL | tuning)), cluster)


def exported(
    source: Any, work: Path, export: Export, cluster: Here | None = None, threshold: float = FLOOR, **how: Any
) -> dict[str, float]:
    done = job(source, work, cluster or Here(), **how)
    grouping = Grouping(done, threshold, KEEP)
    export.check(source)
    exporting = export.begin(grouping)
    done.run()
    return {**grouping.run(), **export.run(grouping, exporting)}


@pytest.fixture(scope="module")
def work(source: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder in which all is decided."""
    root = tmp_path_factory.mktemp("work")
    done = job(source, root, Here())
    done.run()
    Grouping(done, FLOOR, KEEP).run()
    return root


@pytest.fixture(scope="module")
def result(source: list[str]) -> oneofeach.Result:
    return oneofeach.deduplicate(source, FLOOR, KEEP)


@pytest.mark.parametrize("format", FORMATS)
def test_workers_write_byte_for_byte_what_one_machine_writes(
    source: list[str], result: oneofeach.Result, work: Path, tmp_path: Path, format: str
) -> None:
    if format in ("parquet", "hf"):  # tables with other columns are their own dataset
        source = [one for one in source if one.endswith(".parquet") == (format == "hf")]
        result, work = oneofeach.deduplicate(source, FLOOR, KEEP), tmp_path / "work"
    local = oneofeach.export(result, tmp_path / "local", format, shard_size=11)
    counts = exported(source, work, Export(str(tmp_path / "there"), format, shard_size=11), Here(order=1))
    found = tree(tmp_path / "there")
    assert found == tree(local)
    assert {name: counts[name] for name in result.counts} == result.counts
    assert counts["files"] >= len(found) - 2
    assert counts["written"] > 1000
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "work") == ["local", "there"]
    if format in ("webdataset", "parquet", "hf"):
        assert sum(name.endswith((".tar", ".parquet")) for name in found) > 2
    if format in ("folder", "kohya"):
        wanted = {"000002.jpg", "000002-2.jpg", "2.jpg", "2-2.png", "2-2-masklabel.png"}
        assert {name.rpartition("/")[2] for name in found} >= wanted
        rows = csv.DictReader(io.StringIO(found["manifest.csv"].decode()))
        captions = {row["key"]: row["written"].rpartition(".")[0] + ".txt" for row in rows if "/two/" in row["key"]}
        for key, name in captions.items():
            assert name == ".txt" or found[name].decode() == f"caption of {key}"


@pytest.mark.parametrize("tuning", [{"shard_rows": 1000, "block_rows": 1000}, {"shard_rows": 2, "block_rows": 5}])
def test_however_the_work_is_cut_the_files_are_the_same(
    source: list[str], result: oneofeach.Result, tmp_path: Path, tuning: dict[str, int]
) -> None:
    exported(source, tmp_path / "work", Export(str(tmp_path / "there"), "webdataset"), Here(order=2), **tuning)
    assert tree(tmp_path / "there") == tree(oneofeach.export(result, tmp_path / "local", "webdataset"))


def write_annotated(root: Path, numbers: list[int]) -> str:
    """A COCO file of the same name in each root, with an image that is not there."""
    (root / "images").mkdir(parents=True)
    entries = []
    for number in numbers:
        name = f"{number}.{'JPG' if number % 2 else 'png'}"
        (root / "images" / name).write_bytes(encoded(number % 7, "jpg" if number % 2 else "png"))
        entries.append({"id": 10 * number, "file_name": name, "width": 64, "height": 64})
    entries.append({"id": 5, "file_name": "missing.png", "width": 1, "height": 1})
    annotations = [{"id": n, "image_id": 10 * n, "category_id": 1} for n in numbers]
    path = root / "instances_train.json"
    path.write_text(json.dumps({"info": "ä", "images": entries, "annotations": annotations, "categories": []}))
    return str(path)


def test_annotation_files_are_put_together_at_the_end(tmp_path: Path) -> None:
    source = [write_annotated(tmp_path / name, numbers) for name, numbers in (("a", [1, 2, 3, 8]), ("b", [2, 4, 6]))]
    result = oneofeach.deduplicate(source, FLOOR, KEEP)
    local = oneofeach.export(result, tmp_path / "local", "coco")
    exported(source, tmp_path / "work", Export(str(tmp_path / "there"), "coco"), shard_rows=2)
    found = tree(tmp_path / "there")
    assert found == tree(local)
    documents = {name: json.loads(found[name]) for name in found if name.startswith("annotations/")}
    assert list(documents) == ["annotations/instances_train-2.json", "annotations/instances_train.json"]
    named = [
        f"images/{name.partition('_')[2].removesuffix('.json')}/{one['file_name']}"
        for name, document in documents.items()
        for one in document["images"]
    ]
    assert sorted(named) == sorted(name for name in found if name.startswith("images/"))
    (tmp_path / "picture.png").write_bytes(encoded(20))
    other = Export(str(tmp_path / "mixed"), "coco")
    with pytest.raises(UnsupportedInput, match="one by one"):
        exported([*source, str(tmp_path / "picture.png")], tmp_path / "mixed-work", other)


def test_links_are_made_by_workers_too(tmp_path: Path) -> None:
    write_folder(tmp_path / "pictures", 0, 4)
    exported(str(tmp_path / "pictures"), tmp_path / "work", Export(str(tmp_path / "out"), link="hardlink"))
    assert (tmp_path / "out" / "0.png").samefile(tmp_path / "pictures" / "0.png")
    with pytest.raises(Refused, match=r"no links behind a URL"):
        Export("s3://bucket/out", link="hardlink").check([])


def stop_at(part: str) -> Callable[[Any], None]:
    def stop(task: Any) -> None:
        if task.part.endswith(part):
            raise KeyboardInterrupt

    return stop


@pytest.mark.parametrize("part", ["written/00000003.parquet", "manifest/00000001.parquet", "finished/00000000.parquet"])
def test_a_stopped_export_goes_on_and_a_finished_one_does_nothing(
    source: list[str], work: Path, tmp_path: Path, part: str
) -> None:
    export = Export(str(tmp_path / "out"))
    with pytest.raises(KeyboardInterrupt):
        exported(source, work, export, Here(stop_at(part)))
    assert not (tmp_path / "out").exists(), "nothing is seen before it is complete"
    counts = exported(source, work, export)
    before = tree(tmp_path / "out")
    idle = Here()
    assert exported(source, work, export, idle) == counts
    assert idle.ran == []
    assert tree(tmp_path / "out") == before
    shutil.rmtree(tmp_path / "out")
    assert exported(source, work, export) == counts
    assert tree(tmp_path / "out") == before, "what was deleted is written again"


def test_an_export_whose_end_was_not_noted_is_not_begun_anew(source: list[str], work: Path, tmp_path: Path) -> None:
    export = Export(str(tmp_path / "out"))
    exported(source, work, export)
    before = tree(tmp_path / "out")
    for path in work.rglob("export-*/finished*"):
        if path.is_file():
            path.unlink()
    for path in work.rglob("export-*/finished/*.parquet"):
        path.unlink()
    idle = Here()
    exported(source, work, export, idle)
    assert [part.rpartition("/")[2] for part in idle.ran] == ["00000000.parquet"] * len(idle.ran)
    assert tree(tmp_path / "out") == before


def test_a_destination_that_is_there_or_cannot_be_or_is_inside_the_source_is_refused(
    source: list[str], work: Path, tmp_path: Path
) -> None:
    (tmp_path / "there").mkdir()
    for place, words in ((tmp_path / "there", "there already"), (Path(source[1]) / "out", "inside the source")):
        with pytest.raises(Refused, match=words):
            exported(source, work, Export(str(place)))
    (tmp_path / "there" / "file").touch()
    with pytest.raises(Refused, match="there already"):
        exported(source, work, Export(f"file://{tmp_path}/there"))
    with pytest.raises(UnknownFormat, match=r"Unknown export format: zip\n"):
        exported(source, work, Export(str(tmp_path / "out"), "zip"))
    with pytest.raises(NotWritable, match=r"Cannot be written: .*/file/out \(Not a directory\)"):
        exported(source, work, Export(str(tmp_path / "there" / "file" / "out")))


def test_another_threshold_does_not_write_into_what_is_there(source: list[str], work: Path, tmp_path: Path) -> None:
    export = Export(str(tmp_path / "out"))
    exported(source, work, export)
    before = tree(tmp_path / "out")
    with pytest.raises(Refused, match="there already"):
        exported(source, work, export, threshold=0.99)
    assert tree(tmp_path / "out") == before


def test_what_somebody_else_has_made_meanwhile_is_left_alone(source: list[str], work: Path, tmp_path: Path) -> None:
    def make(task: Any) -> None:
        if "/finished/" in task.part:
            (tmp_path / "out").mkdir()

    with pytest.raises(Refused, match=r"made by somebody else meanwhile: .*/out\n.*what was written lies in"):
        exported(source, work, Export(str(tmp_path / "out")), Here(make))
    assert not any((tmp_path / "out").iterdir())
    (tmp_path / "out").rmdir()
    exported(source, work, Export(str(tmp_path / "out")))
    assert (tmp_path / "out" / "manifest.csv").is_file()


def test_nothing_is_left_of_an_export_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: Any) -> None:
        raise OSError(18, "Invalid cross-device link")

    write_folder(tmp_path / "pictures", 0, 4)
    monkeypatch.setattr(engine, "Cluster", lambda *_: Here())
    monkeypatch.setattr("os.link", no_links)
    walk, ray = Walk(str(tmp_path / "pictures")), Ray(work_folder=str(tmp_path / "work"))
    with pytest.raises(Refused, match="Cannot hard-link"):
        ray.export(walk, FLOOR, KEEP, Export(str(tmp_path / "out"), link="hardlink"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pictures", "work"]
    monkeypatch.undo()
    monkeypatch.setattr(engine, "Cluster", lambda *_: Here())
    ray.export(walk, FLOOR, KEEP, Export(str(tmp_path / "out"), link="hardlink"))
    assert (tmp_path / "out" / "0.png").samefile(tmp_path / "pictures" / "0.png")


def test_without_a_work_folder_nothing_is_left_of_a_stopped_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path / "pictures", 0, 4)
    walk, export = Walk(str(tmp_path / "pictures")), Export(str(tmp_path / "out"))
    monkeypatch.setattr(engine, "Cluster", lambda *_: Here(stop_at("manifest/00000000.parquet")))
    with pytest.raises(KeyboardInterrupt):
        Ray().export(walk, FLOOR, KEEP, export)
    assert [path.name for path in tmp_path.iterdir()] == ["pictures"]
    with pytest.raises(KeyboardInterrupt):
        Ray(work_folder=str(tmp_path / "work")).export(walk, FLOOR, KEEP, export)
    assert len(list(tmp_path.glob(".out.*.part"))) == 1
    monkeypatch.setattr(engine, "Cluster", lambda *_: Here())
    Ray(work_folder=str(tmp_path / "work")).export(walk, FLOOR, KEEP, export)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "pictures", "work"]


@pytest.mark.parametrize("format", ["folder", "webdataset"])
def test_an_image_that_changed_since_the_scan_stops_the_export(tmp_path: Path, format: str) -> None:
    write_folder(tmp_path / "pictures", 0, 8)
    source = str(tmp_path / "pictures")
    done = job(source, tmp_path / "work", Here())
    done.run()
    grouping, export = Grouping(done, FLOOR, KEEP), Export(str(tmp_path / "out"), format)
    grouping.run()
    exporting = export.begin(grouping)
    for path in (tmp_path / "pictures").iterdir():
        path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(Refused, match="has changed since it was scanned"):
        export.run(grouping, exporting)


def test_images_that_are_only_compared_with_are_not_written(source: list[str], tmp_path: Path) -> None:
    local = oneofeach.deduplicate(source[0], FLOOR, KEEP, against=source[1:])
    exported(source[0], tmp_path / "work", Export(str(tmp_path / "out")), against=source[1:])
    assert tree(tmp_path / "out") == tree(oneofeach.export(local, tmp_path / "local"))
    assert "compared with over own (against)" in (tmp_path / "out" / "manifest.csv").read_text()
    assert pq.read_metadata(next((tmp_path / "work").rglob("keys/*.parquet"))).num_rows
