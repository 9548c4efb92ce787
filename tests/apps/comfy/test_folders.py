from __future__ import annotations

import json
import os
import re
import time
from hashlib import sha256

import numpy as np
import pytest
from PIL import Image
from workflows import deduplication, folder_node

from oneofeach.index import Index

KEPT, GONE = "3", "4"


def smooth(seed, size=(96, 64)):
    """A smooth color picture as 8-bit RGB; the same seed gives the same picture at any size."""
    random = np.random.default_rng(seed)
    small = Image.fromarray(random.integers(0, 256, (6, 8, 3), np.uint8))
    return small.resize((384, 256), Image.Resampling.BICUBIC).resize(size, Image.Resampling.BOX)


@pytest.fixture
def folder(host, request):
    """A dataset of six files: two pairs of one picture, a single, and a file that is no image."""
    name = re.sub(r"\W+", "_", request.node.name)
    root = host.base / "input" / name
    (root / "2_cats").mkdir(parents=True)
    smooth(1, (192, 128)).save(root / "2_cats" / "a.png")
    (root / "2_cats" / "a.txt").write_text("cat, red", encoding="utf-8")
    smooth(1).save(root / "2_cats" / "a_copy.jpg", quality=90)
    (root / "2_cats" / "a_copy.txt").write_text("cat, sofa", encoding="utf-8")
    smooth(2).save(root / "b10.png")
    smooth(2, (192, 128)).save(root / "b9.png")
    (root / "b9.caption").write_text("dog\n", encoding="utf-8")
    Image.new("L", (192, 128), 128).save(root / "b9-masklabel.png")
    smooth(3).save(root / "c.webp")
    (root / "broken.png").write_bytes(b"not an image")
    return root


