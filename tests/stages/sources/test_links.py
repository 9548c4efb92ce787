"""A symbolic link is a second name: the file itself stays, with its caption, whatever the keep rules say."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pictures import encoded

import oneofeach
from oneofeach.stages.sources import items_of
from oneofeach.stages.sources.links import links_among


@pytest.fixture
def photos(tmp_path):
    root = tmp_path / "photos"
    root.mkdir()
    (root / "z.png").write_bytes(encoded(1))
    (root / "z.txt").write_text("a caption")
    (root / "a.png").symlink_to("z.png")
    (root / "b.png").symlink_to("a.png")
    return root


def linked(root):
    items = items_of(str(root))
    return [item.key for item, link in zip(items, links_among(items), strict=True) if link]


@pytest.mark.parametrize("keep", ["first", "shortest-name,first", "newest", "prefer=a*"])
def test_the_file_stays_and_its_links_go(photos, keep):
    result = oneofeach.deduplicate(str(photos), keep=keep)
    assert [os.path.basename(path) for path in result.unique_images] == ["z.png"]
    assert result.groups[0].reason == "file over link to it (linked)"
    assert result.counts == {"seen": 3, "kept": 1, "removed": 2, "skipped": 0}


def test_its_caption_is_exported(photos, tmp_path):
    oneofeach.export(oneofeach.deduplicate(str(photos)), tmp_path / "out")
    assert (tmp_path / "out" / "z.txt").read_text() == "a caption"
    assert not (tmp_path / "out" / "z.png").is_symlink()


def test_a_better_copy_is_still_preferred_to_the_file(photos):
    (photos / "large.bmp").write_bytes(encoded(1, "bmp"))
    kept = oneofeach.deduplicate(str(photos), keep="largest-file").unique_images
    assert [os.path.basename(path) for path in kept] == ["large.bmp"]


def test_a_link_to_a_file_that_is_not_scanned_is_an_image_like_any_other(photos, tmp_path):
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "one.png").symlink_to(photos / "z.png")
    (tmp_path / "links" / "two.png").write_bytes(encoded(1, "png"))
    assert linked(tmp_path / "links") == []
    assert len(oneofeach.deduplicate(str(tmp_path / "links"), keep="first").unique_images) == 1


def test_a_hard_link_is_a_file(photos):
    os.link(photos / "z.png", photos / "0.png")
    assert linked(photos) == ["a.png", "b.png"]
    assert oneofeach.deduplicate(str(photos)).unique_images == [str(photos / "0.png")]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(targets=st.lists(st.integers(-1, 5), min_size=2, max_size=6), keep=st.sampled_from(["first", "last", "newest"]))
def test_no_file_goes_for_a_link_to_it(targets, keep, tmp_path_factory):
    root = tmp_path_factory.mktemp("links")
    for number, target in enumerate(targets):
        if target < 0 or target >= len(targets):
            (root / f"{number}.png").write_bytes(encoded(number % 2))
        else:
            (root / f"{number}.png").symlink_to(f"{target}.png")
    result = oneofeach.deduplicate(str(root), keep=keep, workers=1)
    counts = result.counts
    assert counts["seen"] == len(targets) == counts["kept"] + counts["removed"] + counts["skipped"]
    files = [number for number, target in enumerate(targets) if target < 0 or target >= len(targets)]
    if files:
        assert not any(os.path.islink(path) for path in result.unique_images)
    for group in result.groups:
        for one in group.duplicates:
            assert os.path.islink(one.input) or not os.path.islink(group.input)
