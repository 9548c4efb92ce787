"""From the page to real files and back: the plan, its progress, what went, and undo."""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, Page, expect
from reviewing import near_copies, page_of, running, scanned, session_of

from oneofeach import export
from oneofeach.apps.review.applying import Wanted
from oneofeach.apps.review.captioning import captioned
from oneofeach.index import Index
from oneofeach.stages.sources import items_of
from oneofeach.stages.sources.captions import caption_of


def files(folder: Path) -> dict[str, str]:
    """Every file outside the quarantine, with the hash of its bytes."""
    found = (path for path in folder.rglob("*") if path.is_file())
    shown = {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}
    return {name: digest for name, digest in shown.items() if not name.startswith(".")}


def show_plan(page: Page, which: str = "decided", captions: str = "own") -> None:
    page.click("#open-apply")
    page.select_option("#which", which)
    page.select_option("#captions", captions)
    page.click("text=Show the plan")
    expect(page.locator("#plan button")).to_be_visible()


def test_apply_moves_what_was_decided_and_undo_brings_every_byte_back(chromium: Browser, tmp_path: Path) -> None:
    folder = near_copies(tmp_path / "photos", 3)
    before = files(folder)
    with running(folder, tmp_path / "store") as opened, page_of(chromium, opened) as page:
        page.keyboard.press("Space")
        page.keyboard.press("n")
        expect(page.locator("#progress output")).to_have_text("2 of 3 decided")
        assert files(folder) == before
        show_plan(page)
        expect(page.locator("#plan")).to_contain_text("2 images")
        assert files(folder) == before
        page.click("#plan button")
        expect(page.locator("#outcome")).to_contain_text("2 done, 0 refused, 0 failed")
        gone = before.keys() - files(folder).keys()
        assert len({name for name in gone if not name.endswith(".txt")}) == 2
        expect(page.locator("#would-go")).to_contain_text("2 gone")
        page.click("#take-back")
        expect(page.locator("#outcome")).to_contain_text("2 steps taken back")
        assert files(folder) == before
        expect(page.locator("#would-go")).not_to_contain_text("gone")


def test_suggestions_go_only_when_asked_for_and_sidecars_go_with_their_image(chromium: Browser, tmp_path: Path) -> None:
    folder = near_copies(tmp_path / "photos", 2)
    with running(folder, tmp_path / "store") as opened, page_of(chromium, opened) as page:
        show_plan(page)
        expect(page.locator("#plan button")).to_be_disabled()
        page.click("#panel [aria-label=Close]")
        show_plan(page, "all", "merge-tags")
        expect(page.locator("#plan")).to_contain_text("2 captions written")
        page.click("#plan button")
        expect(page.locator("#outcome")).to_contain_text("6 done")
    assert sorted(files(folder)) == ["0.png", "0.txt", "1.png", "1.txt"]
    assert (folder / "1.txt").read_text() == "a drawing, number 1, compressed"


def test_a_caption_written_on_the_page_is_part_of_the_plan(chromium: Browser, tmp_path: Path) -> None:
    folder = near_copies(tmp_path / "photos", 3)
    with running(folder, tmp_path / "store") as opened, page_of(chromium, opened) as page:
        page.fill("#search", "2.png")
        expect(page.locator("figure.card .name").first).to_have_text("2.png")
        page.fill(".caption textarea", "a third drawing")
        page.locator(".caption textarea").blur()
        expect(page.locator("#undo")).to_be_enabled()
        assert not (folder / "2.txt").exists()
        show_plan(page)
        page.click("#plan button")
        expect(page.locator("#outcome")).to_contain_text("1 done")
        assert (folder / "2.txt").read_text() == "a third drawing"
        page.click("#take-back")
        expect(page.locator("#outcome")).to_contain_text("1 step taken back")
        assert not (folder / "2.txt").exists()


def test_a_file_edited_after_the_plan_is_left_alone_and_named(chromium: Browser, tmp_path: Path) -> None:
    folder = near_copies(tmp_path / "photos", 2)
    with running(folder, tmp_path / "store") as opened, page_of(chromium, opened) as page:
        show_plan(page, "all")
        (folder / "1_web.jpg").write_bytes(b"edited meanwhile")
        page.click("#plan button")
        expect(page.locator("#outcome")).to_contain_text("1 refused")
        expect(page.locator("#outcome")).to_contain_text("has changed since the plan was made")
    assert (folder / "1_web.jpg").read_bytes() == b"edited meanwhile"


def test_a_plan_is_void_once_something_else_was_decided(chromium: Browser, tmp_path: Path) -> None:
    folder = near_copies(tmp_path / "photos", 2)
    before = files(folder)
    with running(folder, tmp_path / "store") as opened, page_of(chromium, opened) as page:
        show_plan(page, "all")
        page.locator("#stage").focus()
        page.keyboard.press("n")
        expect(page.locator("#progress output")).to_have_text("1 of 2 decided")
        page.click("#plan button")
        expect(page.locator("#banner")).to_contain_text("out of date")
    assert files(folder) == before


