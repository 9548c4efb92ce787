"""The whole walk on real files and in-memory images."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pictures import copies, encoded, picture
from PIL import Image

import oneofeach
from oneofeach.stages import decode


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Three pictures in three copies each, four singles, one identical file, one broken file: 15 images."""
    folder = tmp_path_factory.mktemp("dataset")
    for seed, name in enumerate(("ant", "bee", "cow")):
        copies(seed, folder, name)
    for seed in range(10, 14):
        picture(seed).save(folder / f"single{seed}.png")
    (folder / "zebra.png").write_bytes((folder / "single10.png").read_bytes())
    (folder / "broken.jpg").write_bytes((folder / "ant.jpg").read_bytes()[:2000])
    return folder


def names(paths):
    return [str(path).rsplit("/", 1)[-1] for path in paths]


def test_a_folder_keeps_one_of_each(dataset):
    result = oneofeach.deduplicate(dataset)
    assert result.counts == {"seen": 15, "kept": 7, "removed": 7, "skipped": 1}
    kept = ["ant.jpg", "bee.jpg", "cow.jpg", "single10.png", "single11.png", "single12.png", "single13.png"]
    assert names(result.unique_images) == kept
    assert result.skipped[0][0] == "broken.jpg"
    assert [group.key for group in result.groups] == ["ant.jpg", "bee.jpg", "cow.jpg", "single10.png"]
    twin = result.groups[-1].duplicates[0]
    assert (twin.key, twin.similarity, twin.evidence) == ("zebra.png", 1.0, "identical files")
    assert result.groups[0].reason == "quality 95 over quality 40 (least-compressed)"


def test_the_default_threshold_is_95_and_higher_is_stricter(dataset):
    result = oneofeach.deduplicate(dataset)
    assert result.similarity_threshold == 0.95
    removed = [result.at(t).counts["removed"] for t in (1.0, 0.999, 0.95, 0.9, 0.8)]
    assert removed == sorted(removed)
    assert removed[0] == 1  # the identical file


def test_threshold_zero_makes_everything_a_duplicate_of_the_first_choice(dataset):
    result = oneofeach.deduplicate(dataset, 0.0)
    assert result.counts == {"seen": 15, "kept": 1, "removed": 13, "skipped": 1}


def test_threshold_one_keeps_all_but_identical_images(dataset):
    assert oneofeach.deduplicate(dataset, 1.0).counts["removed"] == 1
    assert oneofeach.deduplicate(dataset, 1).similarity_threshold == 1.0


@pytest.mark.parametrize("value", [1.5, -0.2, math.nan, math.inf, -math.inf, "0.9", None, True, False, [0.9], 1 + 0j])
def test_any_other_threshold_is_an_error_in_these_words(value):
    with pytest.raises(oneofeach.InvalidThreshold) as error:
        oneofeach.deduplicate([picture(1)], value)
    first, hint = str(error.value).split("\n")
    assert first == f"Invalid similarity threshold: {value}"
    assert hint
    assert isinstance(error.value, (oneofeach.OneOfEachError, ValueError))


def test_an_empty_list_and_an_empty_folder_are_the_same_error_with_their_own_hint(tmp_path):
    with pytest.raises(oneofeach.EmptyImageList) as of_list:
        oneofeach.deduplicate([])
    with pytest.raises(oneofeach.EmptyImageList) as of_folder:
        oneofeach.deduplicate(tmp_path)
    assert str(of_list.value).split("\n")[0] == str(of_folder.value).split("\n")[0] == "Image list is empty"
    assert str(of_list.value).split("\n")[1] != str(of_folder.value).split("\n")[1]


def test_another_choice_decodes_nothing_again(dataset, monkeypatch):
    result = oneofeach.deduplicate(dataset)
    monkeypatch.setattr(decode, "decode", pytest.fail)
    monkeypatch.setattr("oneofeach.describe.decode", pytest.fail)
    monkeypatch.setattr("oneofeach.describe.describe_files", pytest.fail)
    assert names(result.at(0.9, keep="last").unique_images)[-1] == "zebra.png"
    assert result.at(0.5).similarity_threshold == 0.5


def test_identical_files_are_decoded_once(tmp_path, monkeypatch):
    for number in range(8):
        (tmp_path / f"{number}.png").write_bytes(encoded(picture(1)))
    calls = []
    monkeypatch.setattr("oneofeach.describe.decode", lambda *a, **k: (calls.append(1), decode.decode(*a, **k))[1])
    assert oneofeach.deduplicate(tmp_path).counts["kept"] == 1
    assert len(calls) == 1


