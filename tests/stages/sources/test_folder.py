import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import picture

from oneofeach.errors import SourceNotFound, UnsupportedInput
from oneofeach.stages.sources import items_of
from oneofeach.stages.sources.natural import in_order, natural_key
from oneofeach.tables import Item


def keys(source):
    return [item.key for item in items_of(source)]


@pytest.fixture
def folder(tmp_path):
    def make(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
        return tmp_path

    return make


def test_a_folder_is_walked_recursively_in_natural_order(folder):
    root = folder("img10.jpg", "img2.jpg", "IMG1.png", "b/3.webp", "b/20.webp", "a/z.gif")
    assert keys(root) == ["a/z.gif", "b/3.webp", "b/20.webp", "IMG1.png", "img2.jpg", "img10.jpg"]


def test_a_copy_with_a_longer_name_comes_after_the_original(folder):
    assert keys(folder("cat (1).jpg", "cat.jpg", "cat copy.jpg"))[0] == "cat.jpg"


def test_other_files_and_hidden_ones_are_left_alone(folder):
    assert keys(folder("a.jpg", "notes.txt", ".hidden.jpg", ".git/b.jpg", "._a.jpg", "README")) == ["a.jpg"]


def test_a_mask_belongs_to_its_image_and_is_none_itself(folder):
    (item,) = items_of(folder("a.png", "a-masklabel.png", "a.txt"))
    assert item.key == "a.png"
    assert sorted(os.path.basename(path) for path in item.sidecars) == ["a-masklabel.png", "a.txt"]


def test_loops_of_links_end_and_every_folder_is_entered_once(folder):
    root = folder("real/a.jpg")
    (root / "real" / "loop").symlink_to(root)
    (root / "also").symlink_to(root / "real")
    assert keys(root) == ["real/a.jpg"]


def test_a_link_to_a_folder_elsewhere_is_followed(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "b.jpg").write_bytes(b"x")
    root = folder("a.jpg")
    (root / "link").symlink_to(elsewhere)
    assert keys(root) == ["a.jpg", "link/b.jpg"]


def test_what_looks_like_an_image_but_cannot_be_one_is_an_item_with_a_reason(folder):
    root = folder("raw.nef")
    (root / "dangling.jpg").symlink_to(root / "nowhere.jpg")
    (root / "loop.jpg").symlink_to(root / "loop.jpg")
    (root / "folder.jpg").mkdir()
    os.mkfifo(root / "pipe.jpg")
    reasons = {item.key: item.error for item in items_of(root)}
    assert set(reasons) == {"raw.nef", "dangling.jpg", "loop.jpg", "pipe.jpg"}
    assert all(reasons.values())
    assert reasons["pipe.jpg"] == "not a regular file"


def test_a_folder_that_cannot_be_listed_is_an_item_with_a_reason(folder, monkeypatch):
    root = folder("a.jpg", "locked/b.jpg")
    scandir = os.scandir

    def refusing(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert [(item.key, item.error) for item in items_of(root)] == [
        ("a.jpg", ""),
        ("locked", "folder cannot be read: Permission denied"),
    ]


def test_names_with_line_breaks_and_lone_surrogates_survive(tmp_path):
    names = ["new\nline.jpg", "sur\udcffrogate.jpg"]
    for name in names:
        picture(1).save(os.path.join(tmp_path, "x.jpg"))
        os.rename(os.path.join(tmp_path, "x.jpg"), os.path.join(tmp_path, name))
    assert keys(tmp_path) == names


def test_a_missing_path_is_an_error_and_inside_a_list_an_item_with_a_reason(tmp_path):
    with pytest.raises(SourceNotFound, match=r"^No such file or folder: .*gone\nCheck"):
        items_of(tmp_path / "gone")
    (item,) = items_of([str(tmp_path / "gone.jpg")])
    assert item.error == "no such file or folder"


def test_an_object_that_is_no_image_is_an_error_and_inside_a_list_an_item_with_a_reason():
    with pytest.raises(UnsupportedInput, match=r"^Not an image or a dataset: int\n"):
        items_of(7)
    assert [item.error for item in items_of([None, {"a": 1}])] == ["not an image: NoneType", "not an image: dict"]


def test_several_folders_have_keys_that_tell_them_apart(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.jpg").write_bytes(b"x")
    assert keys([str(tmp_path / "one"), str(tmp_path / "two")]) == [
        str(tmp_path / "one" / "a.jpg"),
        str(tmp_path / "two" / "a.jpg"),
    ]


NAMES = st.lists(
    st.text(st.sampled_from("aB1023.-é"), min_size=1, max_size=5).filter(lambda name: name.strip(".")), max_size=3
)


@given(st.sets(NAMES.map("/".join), max_size=12))
def test_folders_put_one_after_the_other_are_in_natural_order(names):
    items = [Item(f"{name}.jpg", None) for name in names]
    folders = {}
    for item in items:
        folders.setdefault(os.path.dirname(item.key), []).append(item)
    expected = sorted((item.key for item in items), key=natural_key)
    assert [item.key for item in in_order(list(folders.values()))] == expected


def test_a_link_to_a_folder_above_is_a_line_and_not_followed(folder):
    root = folder("above.jpg", "photos/a.jpg", "photos/b/c.jpg", "elsewhere/x/d.jpg", "elsewhere/e.jpg")
    (root / "photos" / "b" / "up").symlink_to(root)
    (root / "photos" / "b" / "here").symlink_to(root / "photos")
    (root / "photos" / "there").symlink_to(root / "elsewhere" / "x")
    (root / "elsewhere" / "x" / "back").symlink_to("..")
    found = {item.key: item.error for item in items_of(root / "photos")}
    above = "a link to a folder above is not followed: give that folder itself"
    assert found == {"a.jpg": "", "b/c.jpg": "", "b/up": above, "there/d.jpg": "", "there/back": above}