def listing(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def load(root, **inputs):
    prompt = folder_node("OneOfEachLoadUniqueImages", {"names": 3, "gone": 4, "report": 5}, folder=root.name, **inputs)
    prompt["all"] = {"class_type": "ProbeShow", "inputs": {"images": ["1", 0], "texts": ["1", 1]}}
    prompt["masks"] = {"class_type": "ProbeShow", "inputs": {"masks": ["1", 2]}}
    return prompt


def done(host, prompt):
    reply = host.submit(prompt)
    assert (reply.status, reply.exception, reply.errors) == ("success", "", {})
    return reply


def texts(reply, node):
    return reply.outputs[node]["texts"]


def test_only_survivors_are_loaded_with_captions_masks_and_names(host, folder):
    reply = done(host, load(folder, repeats="ignore"))
    assert texts(reply, "names") == ["2_cats/a.png", "b9.png", "c.webp"]
    assert texts(reply, "gone") == ["2_cats/a_copy.jpg", "b10.png"]
    assert texts(reply, "all") == ["cat, red", "dog", ""]
    assert [image["shape"] for image in reply.outputs["all"]["images"]] == [[1, 128, 192, 3]] * 2 + [[1, 64, 96, 3]]
    masks = [mask["sum"] / (mask["shape"][1] * mask["shape"][2]) for mask in reply.outputs["masks"]["masks"]]
    assert masks == pytest.approx([1.0, 128 / 255, 1.0], abs=1e-3)
    lines = texts(reply, "report")[0].splitlines()
    assert lines[0] == "Kept 3 of 6 images: 2 duplicates in 2 groups."
    assert lines[2] == "1 file could not be read: broken.png (not an image)."


def test_what_was_decided_elsewhere_is_obeyed_also_by_a_workflow_that_ran_before(host, folder):
    assert texts(done(host, load(folder, repeats="ignore")), "gone") == ["2_cats/a_copy.jpg", "b10.png"]
    with Index(host.index) as index:
        named = [(sha256((folder / name).read_bytes()).digest(), name) for name in ("b9.png", "b10.png")]
        index.decisions.set_apart(named)
        index.decisions.keep([(sha256((folder / "2_cats" / "a_copy.jpg").read_bytes()).digest(), "a copy")])
    reply = done(host, load(folder, repeats="ignore"))
    assert texts(reply, "names") == ["2_cats/a_copy.jpg", "b9.png", "b10.png", "c.webp"]
    assert texts(reply, "gone") == ["2_cats/a.png"]
    if host.index:
        host.index.unlink()  # the server goes on; other tests have the same pictures


def test_a_kohya_folder_is_deduplicated_once_and_then_repeated(host, folder):
    reply = done(host, load(folder))
    assert texts(reply, "names") == ["2_cats/a.png", "2_cats/a.png", "b9.png", "c.webp"]
    assert texts(reply, "all") == ["cat, red", "cat, red", "dog", ""]
    assert "Repeats: 3 images come out as 4." in texts(reply, "report")[0]


def test_captions_of_duplicates_are_merged_in_the_output_and_not_in_the_files(host, folder):
    before = {name: (folder / name).read_bytes() for name in listing(folder)}
    reply = done(host, load(folder, captions="merge tags", repeats="ignore"))
    assert texts(reply, "all")[0] == "cat, red, sofa"
    assert "Captions: 1 merged." in texts(reply, "report")[0]
    assert {name: (folder / name).read_bytes() for name in listing(folder)} == before


def test_folders_inside_are_left_out_when_asked(host, folder):
    assert texts(done(host, load(folder, recursive=False)), "names") == ["b9.png", "c.webp"]


def test_images_come_out_upright(host, folder):
    exif = Image.Exif()
    exif[0x0112] = 6
    smooth(9, (96, 64)).save(folder / "turned.jpg", exif=exif)
    reply = done(host, load(folder, recursive=False))
    assert [image["shape"] for image in reply.outputs["all"]["images"]][-1] == [1, 96, 64, 3]


def test_without_any_mask_file_the_masks_output_runs_nothing(host, folder):
    (folder / "b9-masklabel.png").unlink()
    assert "masks" not in done(host, load(folder)).outputs


def test_a_changed_folder_is_noticed_and_an_unchanged_one_cached(host, folder):
    prompt = load(folder, recursive=False)
    done(host, prompt)
    assert "1" in done(host, prompt).cached
    (folder / "b9.caption").write_text("a big dog", encoding="utf-8")
    reply = done(host, prompt)
    assert "1" not in reply.cached
    assert texts(reply, "all") == ["a big dog", ""]
    smooth(4).save(folder / "d.png")
    assert texts(done(host, prompt), "names") == ["b9.png", "c.webp", "d.png"]


def test_a_path_is_used_instead_of_the_folder(host, folder):
    reply = done(host, load(folder, path=str(folder / "2_cats")))
    assert texts(reply, "names") == ["a.png"]


@pytest.mark.parametrize("node", ["OneOfEachLoadUniqueImages", "OneOfEachCleanFolder"])
def test_a_path_outside_is_refused(host, folder, tmp_path, node):
    smooth(1).save(tmp_path / "a.png")
    os.symlink(tmp_path, folder / "way_out")
    for path in (str(tmp_path), "../../..", str(folder / "way_out")):
        reply = host.submit(folder_node(node, {"names": 3}, folder=folder.name, path=path, action="report only"))
        first, second = reply.exception.splitlines()
        assert first.startswith("1: Refused: Folder is outside ComfyUI's input and output folders: ")
        assert second == "Move it there, or ask the administrator to allow it."


def test_an_administrator_may_allow_another_root(host, folder, tmp_path, monkeypatch):
    if host.real:
        pytest.skip("the environment of a running server cannot be changed")
    smooth(1).save(tmp_path / "a.png")
    monkeypatch.setenv("ONEOFEACH_ROOTS", str(tmp_path))
    assert texts(done(host, load(folder, path=str(tmp_path))), "names") == ["a.png"]


def test_a_folder_without_images_is_an_error(host, folder):
    (folder / "empty").mkdir()
    reply = host.submit(load(folder, path=str(folder / "empty")))
    assert (
        reply.exception == f"1: OneOfEachError: No images found in {folder / 'empty'}\nSupported: PNG, JPG, JPEG, WEBP."
    )


def test_survivors_that_do_not_fit_into_memory_are_refused(host, folder, monkeypatch):
    if host.real:
        pytest.skip("the memory of a running server cannot be changed")
    monkeypatch.setattr("oneofeach.apps.comfy.folders.free_memory", lambda: 500_000)
    reply = host.submit(load(folder))
    assert reply.exception == (
        "1: OneOfEachError: Not enough memory: 3 images need 0.0 GB, 0.0 GB are free\n"
        "Use Clean Image Folder, or a smaller folder."
    )


def clean(root, **inputs):
    slots = {"kept": 0, "gone": 1, "target": 2, "report": 3}
    return folder_node("OneOfEachCleanFolder", slots, folder=root.name, **inputs)


def test_report_only_changes_nothing_and_writes_the_reports_of_the_command_line(host, folder):
    before = listing(folder)
    reply = done(host, clean(folder, target="only_report"))
    assert texts(reply, "kept") == ["2_cats/a.png", "b9.png", "c.webp"]
    assert texts(reply, "gone") == ["2_cats/a_copy.jpg", "b10.png"]
    assert listing(folder) == before
    target = host.base / "output" / "only_report"
    assert texts(reply, "target") == [str(target.resolve())]
    assert listing(target) == ["report.csv", "report.json"]
    assert json.loads((target / "report.json").read_text(encoding="utf-8"))["counts"]["removed"] == 2


def test_unique_images_are_copied_with_sidecars_and_changed_captions_into_the_copies_only(host, folder):
    before = {name: (folder / name).read_bytes() for name in listing(folder)}
    reply = done(host, clean(folder, action="copy unique to output", captions="merge tags", target="copies"))
    target = host.base / "output" / "copies"
    images = ["2_cats/a.png", "b9.png", "c.webp"]
    sidecars = ["2_cats/a.txt", "b9-masklabel.png", "b9.caption"]
    assert listing(target) == sorted([*images, *sidecars, "report.csv", "report.json"])
    assert (target / "2_cats" / "a.txt").read_text(encoding="utf-8") == "cat, red, sofa"
    assert {name: (folder / name).read_bytes() for name in before} == before
    for name in [*images, "b9.caption"]:
        assert (target / name).read_bytes() == before[name]
    assert f"Copied 3 images and 3 sidecars to {target.resolve()}." in texts(reply, "report")[0]


def test_a_second_copy_goes_beside_the_first(host, folder):
    prompt = clean(folder, action="copy unique to output", target="twice")
    assert texts(done(host, prompt), "target") == [str((host.base / "output" / "twice").resolve())]
    second = done(host, prompt)
    assert "1" not in second.cached
    assert texts(second, "target") == [str((host.base / "output" / "twice_2").resolve())]


def test_duplicates_move_aside_with_their_sidecars_and_come_back(host, folder):
    from oneofeach import undo

    before = {name: (folder / name).read_bytes() for name in listing(folder)}
    reply = done(host, clean(folder, action="move duplicates aside", target="aside"))
    assert listing(folder) == sorted(set(before) - {"2_cats/a_copy.jpg", "2_cats/a_copy.txt", "b10.png"})
    moved = [name for name in listing(host.base / "output" / "aside") if name.endswith(("jpg", "txt", "b10.png"))]
    assert [name.split(os.sep, 1)[1] for name in moved] == ["2_cats/a_copy.jpg", "2_cats/a_copy.txt", "b10.png"]
    line = next(line for line in texts(reply, "report")[0].splitlines() if line.startswith("Moved 2 duplicates"))
    undo(line.partition("oneofeach undo ")[2])
    assert {name: (folder / name).read_bytes() for name in listing(folder)} == before


def test_what_stayed_when_duplicates_moved_aside_stays_when_a_larger_copy_comes(host, folder):
    with Index(host.index):
        pass  # the user has one
    done(host, clean(folder, action="move duplicates aside", target="stays"))
    smooth(3, (384, 256)).save(folder / "later.png")
    smooth(1, (384, 256)).save(folder / "larger.png")
    assert texts(done(host, load(folder, repeats="ignore")), "gone") == ["larger.png", "later.png"]
    if host.index:
        host.index.unlink()  # the server goes on; other tests have the same pictures


def test_a_target_outside_the_output_folder_is_refused(host, folder):
    reply = host.submit(clean(folder, target="../elsewhere"))
    assert reply.exception.startswith("1: Refused: Folder is outside ComfyUI's input and output folders: ")
    assert host.submit(clean(folder, target=" ")).exception.startswith("1: OneOfEachError: Folder name is empty\n")


ENTRIES = [
    {"seed": 1, "text": "a cat", "name": "cats/a.png"},
    {"seed": 2, "text": "", "name": "dogs/a.jpg"},
    {"seed": 3, "text": "ein Vögelchen 鳥", "name": "con.webp"},
    {"seed": 4, "c": 4, "text": "x", "name": 'b<>:"|?*.png'},
]


def save(folder_name, entries=ENTRIES, connect="texts masks names", **inputs):
    sockets = {"texts": 1, "masks": 2, "names": 3}
    links = {name: ["1", slot] for name, slot in sockets.items() if name in connect.split()}
    prompt = deduplication(entries)
    given = {"images": ["1", 0], "folder_name": folder_name, **links, **inputs}
    return {
        "1": prompt["1"],
        "2": {"class_type": "OneOfEachSaveDataset", "inputs": given},
        "3": {"class_type": "ProbeShow", "inputs": {"texts": ["2", 0]}},
        "4": {"class_type": "ProbeShow", "inputs": {"texts": ["2", 1]}},
    }


def test_a_dataset_is_saved_under_its_original_names(host):
    reply = done(host, save("first"))
    target = host.base / "output" / "first"
    stems = ["_con", "a", "a_2", "b_______"]
    masks = [f"{stem}-masklabel.png" for stem in stems]
    captions = ["_con.txt", "a.txt", "b_______.txt"]
    assert listing(target) == sorted([*(f"{stem}.png" for stem in stems), *masks, *captions, "oneofeach_manifest.json"])
    assert (target / "_con.txt").read_text(encoding="utf-8") == "ein Vögelchen 鳥"
    with Image.open(target / "b_______.png") as saved, Image.open(target / "a.png") as plain:
        assert (saved.mode, plain.mode, plain.size) == ("RGBA", "RGB", (96, 64))
    assert texts(reply, "4") == [f"Saved 4 images, 3 captions, 4 masks to {target.resolve()}."]


def test_an_8_bit_image_comes_back_with_the_same_pixels(host, folder):
    prompt = load(folder, repeats="ignore")
    prompt["save"] = {
        "class_type": "OneOfEachSaveDataset",
        "inputs": {"images": ["1", 0], "names": ["1", 3], "folder_name": "same_pixels"},
    }
    done(host, prompt)
    target = host.base / "output" / "same_pixels"
    for source, copy in (("b9.png", "b9.png"), ("2_cats/a.png", "a.png")):
        with Image.open(folder / source) as before, Image.open(target / copy) as after:
            assert np.array_equal(np.asarray(before), np.asarray(after))


def test_a_folder_that_holds_something_is_left_alone(host):
    target = host.base / "output" / "mine"
    target.mkdir()
    (target / "precious.txt").write_text("mine")
    reply = done(host, save("mine"))
    assert texts(reply, "3") == [str((host.base / "output" / "mine_2").resolve())]
    assert listing(target) == ["precious.txt"]


def test_replace_removes_what_it_saved_before_and_nothing_else(host):
    target = host.base / "output" / "again"
    done(host, save("again", mode="replace"))
    (target / "hand_made.txt").write_text("mine")
    (target / "con.png").write_bytes(b"mine too")
    reply = done(host, save("again", entries=ENTRIES[:1], mode="replace"))
    expected = ["a-masklabel.png", "a.png", "a.txt", "con.png", "hand_made.txt", "oneofeach_manifest.json"]
    assert listing(target) == expected
    assert "Removed 11 files of an earlier run." in texts(reply, "4")[0]


def test_a_manifest_cannot_name_files_elsewhere(host):
    target = host.base / "output" / "forged"
    target.mkdir()
    (host.base / "output" / "victim.txt").write_text("mine")
    (target / "oneofeach_manifest.json").write_text(json.dumps({"files": ["../victim.txt", "..", 7, ""]}))
    done(host, save("forged", mode="replace"))
    assert (host.base / "output" / "victim.txt").exists()


def test_add_gives_another_name_to_what_is_there(host):
    target = host.base / "output" / "more"
    done(host, save("more", entries=ENTRIES[:1], connect="texts names", mode="add"))
    extra = [{**ENTRIES[0], "seed": 9, "name": "A.PNG"}]
    done(host, save("more", entries=extra, connect="texts names", mode="add", caption_extension=".caption"))
    assert listing(target) == ["A_2.caption", "A_2.png", "a.png", "a.txt", "oneofeach_manifest.json"]


def test_without_names_images_are_numbered(host):
    done(host, save("numbered", connect=""))
    names = [f"image_{n:05d}.png" for n in (1, 2, 3, 4)]
    assert listing(host.base / "output" / "numbered") == [*names, "oneofeach_manifest.json"]


def test_an_empty_list_is_an_error_and_makes_no_folder(host):
    reply = host.submit(save("nothing", entries=[], connect=""))
    assert reply.exception.startswith("2: EmptyImageList: Image list is empty\n")
    assert not (host.base / "output" / "nothing").exists()


def test_a_save_folder_outside_is_refused(host, tmp_path):
    for name in ("../up", str(tmp_path)):
        assert host.submit(save(name)).exception.startswith("2: Refused: Folder is outside")


def test_dedupe_and_save_keeps_every_caption_with_its_image(host):
    entries = [{"seed": n % 6, "w": 96 - n, "h": 64, "text": f"scene {n % 6}", "name": f"{n}.png"} for n in range(22)]
    prompt = deduplication(entries)
    kept = {"images": ["2", 0], "texts": ["2", 1], "names": ["2", 3], "folder_name": f"end_{time.time_ns()}"}
    prompt["9"] = {"class_type": "OneOfEachSaveDataset", "inputs": kept}
    done(host, prompt)
    target = host.base / "output" / kept["folder_name"]
    captions = {path.stem: path.read_text(encoding="utf-8") for path in target.glob("*.txt")}
    assert captions == {str(n): f"scene {n}" for n in range(6)}
    assert {path.stem for path in target.glob("*.png")} == set(captions)


def test_a_merged_caption_is_not_copied_to_another_image_of_the_stem(host, folder):
    smooth(77).save(folder / "2_cats" / "a.bmp")
    before = (folder / "2_cats" / "a.txt").read_text(encoding="utf-8")
    done(host, clean(folder, action="copy unique to output", captions="merge tags", target="shared"))
    target = host.base / "output" / "shared" / "2_cats"
    assert (target / "a.txt").read_text(encoding="utf-8") == before
    assert (target / "a.png.txt").read_text(encoding="utf-8") == "cat, red, sofa"
