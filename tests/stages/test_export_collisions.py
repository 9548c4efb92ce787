"""Images of different places that would get one name: each is written, with what belongs to it and nothing else."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from pictures import encoded
from pycocotools.coco import COCO

import oneofeach
from oneofeach.stages.export import FORMATS
from oneofeach.stages.sources import items_of
from oneofeach.stages.sources.captions import captions_of


def captioned(folder: Path, name: str, number: int) -> str:
    """An image with a caption that says which one it is."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(number, path.suffix[1:]))
    path.with_suffix(".txt").write_text(f"picture {number}")
    return str(path)


def captions_by_number(destination: Path, numbers: dict[int, str]) -> dict[int, str]:
    """Number of a picture → the caption it is read with. numbers: of all pictures, with their suffixes."""
    items = items_of(str(destination))
    captions, contents = captions_of(items), {encoded(number, suffix): number for number, suffix in numbers.items()}
    return {contents[Path(item.input).read_bytes()]: captions.get(row, "") for row, item in enumerate(items)}


OWN = {1: "picture 1", 2: "picture 2"}


@pytest.mark.parametrize("format", ["folder", "kohya"])
def test_names_that_become_one_when_they_are_made_plain_keep_their_captions(tmp_path: Path, format: str) -> None:
    captioned(tmp_path / "in", "a?.png", 1)
    captioned(tmp_path / "in", "a|.jpg", 2)
    out = oneofeach.export(oneofeach.deduplicate(str(tmp_path / "in")), tmp_path / "out", format)
    assert captions_by_number(out, {1: "png", 2: "jpg"}) == OWN


@pytest.mark.parametrize("captions", [True, False])
@pytest.mark.parametrize("format", ["folder", "kohya"])
def test_archives_of_one_name_do_not_share_captions(tmp_path: Path, format: str, captions: bool) -> None:
    """Where one of them has no caption, its image does not get that of the other either."""
    archives = []
    for number, suffix in {1: "png", 2: "jpg"}.items():
        (tmp_path / suffix).mkdir()
        archives.append(str(tmp_path / suffix / "train.zip"))
        with zipfile.ZipFile(archives[-1], "w") as zipped:
            zipped.writestr(f"a.{suffix}", encoded(number, suffix))
            if number == 1 or captions:
                zipped.writestr("a.txt", f"picture {number}")
    out = oneofeach.export(oneofeach.deduplicate(archives), tmp_path / "out", format)
    assert captions_by_number(out, {1: "png", 2: "jpg"}) == (OWN if captions else {1: "picture 1", 2: ""})


def test_folders_that_are_named_relative_to_each_other_do_not_share_captions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    captioned(tmp_path / "x", "1.png", 1)
    captioned(tmp_path / "y" / "x", "1.jpg", 2)
    monkeypatch.chdir(tmp_path / "y")
    out = oneofeach.export(oneofeach.deduplicate(["../x", "x"]), tmp_path / "out")
    assert captions_by_number(out, {1: "png", 2: "jpg"}) == OWN


def test_images_of_one_folder_that_share_a_caption_still_share_it(tmp_path: Path) -> None:
    captioned(tmp_path / "in", "a.png", 1)
    (tmp_path / "in" / "a.jpg").write_bytes(encoded(2, "jpg"))
    out = oneofeach.export(oneofeach.deduplicate(str(tmp_path / "in")), tmp_path / "out")
    assert sorted(path.name for path in out.iterdir()) == ["a.jpg", "a.png", "a.txt", "manifest.csv"]


def annotated(folder: Path, name: str, images: dict[str, int]) -> str:
    """An annotation file of images (file name → picture), each with a box as wide as its number."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, number in images.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(encoded(number, file.rpartition(".")[2]))
    whole: dict[str, Any] = {
        "images": [{"id": n, "file_name": file} for n, file in enumerate(images)],
        "annotations": [
            {"id": n, "image_id": n, "category_id": 1, "bbox": [0, 0, number, 1]}
            for n, number in enumerate(images.values())
        ],
        "categories": [{"id": 1, "name": "cat"}],
    }
    (folder / name).write_text(json.dumps(whole))
    return str(folder / name)


def boxes(destination: Path, numbers: dict[int, str]) -> dict[int, int]:
    """Number of a picture → the width of its box, as a program that knows the format reads it back."""
    contents = {encoded(number, suffix): number for number, suffix in numbers.items()}
    found = {}
    for file in (destination / "annotations").iterdir():
        with contextlib.redirect_stdout(io.StringIO()):
            coco = COCO(str(file))
        folder = destination / "images" / file.stem.rpartition("_")[2]
        for entry in coco.dataset["images"]:
            (box,) = coco.imgToAnns[entry["id"]]
            found[contents[(folder / entry["file_name"]).read_bytes()]] = box["bbox"][2]
    return found


def test_annotation_files_of_one_name_are_all_written_with_their_images(tmp_path: Path) -> None:
    sources = [
        annotated(tmp_path / split, "_annotations.coco.json", {"0001.jpg": number})
        for number, split in enumerate(("train", "valid", "test"), 1)
    ]
    out = oneofeach.export(oneofeach.deduplicate(sources), tmp_path / "out", "coco")
    assert boxes(out, {1: "jpg", 2: "jpg", 3: "jpg"}) == {1: 1, 2: 2, 3: 3}
    again = oneofeach.deduplicate([str(path) for path in sorted((out / "annotations").iterdir())])
    assert again.counts == {"seen": 3, "kept": 3, "removed": 0, "skipped": 0}


def test_annotated_images_of_one_stem_do_not_share_annotations(tmp_path: Path) -> None:
    source = annotated(tmp_path / "in", "all.json", {"a.png": 1, "a.jpg": 2})
    out = oneofeach.export(oneofeach.deduplicate(source), tmp_path / "out")
    images = [path for path in (out / "all").iterdir() if path.suffix != ".json"]
    found = {path.suffix: json.loads(path.with_suffix(".json").read_text())[0]["bbox"][2] for path in images}
    assert found == {".png": 1, ".jpg": 2}


def test_annotated_images_never_leave_the_destination(tmp_path: Path) -> None:
    source = annotated(tmp_path / "in" / "deep", "all.json", {"../../x.png": 1, "x.png": 2})
    before = sorted(tmp_path.rglob("*"))
    out = oneofeach.export(oneofeach.deduplicate(source), tmp_path / "new" / "out", "coco")
    assert [path for path in sorted(tmp_path.rglob("*")) if tmp_path / "new" not in (path, *path.parents)] == before
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out"]
    assert boxes(out, {1: "png", 2: "png"}) == {1: 1, 2: 2}


def test_annotations_are_not_dropped_for_images_that_have_none(tmp_path: Path) -> None:
    source = annotated(tmp_path / "in", "all.json", {"x.png": 1})
    result = oneofeach.deduplicate([source, captioned(tmp_path / "more", "y.png", 2)])
    with pytest.raises(oneofeach.UnsupportedInput, match="one by one"):
        oneofeach.export(result, tmp_path / "out", "coco")
    for format in set(FORMATS) - {"coco"}:
        oneofeach.export(result, tmp_path / format, format)


def test_captions_written_as_coco_are_read_by_pycocotools(tmp_path: Path) -> None:
    captioned(tmp_path / "in", "a.png", 1)
    out = oneofeach.export(oneofeach.deduplicate(str(tmp_path / "in")), tmp_path / "out", "coco")
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(out / "annotations" / "all.json"))
    assert [one["caption"] for one in coco.loadAnns(coco.getAnnIds(imgIds=coco.getImgIds()))] == ["picture 1"]
