from __future__ import annotations

from os.path import splitext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneofeach.stages.sources.sidecars import SIDECARS, sidecars_in, sidecars_of


def folder(*names: str) -> dict[str, tuple[str, ...]]:
    images = {name for name in names if splitext(name)[1].lower() in (".png", ".jpg", ".tif")}
    return sidecars_in(names, images)


@pytest.mark.parametrize(
    "sidecar",
    [
        *("a.txt", "a.caption", "a.json", "a.npz", "a.mask", "a.xmp", "a.yaml", "a-masklabel.png"),
        *("a.png.txt", "a.png.json", "a.TXT", "a.png.xmp"),
        *("a_0512x0768_sd.npz", "a_1024x1024_sdxl.npz", "a_0512x0768_flux.npz", "a_te_outputs.npz", "a_sd3_te.npz"),
    ],
)
def test_every_known_companion_belongs_to_its_image(sidecar: str) -> None:
    assert folder("a.png", sidecar, "b.txt", "notes.md") == {"a.png": (sidecar,)}


def test_other_files_belong_to_no_image() -> None:
    assert folder("a.png", "ab.txt", "b.txt", "a.md", "A.txt", "a.b.txt", ".txt") == {"a.png": ()}


def test_a_mask_is_an_image_of_its_own_only_when_its_image_is_not_there() -> None:
    assert folder("a.jpg", "a-masklabel.png") == {"a.jpg": ("a-masklabel.png",)}
    assert folder("a-masklabel.png", "b.jpg") == {"a-masklabel.png": (), "b.jpg": ()}


def test_a_sidecar_shared_by_two_images_is_listed_with_both() -> None:
    assert folder("a.png", "a.jpg", "a.txt") == {"a.jpg": ("a.txt",), "a.png": ("a.txt",)}


def test_a_sidecar_after_the_full_name_spares_an_image_that_of_its_stem() -> None:
    assert folder("a.png", "a.jpg", "a.txt", "a.jpg.txt") == {"a.jpg": ("a.jpg.txt",), "a.png": ("a.txt",)}
    assert folder("a.png", "a.jpg", "a.txt", "a.jpg.caption") == {"a.jpg": ("a.jpg.caption",), "a.png": ("a.txt",)}
    assert folder("a.png", "a.jpg", "a.txt", "a.jpg.json") == {"a.jpg": ("a.jpg.json", "a.txt"), "a.png": ("a.txt",)}


def test_a_sidecar_that_no_image_needs_travels_behind_those_after_the_full_name() -> None:
    assert folder("a.webp.jpg", "a.webp.txt", "a.webp.jpg.txt") == {"a.webp.jpg": ("a.webp.jpg.txt", "a.webp.txt")}
    assert folder("a.png", "a.jpg", "a.txt", "a.png.txt", "a.jpg.txt") == {
        "a.jpg": ("a.jpg.txt", "a.txt"),
        "a.png": ("a.png.txt", "a.txt"),
    }


def test_the_longest_stem_has_the_sidecar() -> None:
    assert folder("a.png", "a_b.png", "a_b_sd3_te.npz") == {"a.png": (), "a_b.png": ("a_b_sd3_te.npz",)}


def test_patterns_that_name_each_others_images_leave_every_image_an_image() -> None:
    assert sidecars_in(["a.png", "a.tif"], {"a.png", "a.tif"}, [".png", ".tif"]) == {"a.png": (), "a.tif": ()}


def test_patterns_can_be_chosen() -> None:
    assert sidecars_of("a.png", ["a.png", "a.txt", "a.tags", "a_depth.exr"], [".tags", "_*.exr"]) == (
        "a.tags",
        "a_depth.exr",
    )


NAMES = st.builds(
    str.__add__,
    st.sampled_from(["a", "ab", "a_b", "a.png", "a-masklabel", "é", "a_0512x0512_sd"]),
    st.sampled_from([".png", ".jpg", ".txt", "-masklabel.png", ".png.txt", "_te_outputs.npz", "_0512x0512_sd.npz"]),
)


@given(st.sets(NAMES, max_size=12))
def test_no_image_is_lost_and_a_lone_image_has_the_same_sidecars(names: set[str]) -> None:
    images = {name for name in names if name.endswith((".png", ".jpg"))}
    found = sidecars_in(names, images)
    sidecars = {name for owned in found.values() for name in owned}
    assert images == set(found) | (images & sidecars)
    assert not sidecars & set(found)
    for image in found:
        assert set(found[image]) <= set(sidecars_of(image, names))
    for image in images:
        others = names - images
        assert sidecars_of(image, others) == sidecars_in({image} | others, {image}, SIDECARS)[image]