def test_any_mix_of_inputs_gives_back_the_inputs_themselves_in_order(dataset):
    image = picture(20)
    array = np.asarray(image)
    mix = [array, image, encoded(image), str(dataset / "ant.jpg"), array.astype(np.float32) / 255, picture(21)]
    result = oneofeach.deduplicate(mix, keep="first")
    assert [kept is one for kept, one in zip(result.unique_images, [mix[0], mix[3], mix[5]], strict=True)] == [True] * 3
    assert [group.reason for group in result.groups] == ["position 1 over position 2 (first)"]


def test_one_picture_through_every_door_is_the_same_picture():
    image = picture(30, (300, 200))
    array = np.asarray(image)
    doors = [
        image,
        array,
        encoded(image),
        array.astype(np.uint16) * 257,
        array.astype(np.float64) / 255,
        np.moveaxis(array, 2, 0),
        np.dstack([array, np.full(array.shape[:2], 255, np.uint8)]),
        encoded(image, "TIFF"),
        encoded(image, "BMP"),
    ]
    assert {oneofeach.similarity(image, door) for door in doors} == {1.0}


def test_similarity_is_symmetric_and_says_what_it_cannot_read():
    a, b = picture(1), picture(2)
    assert oneofeach.similarity(a, b) == oneofeach.similarity(b, a) < 0.8
    with pytest.raises(oneofeach.UnreadableImage):
        oneofeach.similarity(a, b"nothing")


def test_similarity_takes_one_image_on_each_side_and_no_batch_or_folder(tmp_path):
    image = np.asarray(picture(1))
    batch = np.stack([image, image])
    (tmp_path / "two").mkdir()
    for name in ("a", "b"):
        picture(1).save(tmp_path / "two" / f"{name}.png")
    (tmp_path / "none").mkdir()
    for several in (batch, tmp_path / "two", tmp_path / "none"):
        for pair in ((several, image), (image, several)):
            with pytest.raises(oneofeach.OneOfEachError, match=r"Expected one image, got [02]\nGive two single images"):
                oneofeach.similarity(*pair)
    assert oneofeach.similarity(batch[:1], image) == 1.0, "a batch of one is one image"


@pytest.mark.parametrize("workers", [0, -3, "x", 1.5, True])
def test_a_number_of_workers_is_a_whole_number_from_1(workers):
    with pytest.raises(oneofeach.OneOfEachError, match=f"Invalid number of workers: {workers}\nUse 1 or more"):
        oneofeach.deduplicate([picture(1)], workers=workers)


def test_a_threshold_beyond_every_float_is_no_crash():
    with pytest.raises(oneofeach.InvalidThreshold, match="Invalid similarity threshold: 1000"):
        oneofeach.deduplicate([picture(1)], 10**400)


@pytest.mark.parametrize("name", ["pdq:3", "oneofeach-1:3", None, 5])
def test_what_names_no_fingerprint_is_named_with_those_that_there_are(name):
    with pytest.raises(oneofeach.UnknownPlugin, match=f"Unknown fingerprint: {name}\nChoose one of: oneofeach-1, "):
        oneofeach.deduplicate([picture(1)], fingerprint=name)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, 6), min_size=1, max_size=12), st.integers(1, 4), st.randoms(use_true_random=False))
def test_the_result_depends_neither_on_threads_nor_on_the_order_of_arrival(seeds, workers, random):
    images = [encoded(picture(seed, (96, 64)), "JPEG", quality=60 + 5 * n) for n, seed in enumerate(seeds)]
    one = oneofeach.deduplicate(images, keep="least-compressed", workers=1)
    assert one.counts["kept"] == len(set(seeds))
    several = oneofeach.deduplicate(images, keep="least-compressed", workers=workers)
    assert [g.key for g in several.groups] == [g.key for g in one.groups]
    shuffled = list(images)
    random.shuffle(shuffled)
    again = oneofeach.deduplicate(shuffled, keep="least-compressed", workers=workers)
    assert sorted(again.unique_images) == sorted(one.unique_images)


@pytest.mark.parametrize("orientations", ["upright", "all"])
def test_pairs_measured_by_several_threads_are_those_of_one(dataset, monkeypatch, orientations):
    for module in ("crowd", "orientations"):
        monkeypatch.setattr(f"oneofeach.{module}.AT_ONCE", 2)
    catalog = oneofeach.scan(dataset)
    one, several = (oneofeach.match(catalog, orientations=orientations, workers=workers) for workers in (1, 3))
    assert len(one) > 6
    for name in ("i", "j", "similarity", "evidence"):
        assert np.array_equal(getattr(one, name), getattr(several, name))


