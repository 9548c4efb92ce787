"""Acting on real volumes that are full, read-only, or not the one of the files. Mounting needs the right to do so.

Where it is missing, the same errors are simulated: see test_laws.py and test_actions.py.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import dataset
import pytest

from oneofeach.errors import Refused
from oneofeach.stages.acting import perform as performing
from oneofeach.stages.acting.journals import journals
from oneofeach.stages.acting.names import QUARANTINE
from oneofeach.stages.acting.perform import perform
from oneofeach.stages.acting.plan import plan
from oneofeach.stages.acting.undo import undo

FILES = {"a.png": "A" * 5000, "a.txt": "cat", "b.png": "B", "b.txt": "dog", "c.png": "A" * 5000, "sub/d.png": "D"}


def mount(*arguments: str) -> bool:
    try:
        return subprocess.run(["mount", *arguments], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """An empty volume of 128 KB, at a place inside the folder `photos`."""
    place = tmp_path / "photos" / "mounted"
    place.mkdir(parents=True)
    if not mount("-t", "tmpfs", "-o", "size=128k,mode=755", "tmpfs", str(place)):
        pytest.skip("this account may not mount a volume")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture(params=["btrfs", "xfs"])
def cloning(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """An empty volume whose files may share blocks."""
    image, place = tmp_path / "image", tmp_path / "cloning"
    place.mkdir()
    with open(image, "wb") as file:
        file.truncate(320 << 20)  # a hole: it takes next to no room
    try:
        made = subprocess.run([f"mkfs.{request.param}", "-q", str(image)], capture_output=True).returncode == 0
    except FileNotFoundError:
        made = False
    if not (made and mount("-o", "loop", str(image), str(place))):
        pytest.skip(f"no {request.param} volume can be made and mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    (tmp_path / "journals").mkdir()
    return str(tmp_path / "journals")


def fill(volume: Path) -> Path:
    """A file that takes all the room there is."""
    filler = volume / "filler"
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return filler


def test_a_quarantine_on_another_volume_is_refused_by_the_system_and_nothing_is_copied(
    volume: Path, tmp_path: Path, folder: str
) -> None:
    root = dataset.make(tmp_path / "here", FILES)
    before = dataset.snapshot(root)
    journal = perform(plan(dataset.outcome(root, {"b.png": "a.png"}), quarantine=str(volume / "q")), folder)
    assert [(result.outcome, result.reason) for result in journal.refused] == [
        ("failed", "the target is on another volume; files are only ever renamed, never copied")
    ]
    assert dataset.snapshot(root) == before
    assert not dataset.contents_names(volume)


def test_a_folder_that_spans_two_volumes_has_a_quarantine_on_each(volume: Path, folder: str) -> None:
    root = volume.parent
    dataset.make(root, FILES)
    dataset.make(volume, FILES)
    before = dataset.snapshot(root)
    goes = {"b.png": "a.png", "mounted/b.png": "a.png", "mounted/sub/d.png": "sub/d.png"}
    journal = perform(plan(dataset.outcome(root, goes), captions="merge-tags"), folder)
    assert journal.counts["done"] == journal.planned == 4
    assert (root / QUARANTINE).is_dir()
    assert (volume / QUARANTINE).is_dir()
    assert undo(journal).not_restored == []
    assert dataset.snapshot(root) == before


def test_a_folder_that_nobody_may_change_keeps_its_files_and_the_rest_goes(tmp_path: Path, folder: str) -> None:
    root = dataset.make(tmp_path / "photos", FILES)
    before = dataset.snapshot(root)
    made = dataset.planned(root, {"b.png": "a.png", "sub/d.png": "a.png"})
    if not sealed(root / "sub", True):
        pytest.skip("this account or file system cannot seal a folder")
    try:
        journal = perform(made, folder)
    finally:
        assert sealed(root / "sub", False)
    assert [(result.source, result.outcome, result.reason) for result in journal.refused] == [
        (str(root / "sub/d.png"), "failed", "no permission to change this file or folder")
    ]
    assert journal.counts["done"] == 1
    assert undo(journal).not_restored == []
    assert dataset.snapshot(root) == before


def sealed(place: Path, on: bool) -> bool:
    """Forbid every change of a folder, to the administrator too; whether that could be done."""
    try:
        return subprocess.run(["chattr", "+i" if on else "-i", str(place)], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def test_a_caption_on_a_full_disk_is_not_written_and_its_duplicates_stay(volume: Path, folder: str) -> None:
    dataset.make(volume, FILES)
    made = dataset.planned(volume, {"b.png": "a.png"}, captions="merge-tags")
    fill(volume)
    before = dataset.snapshot(volume)
    journal = perform(made, folder)
    assert [(result.outcome, result.reason) for result in journal.refused] == [
        ("failed", "the disk is full"),
        ("refused", "the caption of its keeper was not written"),
    ]
    assert dataset.snapshot(volume) == before


def test_undoing_a_link_on_a_full_disk_leaves_the_link_and_works_once_there_is_room(volume: Path, folder: str) -> None:
    dataset.make(volume, FILES)
    before = dataset.snapshot(volume)
    journal = perform(dataset.planned(volume, {"c.png": "a.png"}, "hardlink"), folder)
    filler = fill(volume)
    full = undo(journal)
    assert [result.reason for result in full.not_restored] == ["the disk is full"]
    assert (volume / "c.png").samefile(volume / "a.png")
    filler.unlink()
    assert undo(journal).not_restored == []
    assert dataset.snapshot(volume) == before


def test_a_volume_that_became_read_only_changes_nothing(volume: Path, folder: str) -> None:
    dataset.make(volume, FILES)
    before = dataset.snapshot(volume)
    made = dataset.planned(volume, {"b.png": "a.png", "c.png": "a.png"}, captions="merge-tags")
    assert mount("-o", "remount,ro", str(volume))
    journal = perform(made, folder)
    assert {(result.outcome, result.reason) for result in journal.refused} == {
        ("failed", "this volume is read-only"),
        ("refused", "the caption of its keeper was not written"),
    }
    assert len(journal.refused) == journal.planned == 3
    assert dataset.snapshot(volume) == before
    assert mount("-o", "remount,rw", str(volume))
    again = perform(made, folder)
    assert again.counts["done"] == 3
    undo(again)
    assert dataset.snapshot(volume) == before


def test_a_journal_that_fills_its_disk_ends_the_run_and_all_it_tells_of_can_be_undone(
    volume: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(performing, "BATCH", 20)
    names = {f"{number:04}.png": str(number) for number in range(600)}
    root = dataset.make(tmp_path / "many", {"keep.png": "K", **names})
    before = dataset.snapshot(root)
    made = dataset.planned(root, dict.fromkeys(names, "keep.png"))
    (volume / "journals").mkdir()
    with pytest.raises(Refused, match=r"^Cannot write the journal .*: No space left on device\n.*Make room"):
        perform(made, str(volume / "journals"))
    (journal,) = journals(str(volume / "journals"))
    moved = before.keys() - dataset.snapshot(root).keys()
    assert 0 < len(moved) < len(names)
    assert {os.path.basename(unit.step.file.path) for unit in journal.units.values()} >= moved
    fill(volume)
    with pytest.raises(Refused, match="Cannot write the journal"):
        undo(journal)
    (volume / "filler").unlink()
    assert mount("-o", "remount,size=1m", str(volume))
    assert undo(journal).not_restored == []
    assert dataset.snapshot(root) == before


def test_a_reflink_is_a_file_of_its_own_that_takes_no_room(cloning: Path, folder: str) -> None:
    data = os.urandom(20 << 20)
    root = dataset.make(cloning / "photos", {"a.png": data, "b.png": data, "b.txt": "dog"})
    before = dataset.snapshot(root)
    os.sync()
    room = os.statvfs(cloning).f_bavail * os.statvfs(cloning).f_frsize
    journal = perform(dataset.planned(root, {"b.png": "a.png"}, "reflink"), folder)
    assert journal.counts["done"] == journal.planned == 1
    assert dataset.snapshot(root) == before
    assert not (root / "a.png").samefile(root / "b.png")
    freed = after_a_while(cloning, room + (18 << 20))
    assert freed, "the blocks of one of two files are given back"
    with open(root / "b.png", "r+b") as file:
        file.write(b"edited")
    assert (root / "a.png").read_bytes() == data
    assert undo(journal).restored == 0
    assert (root / "b.png").read_bytes()[:6] == b"edited"


def after_a_while(volume: Path, room: int) -> bool:
    """Whether there comes to be that much room on a volume, which may give it back some time after a sync."""
    for _ in range(50):
        os.sync()
        if os.statvfs(volume).f_bavail * os.statvfs(volume).f_frsize >= room:
            return True
        time.sleep(0.1)
    return False
