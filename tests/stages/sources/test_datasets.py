"""Images inside archives, tables and lists come out as items that read, travel between processes, and keep company."""

from __future__ import annotations

import io
import json
import pickle
import tarfile
import zipfile
from pathlib import Path

import datasets
import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pictures import encoded, small

import oneofeach
from oneofeach.stages.sources import items_of
from oneofeach.stages.sources.captions import caption_of
from oneofeach.stages.sources.file_list import FileList
from oneofeach.tables import Sample


def write_tar(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def read_all(source: object) -> list[bytes]:
    return [pickle.loads(pickle.dumps(item.source)).read() for item in items_of(source)]


def test_a_tar_sample_is_one_item_with_all_its_members(tmp_path: Path) -> None:
    shard = write_tar(
        tmp_path / "shard-0001.tar",
        {"a/000.jpg": encoded(1, "jpg"), "a/000.seg.png": encoded(2), "a/000.txt": b"a cat", "a/001.png": encoded(3)},
    )
    first, second = items_of(str(shard))
    assert (first.key, second.key) == (f"{shard}#a/000", f"{shard}#a/001")
    assert read_all(str(shard)) == [encoded(1, "jpg"), encoded(3)]
    assert isinstance(first.opener, Sample)
    assert (first.opener.name, first.opener.extension) == ("a/000", "jpg")
    assert first.opener.companions() == {"seg.png": encoded(2), "txt": b"a cat"}
    assert caption_of(first) == "a cat"


def test_masks_and_latents_in_a_tar_belong_to_their_image_wherever_they_are(tmp_path: Path) -> None:
    """As `tar` packs a folder of a trainer: in any order, and by names that are samples of their own."""
    members = {
        "x/a-masklabel.png": encoded(9),
        "x/a.png": encoded(1),
        "x/b.png": encoded(2),
        "x/b-masklabel.png": encoded(9),
        "x/a_0064x0064_sd.npz": b"latents of a",
        "x/c-masklabel.png": encoded(3),
        "y/a-masklabel.png": encoded(4),
    }
    items = items_of(str(write_tar(tmp_path / "t.tar", members)))
    names = ["x/a", "x/b", "x/c-masklabel", "y/a-masklabel"]
    assert [item.key.partition("#")[2] for item in items] == names, "the last two are no masks of any image"
    assert items[0].source.companions() == {"-masklabel.png": encoded(9), "_0064x0064_sd.npz": b"latents of a"}
    assert items[1].source.companions() == {"-masklabel.png": encoded(9)}
    assert items[0].source.images == ()
    out = oneofeach.export(oneofeach.deduplicate(str(tmp_path / "t.tar")), tmp_path / "out")
    found = {path.relative_to(out / "t").as_posix(): path.read_bytes() for path in (out / "t").rglob("*.*")}
    assert found == members


def test_captions_that_lie_apart_from_their_image_in_a_tar_are_found(tmp_path: Path) -> None:
    """`tar` packs a folder in the order of its disk. Where it is not sure whose a caption is, it is a skipped line."""
    captions = {"a.txt": b"of a", "b.txt": b"of b", "c.txt": b"whose?", "d.json": b"{}"}
    sure = {"b.txt": captions["b.txt"], "a.png": encoded(1), "b.png": encoded(2), "a.txt": captions["a.txt"]}
    items = items_of(str(write_tar(tmp_path / "sure.tar", sure)))
    assert {item.key[-1]: caption_of(item) for item in items} == {"a": "of a", "b": "of b"}
    shard = tmp_path / "unsure.tar"
    with tarfile.open(shard, "w") as tar:
        for name in ("c.png", "c.txt", "d.png", "c.txt", "d.json"):
            data = captions.get(name) or encoded(ord(name[0]))
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    items = items_of(str(shard))
    assert [(item.key[-1], bool(item.error)) for item in items] == [("c", False), ("d", False), ("c", True)]


def test_a_sample_without_an_image_is_skipped_with_a_reason(tmp_path: Path) -> None:
    shard = write_tar(tmp_path / "s.tar", {"000.png": encoded(1), "001.txt": b"alone"})
    result = oneofeach.deduplicate(str(shard))
    assert result.counts == {"seen": 2, "kept": 1, "removed": 0, "skipped": 1}
    assert result.skipped == [(f"{shard}#001", "no image among the members of this sample")]


def test_a_tar_that_breaks_off_keeps_its_whole_samples_and_says_so(tmp_path: Path) -> None:
    shard = write_tar(tmp_path / "s.tar", {f"{n:03}.png": encoded(n) for n in range(3)})
    shard.write_bytes(shard.read_bytes()[: 2 * len(encoded(0))])
    result = oneofeach.deduplicate(str(shard))
    assert result.counts["kept"] >= 1
    assert result.skipped


def test_a_compressed_tar_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "s.tar.gz").write_bytes(b"")
    with pytest.raises(oneofeach.UnsupportedInput, match="Uncompress it first"):
        oneofeach.deduplicate(str(tmp_path / "s.tar.gz"))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_is_read_without_unpacking_and_sidecars_travel(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "z.zip", "w", method) as archive:
        for name, data in {"b10.png": encoded(1), "b9.png": encoded(2), "b9.txt": b"nine", ".x/c.png": b""}.items():
            archive.writestr(name, data)
    source = str(tmp_path / "z.zip")
    assert [item.key for item in items_of(source)] == [f"{source}#b9.png", f"{source}#b10.png"]
    assert read_all(source) == [encoded(2), encoded(1)]
    assert items_of(source)[0].opener.companions() == {"txt": b"nine"}