def in_a_tar(folder: Path, place: Path) -> Path:
    with tarfile.open(place / "shard-0000.tar", "w") as tar:
        for number, path in enumerate(sorted(folder.glob("*.*g*"))):
            tar.add(path, f"{number:04}{path.suffix}")
    return place / "shard-0000.tar"


def in_a_table(folder: Path, place: Path) -> Path:
    rows = [
        {"image": {"bytes": path.read_bytes(), "path": path.name}, "text": "before", "label": number}
        for number, path in enumerate(sorted(folder.glob("*.*g*")))
    ]
    pq.write_table(pa.Table.from_pylist(rows), place / "train.parquet")
    return place / "train.parquet"


def in_a_folder(folder: Path, place: Path) -> Path:
    return folder


@pytest.mark.parametrize(
    ("pack", "format"),
    [(in_a_tar, "webdataset"), (in_a_table, "parquet"), (in_a_table, "webdataset"), (in_a_folder, "folder")],
)
def test_a_dataset_is_exported_with_the_captions_of_the_page_and_stays_as_it_is(
    chromium: Browser, tmp_path: Path, pack: Callable[[Path, Path], Path], format: str
) -> None:
    (tmp_path / "set").mkdir()
    source = pack(near_copies(tmp_path / "photos", 2), tmp_path / "set")
    before, written = files(tmp_path / "set"), tmp_path / "unique"
    with (
        running(source, tmp_path / "store", destination=str(written)) as opened,
        page_of(chromium, opened) as page,
    ):
        opened.session.caption(0, "written on the page")
        page.click("#open-apply")
        page.select_option("#which", "all")
        page.select_option("#action", f"export: {format}")
        page.click("text=Show the plan")
        page.click("#plan button")
        expect(page.locator("#outcome")).to_contain_text("2 images written to")
    assert files(tmp_path / "set") == before
    assert (written / "manifest.csv").exists()
    place = next((path for path in written.rglob("*") if path.suffix in (".tar", ".parquet")), written)
    first, second = items_of(str(place))
    assert caption_of(first) == "written on the page"
    assert caption_of(second) in ("", "before", "a drawing, number 1")


def test_masks_and_latents_stay_with_an_image_whose_caption_was_written(tmp_path: Path) -> None:
    folder = near_copies(tmp_path / "photos", 1)
    with zipfile.ZipFile(tmp_path / "one.zip", "w") as zipped:
        zipped.write(folder / "0.png", "0.png")
        for name in ("0-masklabel.png", "0_0240x0180_sd.npz", "0.txt"):
            zipped.writestr(name, name.encode())
    session = session_of(*scanned(tmp_path / "one.zip"))
    session.caption(0, "written")
    export(captioned(session.outcome(decided_only=False), session), tmp_path / "out", "folder")
    found = {path.name: path.read_bytes() for path in (tmp_path / "out").rglob("0*") if path.name != "0.png"}
    assert found == {
        "0-masklabel.png": b"0-masklabel.png",
        "0_0240x0180_sd.npz": b"0_0240x0180_sd.npz",
        "0.txt": b"written",
    }


def test_what_was_kept_is_remembered_for_later_runs(chromium: Browser, tmp_path: Path) -> None:
    folder = near_copies(tmp_path / "photos", 2)
    with (
        Index(tmp_path / "index.sqlite") as index,
        running(folder, tmp_path / "store", index=index) as opened,
        page_of(chromium, opened) as page,
    ):
        page.keyboard.press("2")
        expect(page.locator("#progress output")).to_have_text("1 of 2 decided")
        show_plan(page)
        page.click("#plan button")
        expect(page.locator("#outcome")).to_contain_text("2 done")
        kept = index.kept(opened.session.catalog.facts["content"])
        assert (kept == ~opened.session.standing.gone).all(), "all that the plan left in place"
        page.click("#take-back")
        expect(page.locator("#outcome")).to_contain_text("taken back")
        expect(page.locator("#would-go")).not_to_contain_text("gone")
        assert not index.kept(opened.session.catalog.facts["content"]).any()


def test_what_an_applied_plan_left_in_place_is_remembered_as_kept_until_it_is_taken_back(tmp_path: Path) -> None:
    folder = near_copies(tmp_path / "photos", 2)
    copy = folder / "0_copy.png"
    copy.write_bytes((folder / "0.png").read_bytes())
    with Index(tmp_path / "index.sqlite") as index, running(folder, tmp_path / "store", index=index) as opened:
        contents = opened.session.catalog.facts["content"]
        planned = opened.applying.plan(Wanted("hardlink", decided_only=False))
        assert (planned["steps"], planned["left_count"]) == (1, 4)
        opened.applying.start(planned["id"])
        opened.applying.wait()
        assert copy.samefile(folder / "0.png")
        assert index.kept(contents).all(), "a link takes no image away"
        opened.applying.start_back()
        opened.applying.wait()
        assert not copy.samefile(folder / "0.png")
        assert not index.kept(contents).any()
