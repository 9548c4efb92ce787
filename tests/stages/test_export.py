"""What is exported is the unique set: complete, read by its usual consumers, and without a duplicate left."""

from __future__ import annotations

import contextlib
import csv
import gc
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import webdataset
from pictures import encoded, small
from pycocotools.coco import COCO
from stages.sources.test_datasets import struct_table, write_tar

import oneofeach
from oneofeach.stages.export import FORMATS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures, two of them twice, each with a caption of its own."""
    root = tmp_path / "images"
    for name, number in {"a.png": 1, "b/a.jpg": 1, "b/c.d.png": 2, "3_cat/e.png": 3, "3_cat/f.png": 3}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(number, path.suffix[1:]))
        path.with_suffix(".txt").write_text(f"caption of {name}")
    (root / "bad.png").write_bytes(b"no image")
    return root


def tree(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def sources_in(destination: Path, format: str) -> list[str]:
    patterns = {"webdataset": "*.tar", "parquet": "*.parquet", "hf": "data/*.parquet", "coco": "annotations/*.json"}
    return sorted(map(str, destination.glob(patterns[format]))) if format in patterns else [str(destination)]


@pytest.mark.parametrize("format", FORMATS)
def test_after_an_export_nothing_is_found_and_the_originals_are_untouched(
    folder: Path, tmp_path: Path, format: str
) -> None:
    before = tree(folder)
    result = oneofeach.deduplicate(str(folder))
    oneofeach.export(result, tmp_path / "out", format)
    again = oneofeach.deduplicate(sources_in(tmp_path / "out", format))
    assert again.counts == {"seen": 3, "kept": 3, "removed": 0, "skipped": 0}
    assert tree(folder) == before
    with (tmp_path / "out" / "manifest.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["key"] for row in rows] == [item.key for item in result.catalog.items]
    assert sorted(row["status"] for row in rows) == ["kept"] * 3 + ["removed"] * 2 + ["skipped"]
    assert all((tmp_path / "out" / row["written"].partition("#")[0]).exists() for row in rows if row["written"])


def test_a_folder_keeps_names_and_captions(folder: Path, tmp_path: Path) -> None:
    oneofeach.export(oneofeach.deduplicate(str(folder)), tmp_path / "out")
    written = tree(tmp_path / "out")
    del written["manifest.csv"]
    assert written == {
        name: (folder / name).read_bytes()
        for name in ("3_cat/e.png", "3_cat/e.txt", "a.png", "a.txt", "b/c.d.png", "b/c.d.txt")
    }


def test_kohya_keeps_repeats_and_gives_the_others_one(folder: Path, tmp_path: Path) -> None:
    oneofeach.export(oneofeach.deduplicate(str(folder)), tmp_path / "out", "kohya")
    images = [name for name in tree(tmp_path / "out") if name.endswith(".png")]
    assert images == ["1_b/c.d.png", "1_images/a.png", "3_cat/e.png"]


def test_a_hard_link_is_the_same_file(folder: Path, tmp_path: Path) -> None:
    oneofeach.export(oneofeach.deduplicate(str(folder)), tmp_path / "out", link="hardlink")
    assert os.path.samefile(tmp_path / "out" / "a.png", folder / "a.png")


def read_shards(shards: list[str]) -> list[dict[str, bytes]]:
    samples = list(webdataset.WebDataset(shards, shardshuffle=False))
    gc.collect()  # the library leaves its files open; let that be noticed here, where it is allowed
    return samples


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_webdataset_reads_whole_samples_from_deterministic_shards(folder: Path, tmp_path: Path) -> None:
    result = oneofeach.deduplicate(str(folder))
    for name in ("one", "two"):
        oneofeach.export(result, tmp_path / name, "webdataset", shard_size=2)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    shards = sorted(map(str, (tmp_path / "one").glob("*.tar")))
    assert len(shards) == 2
    samples = read_shards(shards)
    assert [sample["__key__"] for sample in samples] == ["3_cat/e", "a", "b/c_d"]
    assert [sample["txt"].decode() for sample in samples] == [
        f"caption of {n}" for n in ("3_cat/e.png", "a.png", "b/c.d.png")
    ]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_tar_comes_out_with_all_members_of_the_kept_samples(tmp_path: Path) -> None:
    members = {
        "0.jpg": encoded(1, "jpg"),
        "0.seg.png": encoded(9),
        "0.json": b"{}",
        "1.png": encoded(1),
        "1.json": b"[]",
    }
    shard = write_tar(tmp_path / "s.tar", members)
    oneofeach.export(oneofeach.deduplicate(str(shard), keep="last"), tmp_path / "last", "webdataset")
    (sample,) = read_shards([str(tmp_path / "last" / "shard-000000.tar")])
    assert (sample["png"], sample["json"]) == (members["1.png"], b"[]")
    oneofeach.export(oneofeach.deduplicate(str(shard), keep="first"), tmp_path / "first", "webdataset")
    (sample,) = read_shards([str(tmp_path / "first" / "shard-000000.tar")])
    assert (sample["jpg"], sample["seg.png"], sample["json"]) == (members["0.jpg"], members["0.seg.png"], b"{}")


def test_parquet_keeps_all_columns_and_their_types(tmp_path: Path) -> None:
    table = struct_table([1, 2, 1]).append_column("score", pa.array([0.5, None, 1.0], pa.float32()))
    pq.write_table(table, tmp_path / "t.parquet")
    oneofeach.export(oneofeach.deduplicate(str(tmp_path / "t.parquet")), tmp_path / "out", "parquet")
    assert pq.read_table(tmp_path / "out" / "part-00000.parquet").equals(table.slice(0, 2))


def load(path: Path, cache: Path) -> Any:
    return datasets.load_dataset(str(path), cache_dir=str(cache))


def test_datasets_loads_the_hf_form_of_a_folder_and_of_a_dataset(folder: Path, tmp_path: Path) -> None:
    oneofeach.export(oneofeach.deduplicate(str(folder)), tmp_path / "folder", "hf")
    loaded = load(tmp_path / "folder", tmp_path / "cache")["train"]
    assert loaded["caption"] == [f"caption of {name}" for name in ("3_cat/e.png", "a.png", "b/c.d.png")]
    assert loaded[1]["image"].tobytes() == small(1).tobytes()
    rows = datasets.Dataset.from_dict({"image": [small(1), small(2)], "label": [4, 5]})
    splits = datasets.DatasetDict(train=rows, test=rows.select([1, 1]))
    oneofeach.export(oneofeach.deduplicate(splits, keep="last"), tmp_path / "splits", "hf")
    loaded = load(tmp_path / "splits", tmp_path / "cache")
    assert {split: loaded[split]["label"] for split in loaded} == {"train": [4], "test": [5]}


def test_datasets_finds_images_in_the_hf_form_of_a_table_that_did_not_name_them(tmp_path: Path) -> None:
    table = struct_table([1, 2, 1])
    assert not table.schema.metadata
    pq.write_table(table, tmp_path / "t.parquet")
    oneofeach.export(oneofeach.deduplicate(str(tmp_path / "t.parquet")), tmp_path / "out", "hf")
    loaded = load(tmp_path / "out", tmp_path / "cache")["train"]
    assert [image.tobytes() for image in loaded["image"]] == [small(1).tobytes(), small(2).tobytes()]


def test_coco_loses_the_annotations_of_removed_images_and_no_id(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for name, number in {"1.png": 1, "2.png": 1, "3.png": 3}.items():
        (tmp_path / "images" / name).write_bytes(encoded(number))
    whole = {
        "info": {"year": 2020},
        "images": [{"id": 10 * n, "file_name": f"{n}.png", "width": 64, "height": 64} for n in (1, 2, 3)],
        "annotations": [
            {"id": n, "image_id": 10 * n, "category_id": 5, "bbox": [0, 0, 9, 9], "area": 81} for n in (1, 2, 3)
        ],
        "categories": [{"id": 5, "name": "cat"}],
    }
    (tmp_path / "instances_all.json").write_text(json.dumps(whole))
    oneofeach.export(oneofeach.deduplicate(str(tmp_path / "instances_all.json")), tmp_path / "out", "coco")
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(tmp_path / "out" / "annotations" / "instances_all.json"))
    assert coco.getImgIds() == [10, 30]
    assert coco.getAnnIds() == [1, 3]
    assert coco.loadCats(5) == whole["categories"]


def test_images_in_memory_are_written_as_png(tmp_path: Path) -> None:
    result = oneofeach.deduplicate([small(1), encoded(2, "jpg"), small(1)])
    oneofeach.export(result, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0.png", "1.jpg", "manifest.csv"]


def test_an_export_is_refused_when_something_is_there_or_has_changed(folder: Path, tmp_path: Path) -> None:
    result = oneofeach.deduplicate(str(folder))
    (tmp_path / "there").mkdir()
    with pytest.raises(oneofeach.Refused, match="is there already"):
        oneofeach.export(result, tmp_path / "there")
    (folder / "b" / "c.d.png").write_bytes(encoded(7))
    for format in FORMATS:
        with pytest.raises(oneofeach.Refused, match="has changed"):
            oneofeach.export(result, tmp_path / "out", format)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "there"]


def test_names_that_would_collide_or_leave_the_destination_are_made_plain(tmp_path: Path) -> None:
    shard = write_tar(tmp_path / "s.tar", {"../x.png": encoded(1), "/x.png": encoded(2), "X.png": encoded(3)})
    oneofeach.export(oneofeach.deduplicate(str(shard)), tmp_path / "out")
    assert sorted(tree(tmp_path / "out")) == ["manifest.csv", "s/X-3.png", "s/x-2.png", "s/x.png"]


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="these file systems have no such names")
@pytest.mark.parametrize("format", FORMATS)
def test_an_image_whose_name_is_no_utf_8_is_exported_with_its_caption(tmp_path: Path, format: str) -> None:
    root = tmp_path / "images"
    root.mkdir()
    name = os.fsdecode(b"bad\xff\xfename")
    (root / f"{name}.png").write_bytes(encoded(1))
    (root / f"{name}.txt").write_text("its caption")
    out = oneofeach.export(oneofeach.deduplicate(str(root)), tmp_path / "out", format)
    again = oneofeach.deduplicate(sources_in(out, format))
    assert again.counts == {"seen": 1, "kept": 1, "removed": 0, "skipped": 0}
    escaped = "bad\\udcff\\udcfename"
    if format in ("parquet", "hf"):
        (row,) = pq.read_table(next(out.rglob("*.parquet"))).to_pylist()
        assert (row["name"], row["image"]["path"], row["caption"]) == (escaped, f"{escaped}.png", "its caption")
    elif format == "coco":
        document = json.loads((out / "annotations" / "all.json").read_text("utf-8"))
        assert [entry["file_name"] for entry in document["images"]] == [f"{escaped}.png"]
        assert (out / "images" / f"{escaped}.png").read_bytes() == encoded(1)
        assert [entry["caption"] for entry in document["annotations"]] == ["its caption"]


def test_an_export_into_its_own_source_or_named_like_a_file_is_refused(folder: Path, tmp_path: Path) -> None:
    result = oneofeach.deduplicate(str(folder))
    for inside in (folder / "unique", folder / "b" / "deep" / "unique"):
        with pytest.raises(oneofeach.Refused, match="inside the source"):
            oneofeach.export(result, inside)
    with pytest.raises(oneofeach.UnknownFormat, match="x --format parquet"):
        oneofeach.export(result, tmp_path / "x.parquet")
    oneofeach.export(result, tmp_path / "images-unique")


def test_annotations_that_are_images_stay_beside_their_image(tmp_path: Path) -> None:
    members = {
        f"{n}.{extension}": encoded(n if extension == "jpg" else 9, extension[-3:])
        for n in (1, 2)
        for extension in ("jpg", "seg.png")
    }
    shard = write_tar(tmp_path / "s.tar", members)
    oneofeach.export(oneofeach.deduplicate(str(shard)), tmp_path / "out")
    assert sorted(tree(tmp_path / "out" / "s")) == ["1.jpg", "1.seg.png", "2.jpg", "2.seg.png"]
    again = oneofeach.deduplicate(str(tmp_path / "out"))
    assert again.counts == {"seen": 2, "kept": 2, "removed": 0, "skipped": 0}


def test_splits_that_files_are_named_after_stay(tmp_path: Path) -> None:
    parts = {"train-00000-of-00002": [1, 2], "test-00000-of-00001": [2, 3], "train-00001-of-00002": [4, 1]}
    for name, numbers in parts.items():
        pq.write_table(struct_table(numbers), tmp_path / f"{name}.parquet")
    result = oneofeach.deduplicate([str(tmp_path / f"{name}.parquet") for name in parts])
    oneofeach.export(result, tmp_path / "out", "hf")
    loaded = load(tmp_path / "out", tmp_path / "cache")
    assert {split: loaded[split]["label"] for split in loaded} == {"train": [1, 2, 4], "test": [3]}