def test_a_damaged_zip_member_is_skipped_never_decoded(tmp_path: Path) -> None:
    path = tmp_path / "z.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.bmp", encoded(1, "bmp"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)
    assert "checksum" in oneofeach.deduplicate(str(path)).skipped[0][1]


def struct_table(numbers: list[int]) -> pa.Table:
    images = [{"bytes": encoded(n), "path": f"{n}.png"} for n in numbers]
    return pa.table({"image": images, "caption": [f"number {n}" for n in numbers], "label": numbers})


@pytest.mark.parametrize("column", ["struct", "binary"])
def test_parquet_rows_are_read_across_row_groups(tmp_path: Path, column: str) -> None:
    path = tmp_path / "t.parquet"
    table = (
        struct_table([1, 2, 3])
        if column == "struct"
        else pa.table({"id": [1, 2, 3], "x": [encoded(n) for n in (1, 2, 3)]})
    )
    pq.write_table(table, path, row_group_size=2)
    assert [item.key for item in items_of(str(path))] == [f"{path}#{row}" for row in range(3)]
    assert read_all(str(path)) == [encoded(1), encoded(2), encoded(3)]
    sample = items_of(str(path))[2].opener
    assert sample.extension == "png"
    assert sample.record().num_rows == 1
    if column == "struct":
        assert sample.companions()["txt"] == b"number 3"
        assert json.loads(sample.companions()["json"]) == {"caption": "number 3", "label": 3}


