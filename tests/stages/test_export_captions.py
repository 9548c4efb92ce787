"""Two images of one stem: whatever is written, each has its own caption and never that of the other."""

from __future__ import annotations

import json
import tarfile
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pictures import encoded

import oneofeach
from oneofeach.stages.sources import items_of
from oneofeach.stages.sources.captions import captions_of

OWN = {"x.jpg": "cap of x.jpg", "x.png": "cap of x.png"}


@pytest.fixture(params=["folder", "zip"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """x.jpg with x.jpg.txt and x.png with x.txt, two different pictures."""
    root = tmp_path / "cap"
    root.mkdir()
    (root / "x.png").write_bytes(encoded(1))
    (root / "x.jpg").write_bytes(encoded(2, "jpg"))
    (root / "x.txt").write_text(OWN["x.png"])
    (root / "x.jpg.txt").write_text(OWN["x.jpg"])
    if request.param == "folder":
        return str(root)
    with zipfile.ZipFile(tmp_path / "cap.zip", "w") as zipped:
        for path in sorted(root.iterdir()):
            zipped.write(path, path.name)
    return str(tmp_path / "cap.zip")


def test_masks_and_latents_in_a_zip_are_beside_their_image_under_their_own_names(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "masks.zip", "w") as zipped:
        zipped.writestr("x.png", encoded(1))
        zipped.writestr("x-masklabel.png", encoded(2))
        zipped.writestr("x_0064x0064_sd.npz", b"latents")
    folder = export(str(tmp_path / "masks.zip"), tmp_path / "out", "folder")
    (item,) = items_of(str(folder))
    names = [Path(item.key).name, *sorted(Path(sidecar).name for sidecar in item.sidecars)]
    assert names == ["x.png", "x-masklabel.png", "x_0064x0064_sd.npz"]


def export(source: str, to: Path, format: str) -> Path:
    return oneofeach.export(oneofeach.deduplicate(source), to, format)


@pytest.mark.parametrize("format", ["parquet", "hf"])
def test_a_table_has_the_caption_of_each_image(source: str, tmp_path: Path, format: str) -> None:
    (file,) = export(source, tmp_path / "out", format).rglob("*.parquet")
    rows = pq.read_table(file).to_pylist()
    assert {row["image"]["path"]: row["caption"] for row in rows} == OWN


def test_annotations_have_the_caption_of_each_image(source: str, tmp_path: Path) -> None:
    document = json.loads((export(source, tmp_path / "out", "coco") / "annotations" / "all.json").read_text())
    names = {entry["id"]: Path(entry["file_name"]).name for entry in document["images"]}
    assert {names[entry["image_id"]]: entry["caption"] for entry in document["annotations"]} == OWN


def test_the_text_of_a_sample_is_the_caption_of_its_image(source: str, tmp_path: Path) -> None:
    with tarfile.open(export(source, tmp_path / "out", "webdataset") / "shard-000000.tar") as tar:
        members = {info.name.rpartition("/")[2]: tar.extractfile(info).read() for info in tar}  # type: ignore[union-attr]
    assert {name: data.decode() for name, data in members.items() if name.endswith(".txt")} == {
        "x.txt": OWN["x.jpg"],
        "x-2.txt": OWN["x.png"],
    }


@pytest.mark.parametrize("format", ["folder", "kohya"])
def test_files_are_read_again_with_the_caption_of_each_image(source: str, tmp_path: Path, format: str) -> None:
    items = items_of(str(export(source, tmp_path / "out", format)))
    captions = captions_of(items)
    assert {Path(item.key).suffix: captions[row] for row, item in enumerate(items)} == {
        Path(name).suffix: caption for name, caption in OWN.items()
    }


def test_trainers_find_the_caption_of_each_image_after_its_stem(source: str, tmp_path: Path) -> None:
    images = [path for path in export(source, tmp_path / "out", "kohya").rglob("x*") if path.suffix != ".txt"]
    assert {f"x{path.suffix}": path.with_suffix(".txt").read_text() for path in images} == OWN


def test_a_lone_image_with_two_captions_keeps_both_and_is_read_by_its_full_name(tmp_path: Path) -> None:
    (tmp_path / "cap").mkdir()
    for name, data in {"x.webp": encoded(1, "webp"), "x.txt": b"stem", "x.webp.txt": b"full"}.items():
        (tmp_path / "cap" / name).write_bytes(data)
    source = str(tmp_path / "cap")
    (row,) = pq.read_table(export(source, tmp_path / "table", "parquet") / "part-00000.parquet").to_pylist()
    assert (row["caption"], len(row["companions"])) == ("full", 2)
    with tarfile.open(export(source, tmp_path / "tar", "webdataset") / "shard-000000.tar") as tar:
        assert tar.getnames() == ["x.webp", "x.txt", "x.other.txt"]
        assert tar.extractfile("x.txt").read() == b"full"  # type: ignore[union-attr]


def test_a_merged_caption_is_written_to_the_image_that_has_it(tmp_path: Path) -> None:
    root = tmp_path / "cap"
    root.mkdir()
    (root / "x.png").write_bytes(encoded(1))
    (root / "y.png").write_bytes(encoded(1))
    (root / "x.jpg").write_bytes(encoded(2, "jpg"))
    captions = {"x.txt": "png", "x.jpg.txt": "jpg", "y.txt": "more"}
    for name, text in captions.items():
        (root / name).write_text(text)
    result = oneofeach.deduplicate(str(root), keep="first")
    made = oneofeach.plan(result, "quarantine", captions="merge-tags")
    assert [(step.keeper, step.file.path, step.text) for step in made.captions] == [
        (str(root / "x.png"), str(root / "x.txt"), "png, more")
    ]
    assert not made.notes


WRITTEN = {
    "with a byte order mark": ({".txt": "naïve".encode("utf-8-sig")}, "naïve"),
    "as Windows writes Unicode": ({".txt": "naïve".encode("utf-16")}, "naïve"),
    "in a JSON file": ({".json": b'{"caption": "told"}'}, "told"),
    "beside JSON": ({".json": b'{"caption": "told"}', ".txt": b"text"}, "text"),
    "beside an empty text": ({".txt": b" ", ".caption": b"said"}, "said"),
    "with line breaks": ({".txt": b"a, b\r\nc\r\n"}, "a, b\r\nc\r\n"),
    "in JSON of another kind": ({".json": b'[{"caption": 1}]'}, ""),
}


@pytest.mark.parametrize("how", WRITTEN)
def test_a_table_has_the_caption_that_the_search_and_the_review_read(tmp_path: Path, how: str) -> None:
    files, caption = WRITTEN[how]
    (tmp_path / "cap").mkdir()
    (tmp_path / "cap" / "x.png").write_bytes(encoded(1))
    for ending, data in files.items():
        (tmp_path / "cap" / f"x{ending}").write_bytes(data)
    source = str(tmp_path / "cap")
    (row,) = pq.read_table(export(source, tmp_path / "out", "parquet") / "part-00000.parquet").to_pylist()
    assert row["caption"] == caption
    assert captions_of(items_of(source)).get(0, "") == caption.strip()
    assert {one["extension"]: one["data"] for one in row["companions"]} == files