@pytest.mark.parametrize(("held", "tasks"), [(1, 15), (1 << 40, 1)])
def test_large_files_are_tasks_of_their_own_so_that_no_thread_waits_long(dataset, monkeypatch, held, tasks):
    monkeypatch.setattr("oneofeach.describe.HELD", held)
    steps = []
    catalog = oneofeach.scan(dataset, progress=lambda *step: steps.append(step))
    assert (len(catalog), len(steps), steps[-1]) == (15, tasks, ("scan", 15, 15))


def test_progress_is_told_and_what_it_raises_ends_the_run(dataset):
    steps = []
    oneofeach.deduplicate(dataset, progress=lambda *step: steps.append(step))
    assert steps[-1][0] == "match"
    assert ("scan", 15, 15) in steps

    def cancel(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        oneofeach.deduplicate(dataset, progress=cancel)


def test_reports_of_every_kind_add_up(dataset, tmp_path):
    result = oneofeach.deduplicate(dataset)
    for suffix in ("json", "csv", "html"):
        result.save(tmp_path / f"report.{suffix}")
    data = json.loads((tmp_path / "report.json").read_text())
    assert data["schema_version"] == 1
    assert data["counts"] == {"seen": 15, "kept": 7, "removed": 7, "skipped": 1}
    assert sum(len(group["duplicates"]) for group in data["groups"]) == 7
    assert data["groups"][0]["keeper"].keys() == {"key", "width", "height", "bytes"}
    lines = (tmp_path / "report.csv").read_text().splitlines()
    assert len(lines) == 16
    assert sum(",removed," in line for line in lines) == 7
    page = (tmp_path / "report.html").read_text()
    assert page.count("<figure>") == 4 + 7
    assert page.count("data:image/jpeg;base64,") == 11
    assert "<script" not in page
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.csv", "report.html", "report.json"]


def test_a_report_of_hostile_names_is_escaped(tmp_path):
    name = '<script>alert("1")</script>&\udcff.png'.replace("/", "_")
    for number in (1, 2):
        folder = tmp_path / "in" / str(number)
        folder.mkdir(parents=True)
        picture(1).save(folder / "x.png")
        (folder / "x.png").rename(folder / name)
    result = oneofeach.deduplicate(tmp_path / "in")
    for suffix in ("html", "csv", "json"):
        result.save(tmp_path / f"r.{suffix}")
    assert "<script" not in (tmp_path / "r.html").read_text()
    assert json.loads((tmp_path / "r.json").read_text())["groups"][0]["keeper"]["key"] == f"1/{name}"


def test_an_unknown_report_format_is_an_error_before_anything_is_written(tmp_path):
    with pytest.raises(oneofeach.UnknownFormat, match=r"\.xml\n"):
        oneofeach.deduplicate([picture(1)]).save(tmp_path / "a.xml")
    assert list(tmp_path.iterdir()) == []


def test_a_gray_copy_never_replaces_a_color_one(tmp_path):
    image = picture(3)
    image.save(tmp_path / "color.jpg", quality=80)
    image.convert("L").save(tmp_path / "gray.png")
    result = oneofeach.deduplicate(tmp_path, 0.9)
    assert "gray.png" not in names(result.unique_images) or len(result.unique_images) == 2


def test_the_walk_works_without_compiled_kernels(dataset):
    code = f"import oneofeach; print(oneofeach.deduplicate({str(dataset)!r}).counts)"
    environment = {"ONEOFEACH_KERNELS": "numpy", "PATH": ""}
    out = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "{'seen': 15, 'kept': 7, 'removed': 7, 'skipped': 1}"


def test_an_upright_photo_and_its_turned_file_with_an_orientation_tag_are_one(tmp_path):
    image = picture(5)
    image.save(tmp_path / "a.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "b.jpg", quality=95, exif=exif)
    assert oneofeach.deduplicate(tmp_path).counts["kept"] == 1


def test_a_black_picture_is_compared_though_an_unreadable_file_comes_before_it(tmp_path):
    (tmp_path / "a.png").write_bytes(b"broken")
    Image.new("RGB", (64, 64), (0, 0, 0)).save(tmp_path / "b.png")
    Image.new("RGB", (64, 64), (1, 1, 1)).save(tmp_path / "c.png")
    assert oneofeach.deduplicate(tmp_path).counts == {"seen": 3, "kept": 1, "removed": 1, "skipped": 1}


@pytest.mark.parametrize("workers", [0, -1])
def test_less_than_one_worker_is_refused(workers):
    with pytest.raises(oneofeach.OneOfEachError, match=rf"^Invalid number of workers: {workers}\nUse 1 or more"):
        oneofeach.deduplicate([picture(1)], workers=workers)