def test_a_cell_that_only_has_a_path_is_read_beside_the_table(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(4))
    rows = [{"bytes": None, "path": "a.png"}, {"bytes": None, "path": None}]
    pq.write_table(
        pa.table({"image": rows}, pa.schema([("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())]))])),
        tmp_path / "t.parquet",
    )
    result = oneofeach.deduplicate(str(tmp_path / "t.parquet"))
    assert result.counts == {"seen": 2, "kept": 1, "removed": 0, "skipped": 1}


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_arrow_files_are_read_in_both_their_forms(tmp_path: Path, kind: str) -> None:
    table, path = struct_table([1, 2]), tmp_path / "t.arrow"
    open_writer = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    with open_writer(str(path), table.schema) as writer:
        writer.write_table(table)
    assert read_all(str(path)) == [encoded(1), encoded(2)]


def test_a_table_without_images_is_refused_by_name(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "t.parquet")
    with pytest.raises(oneofeach.UnsupportedInput, match="No image column"):
        oneofeach.deduplicate(str(tmp_path / "t.parquet"))


def test_a_dataset_object_gives_back_row_numbers_for_select() -> None:
    rows = datasets.Dataset.from_dict({"image": [small(n) for n in (1, 2, 1)], "label": [0, 1, 2]})
    rows = rows.cast_column("image", datasets.Image())
    result = oneofeach.deduplicate(rows)
    assert result.unique_images == [0, 1]
    assert rows.select(result.unique_images)["label"] == [0, 1]
    splits = datasets.DatasetDict(train=rows, test=rows.select([1]))
    assert [item.key for item in items_of(splits)] == ["train[0]", "train[1]", "train[2]", "test[0]"]


def test_coco_images_are_found_beside_their_annotations(tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    (tmp_path / "val2017").mkdir()
    (tmp_path / "val2017" / "1.png").write_bytes(encoded(1))
    annotations = tmp_path / "annotations" / "instances_val2017.json"
    images = [{"id": 7, "file_name": "1.png"}, {"id": 8, "file_name": "gone.png"}]
    annotations.write_text(json.dumps({"images": images, "annotations": [{"id": 1, "image_id": 7, "category_id": 3}]}))
    found, gone = items_of(str(annotations))
    assert found.opener.read() == encoded(1)
    assert json.loads(found.opener.companions()["json"]) == [{"id": 1, "image_id": 7, "category_id": 3}]
    assert "cannot be opened" in gone.error


@pytest.mark.parametrize("separator", ["\n", "\0", "\r\n"])
def test_a_file_list_keeps_its_order_and_counts_a_path_once(tmp_path: Path, separator: str) -> None:
    for name in ("b.png", "a.png"):
        (tmp_path / name).write_bytes(encoded(1))
    (tmp_path / "a.txt").write_text("a caption")
    paths = [str(tmp_path / name) for name in ("b.png", "a.png", "b.png", "no.png")]
    (tmp_path / "list").write_text(separator.join(paths) + separator, newline="")
    items = items_of(FileList(str(tmp_path / "list")))
    assert [item.key for item in items] == paths
    assert [bool(item.error) for item in items] == [False, False, True, True]
    assert items[1].sidecars == (str(tmp_path / "a.txt"),)


def test_kohya_repeats_are_weights_and_each_image_counts_once(tmp_path: Path) -> None:
    for folder in ("3_cat", "10_dog"):
        (tmp_path / folder).mkdir()
    (tmp_path / "3_cat" / "a.png").write_bytes(encoded(1))
    (tmp_path / "10_dog" / "b.png").write_bytes(encoded(2))
    assert oneofeach.deduplicate(str(tmp_path)).counts == {"seen": 2, "kept": 2, "removed": 0, "skipped": 0}


def test_every_kind_of_source_is_read_from_a_remote_place_as_well(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    shard = write_tar(tmp_path / "s.tar", {"000.png": encoded(1)}).read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.png", encoded(1))
    table = io.BytesIO()
    pq.write_table(struct_table([1]), table)
    files = {"s.tar": shard, "z.zip": packed.getvalue(), "t.parquet": table.getvalue()}
    for name, data in {**files, "f/a.png": encoded(1), "f/a.txt": b"text"}.items():
        memory.pipe(f"/place/{name}", data)
    for name in files:
        assert read_all(f"memory://place/{name}") == [encoded(1)]
    annotations = {"images": [{"id": 1, "file_name": "a.png"}], "annotations": [{"id": 5, "image_id": 1}]}
    memory.pipe("/place/c/instances_val.json", json.dumps(annotations).encode())
    memory.pipe("/place/c/val/a.png", encoded(1))
    (item,) = items_of("memory://place/c/instances_val.json")
    assert (item.opener.read(), json.loads(item.opener.companions()["json"])) == (
        encoded(1),
        [{"id": 5, "image_id": 1}],
    )
    oneofeach.export(oneofeach.deduplicate("memory://place/c/instances_val.json"), tmp_path / "coco", "coco")
    assert (tmp_path / "coco" / "images" / "val" / "a.png").read_bytes() == encoded(1)
    (item,) = items_of("memory://place/f")
    assert (item.key, item.opener.read(), item.opener.companions()) == ("a.png", encoded(1), {"txt": b"text"})
    assert items_of("memory://place/f/a.png")[0].opener.read() == encoded(1)
    with pytest.raises(oneofeach.SourceNotFound):
        items_of("memory://place/none")


def test_rows_and_samples_know_their_class_by_name(tmp_path: Path) -> None:
    rows = datasets.Dataset.from_dict({"image": [small(1), small(2)], "label": [1, 0]})
    rows = rows.cast_column("image", datasets.Image()).cast_column("label", datasets.ClassLabel(names=["cat", "dog"]))
    rows.to_parquet(str(tmp_path / "t.parquet"))
    pq.write_table(pa.table({"image": [encoded(1)], "x": [1]}), tmp_path / "none.parquet")
    shard = write_tar(tmp_path / "s.tar", {"0.png": encoded(1), "0.cls": b"7\n", "1.png": encoded(2)})
    found = {str(source): [item.source.label for item in items_of(source)] for source in (rows, str(shard))}
    assert list(found.values()) == [["dog", "cat"], ["7", ""]]
    assert [item.source.label for item in items_of(str(tmp_path / "t.parquet"))] == ["dog", "cat"]
    assert items_of(str(tmp_path / "none.parquet"))[0].source.label == ""
