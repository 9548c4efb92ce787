"""An index saves work and never changes an answer: not after edits, renames, kills, damage, or a second process."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import encoded

import oneofeach
from oneofeach import describe
from oneofeach.asking import Index as IndexToAsk
from oneofeach.comparison import compare
from oneofeach.engines import isolated
from oneofeach.errors import Refused
from oneofeach.index import Index
from oneofeach.stages.fingerprints.oneofeach import OneOfEach
from oneofeach.tables import Pairs

LONG_AGO = 1_600_000_000_000_000_000
LONG_STATEMENT = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) SELECT count(*) FROM n"
)


def write(path: Path, number: int, suffix: str = "png", mtime_ns: int = LONG_AGO) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(number, suffix))
    os.utime(path, ns=(mtime_ns, mtime_ns))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(6):
        write(tmp_path / "images" / f"{number}.png", number % 4)
    (tmp_path / "images" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and nothing else")
    os.utime(tmp_path / "images" / "broken.png", ns=(LONG_AGO, LONG_AGO))
    return tmp_path / "images"


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Counts what is read and what is decoded."""
    done = {"read": 0, "decoded": 0}

    def counted(name: str, function: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            done[name] += 1
            return function(*arguments, **options)

        return call

    monkeypatch.setattr(describe, "load", counted("read", describe.load))
    monkeypatch.setattr(describe, "decode", counted("decoded", describe.decode))
    return done


def spent(work: dict[str, int]) -> dict[str, int]:
    now = dict(work)
    work.update(read=0, decoded=0)
    return now


def assert_equal(one: oneofeach.Catalog, other: oneofeach.Catalog) -> None:
    assert [item.key for item in one.items] == [item.key for item in other.items]
    for name in ("facts", "bits", "descriptors"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert (dict(one.errors), dict(one.notes)) == (dict(other.errors), dict(other.notes))


def test_a_second_run_reads_nothing_and_a_moved_file_is_not_decoded(
    folder: Path, tmp_path: Path, work: dict[str, int]
) -> None:
    index = tmp_path / "index.sqlite"
    first = oneofeach.scan(str(folder), index=index)
    assert spent(work) == {"read": 7, "decoded": 5}
    assert_equal(oneofeach.scan(str(folder), index=index), first)
    assert spent(work) == {"read": 0, "decoded": 0}
    (folder / "0.png").rename(folder / "renamed.png")
    moved = oneofeach.scan(str(folder), index=index)
    assert spent(work) == {"read": 1, "decoded": 0}
    assert_equal(moved, oneofeach.scan(str(folder)))


def test_untrusted_files_that_were_moved_are_not_decoded_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, started = tmp_path / "index.sqlite", []
    monkeypatch.setattr(isolated, "_Worker", lambda: started.append(1) or pytest.fail("a worker was started"))
    fresh = oneofeach.scan(str(folder), index=index)
    folder.rename(tmp_path / "moved")
    again = oneofeach.scan(str(tmp_path / "moved"), index=index, engine="isolated")
    assert_equal(again, fresh)
    assert not started


def test_an_edited_file_is_decoded_also_when_its_size_stays(folder: Path, tmp_path: Path, work: dict[str, int]) -> None:
    index = tmp_path / "index.sqlite"
    oneofeach.scan(str(folder), index=index)
    data = bytearray((folder / "5.png").read_bytes())
    (folder / "5.png").write_bytes(bytes(data[:-1]) + b"\0")
    spent(work)
    assert_equal(oneofeach.scan(str(folder), index=index), oneofeach.scan(str(folder)))
    assert work["decoded"] == 1 + 6


def test_a_file_changed_a_moment_ago_is_read_again(folder: Path, tmp_path: Path, work: dict[str, int]) -> None:
    index = tmp_path / "index.sqlite"
    now = (folder / "5.png").stat().st_mtime_ns + 10**18
    os.utime(folder / "5.png", ns=(now, now))
    oneofeach.scan(str(folder), index=index)
    spent(work)
    oneofeach.scan(str(folder), index=index)
    assert spent(work) == {"read": 1, "decoded": 0}


def test_another_version_of_the_decoder_finds_nothing(
    folder: Path, tmp_path: Path, work: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path / "index.sqlite"
    oneofeach.scan(str(folder), index=index)
    spent(work)
    monkeypatch.setattr("oneofeach.stages.decode.tools", lambda: "a new decoder")
    oneofeach.scan(str(folder), index=index)
    assert spent(work) == {"read": 1, "decoded": 1}, "only what could not be decoded is tried again"
    monkeypatch.setattr("oneofeach.stages.decode.VERSION", "decode-next")
    oneofeach.scan(str(folder), index=index)
    assert spent(work) == {"read": 7, "decoded": 5}


def test_a_run_that_is_cut_off_continues_where_it_was(
    folder: Path, tmp_path: Path, work: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(describe, "CHUNK", 1)

    def stop(stage: str, done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        oneofeach.scan(str(folder), index=tmp_path / "index.sqlite", workers=1, progress=stop)
    spent(work)
    assert_equal(oneofeach.scan(str(folder), index=tmp_path / "index.sqlite"), oneofeach.scan(str(folder)))
    assert work["read"] == 3 + 7


SCAN_AND_DIE = """
import os, sys, oneofeach
from oneofeach import describe
from oneofeach.asking import Index as IndexToAsk
from oneofeach.comparison import compare
from oneofeach.index import images

def die(stage, done, total):
    if done == 5:
        os._exit(9)

images.BATCH, describe.CHUNK = 2, 1
oneofeach.deduplicate(sys.argv[1], index=sys.argv[2], workers=1, progress=die)
"""
SCAN = "import sys, oneofeach; oneofeach.deduplicate(sys.argv[1], index=sys.argv[2])"


def start(code: str, *arguments: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)])


def test_a_killed_process_leaves_an_index_that_the_next_one_continues(folder: Path, tmp_path: Path) -> None:
    index, fresh = tmp_path / "index.sqlite", oneofeach.scan(str(folder))
    assert start(SCAN_AND_DIE, folder, index).wait() == 9
    with Index(index) as opened:
        assert 2 <= opened.status().files <= 5
    assert_equal(oneofeach.scan(str(folder), index=index), fresh)


def test_two_processes_fill_one_index(folder: Path, tmp_path: Path) -> None:
    for number in range(40):
        write(folder / "more" / f"{number}.png", 100 + number)
    index = tmp_path / "index.sqlite"
    processes = [start(SCAN, folder, index) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert_equal(oneofeach.scan(str(folder), index=index), oneofeach.scan(str(folder)))


@pytest.mark.parametrize("what", ["header", "middle", "not a database"])
def test_a_damaged_index_is_set_aside_and_never_answers(folder: Path, tmp_path: Path, what: str) -> None:
    index = tmp_path / "index.sqlite"
    oneofeach.deduplicate(str(folder), index=index)
    data = bytearray(index.read_bytes())
    if what == "header":
        data[:100] = bytes(100)
    elif what == "middle":
        data[len(data) // 4 : -100] = bytes(255 for _ in data[len(data) // 4 : -100])
    else:
        data = bytearray(b"hello " * 1000)
    index.write_bytes(data)
    with suppress(oneofeach.IndexDamaged):  # where it cannot be known what was decided
        assert_equal(oneofeach.scan(str(folder), index=index), oneofeach.scan(str(folder)))
    assert_equal(oneofeach.scan(str(folder), index=index), oneofeach.scan(str(folder)))
    assert list(tmp_path.glob("index.sqlite.damaged-1*"))


def test_a_flipped_bit_in_a_stored_descriptor_is_noticed(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    index = tmp_path / "index.sqlite"
    oneofeach.scan(str(folder), index=index)
    connection = sqlite3.connect(index)
    with connection:
        connection.execute("UPDATE descriptors SET bytes = zeroblob(length(bytes)) WHERE block = 1")
    connection.close()
    assert_equal(oneofeach.scan(str(folder), index=index), oneofeach.scan(str(folder)))
    assert "checksum" in caplog.text
    assert list(tmp_path.glob("index.sqlite.damaged-1"))


@pytest.mark.parametrize("seed", range(20))
def test_whatever_byte_is_changed_the_answer_is_right_or_there_is_none(folder: Path, tmp_path: Path, seed: int) -> None:
    index, random = tmp_path / "index.sqlite", np.random.default_rng(seed)
    fresh = oneofeach.scan(str(folder))
    oneofeach.deduplicate(str(folder), index=index)
    data = bytearray(index.read_bytes())
    for at in random.integers(100, len(data), 40):  # the header says whose file it is: a foreign one is refused
        data[at] ^= 1 << random.integers(8)
    index.write_bytes(data)
    with suppress(oneofeach.IndexDamaged):
        assert_equal(oneofeach.scan(str(folder), index=index), fresh)
    assert_equal(oneofeach.scan(str(folder), index=index), fresh)


def test_a_file_that_is_no_index_is_refused_and_left_alone(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "photos.db"
    connection = sqlite3.connect(other)
    with connection:
        connection.execute("CREATE TABLE mine (a)")
    connection.close()
    before = other.read_bytes()
    with pytest.raises(oneofeach.Refused, match="Not an index"):
        oneofeach.scan(str(folder), index=other)
    assert other.read_bytes() == before


def test_verify_finds_a_file_that_changed_behind_its_hints(folder: Path, tmp_path: Path) -> None:
    index = tmp_path / "index.sqlite"
    oneofeach.scan(str(folder), index=index)
    hints = (folder / "0.png").stat()
    data = bytearray((folder / "0.png").read_bytes())
    data[-1] ^= 1
    with (folder / "0.png").open("r+b") as file:
        file.write(data)
    os.utime(folder / "0.png", ns=(hints.st_mtime_ns, hints.st_mtime_ns))
    (folder / "1.png").unlink()
    write(folder / "2.png", 77)
    with Index(index) as opened:
        found = opened.verify(sample=None)
        assert found.wrong == (str(folder / "0.png"),)
        assert found.missing == (str(folder / "1.png"),)
        assert found.changed == (str(folder / "2.png"),)
        assert opened.verify(sample=None).wrong == ()
    assert_equal(oneofeach.scan(str(folder), index=index), oneofeach.scan(str(folder)))


def test_prune_forgets_what_is_gone_and_keeps_what_was_decided(folder: Path, tmp_path: Path) -> None:
    with Index(tmp_path / "index.sqlite") as index:
        catalog = oneofeach.scan(str(folder), index=index)
        index.mark_kept(bytes(content) for content in catalog.facts["content"])
        (folder / "3.png").unlink()
        pruned = index.prune()
        assert (pruned.files, pruned.images) == (1, 1)
        assert index.status().files == 6
        assert index.status().kept == len({bytes(content) for content in catalog.facts["content"]})


def test_what_an_earlier_run_kept_stays_unless_reconsidered(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    write(folder / "b.jpg", 1, "jpg")
    with Index(tmp_path / "index.sqlite") as index:
        catalog = oneofeach.scan(str(folder), index=index)
        index.mark_kept([bytes(catalog.facts["content"][0])])
        write(folder / "a.png", 1)
        result = oneofeach.deduplicate(str(folder), index=index)
        assert result.removed == [str(folder / "a.png")]
        assert "kept by an earlier run" in result.groups[0].reason
        again = oneofeach.deduplicate(str(folder), index=index, reconsider=True)
        assert again.removed == [str(folder / "b.jpg")]
        index.forget_kept([bytes(catalog.facts["content"][0])])
        assert oneofeach.deduplicate(str(folder), index=index).removed == again.removed


def same_pairs(one: Pairs, other: Pairs) -> bool:
    names = ("i", "j", "similarity", "evidence", "same")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pairs were measured, call by call."""
    done: list[int] = []
    similarity = OneOfEach.similarity

    def counted(self: Any, bits: Any, descriptors: Any, i: Any, j: Any, floor: float) -> Any:
        done.append(len(i))
        return similarity(self, bits, descriptors, i, j, floor)

    monkeypatch.setattr(OneOfEach, "similarity", counted)
    return done


def test_new_images_are_matched_against_known_ones_without_measuring_those_again(
    tmp_path: Path, measured: list[int]
) -> None:
    folder = tmp_path / "images"
    for number in range(5):
        write(folder / f"{number}.png", number)
        write(folder / f"{number}.jpg", number, "jpg")
    with Index(tmp_path / "index.sqlite") as index:
        oneofeach.deduplicate(str(folder), index=index)
        first = sum(measured)
        oneofeach.deduplicate(str(folder), index=index)
        assert sum(measured) == first, "nothing is new"
        write(folder / "new.jpg", 3, "jpg")
        write(folder / "new2.png", 99)
        shutil.move(folder / "0.png", folder / "moved.png")
        grown = oneofeach.scan(str(folder), index=index)
        pairs = oneofeach.match(grown, index=index)
        assert sum(measured) - first <= 3, "the new picture, and the pair whose images changed places"
    assert same_pairs(pairs, oneofeach.match(grown))


def test_pairs_of_another_similarity_are_measured_again(
    tmp_path: Path, measured: list[int], work: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "images"
    write(folder / "one.png", 1)
    write(folder / "one.jpg", 1, "jpg")
    with Index(tmp_path / "index.sqlite") as index:
        oneofeach.deduplicate(str(folder), index=index)
        first, read = sum(measured), dict(work)
        monkeypatch.setattr(OneOfEach, "similarity_version", OneOfEach.similarity_version + 1)
        oneofeach.deduplicate(str(folder), index=index)
        assert sum(measured) == 2 * first
        assert work["decoded"] == read["decoded"], "descriptions stay valid"


def test_a_second_comparison_measures_nothing_again(tmp_path: Path, measured: list[int]) -> None:
    for number in range(5):
        write(tmp_path / "new" / f"{number}.jpg", number, "jpg")
        write(tmp_path / "library" / f"{number}.png", number)
    with Index(tmp_path / "index.sqlite") as index:
        first = compare(str(tmp_path / "new"), str(tmp_path / "library"), index=index)
        assert len(first.found) == 5
        done = sum(measured)
        again = compare(str(tmp_path / "new"), str(tmp_path / "library"), index=index)
        assert again.found == first.found
        assert oneofeach.deduplicate(str(tmp_path / "library"), index=index).counts["kept"] == 5
        assert sum(measured) == done
    assert first.found == compare(str(tmp_path / "new"), str(tmp_path / "library")).found


def test_an_index_of_an_older_version_keeps_what_was_decided(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    with Index(path) as index:
        catalog = oneofeach.scan(str(folder), index=index)
        index.mark_kept(bytes(content) for content in catalog.facts["content"][:1])
    connection = sqlite3.connect(path)
    connection.executescript("DROP TABLE descriptors; DROP TABLE block; PRAGMA user_version = 1")
    connection.close()
    with Index(path) as index:
        assert (index.status().images, index.status().kept) == (0, 1)
        assert_equal(oneofeach.scan(str(folder), index=index, reconsider=True), catalog)


def test_what_is_left_of_a_block_is_found_after_pruning(folder: Path, tmp_path: Path, work: dict[str, int]) -> None:
    with IndexToAsk(tmp_path / "index.sqlite") as index:
        fresh = oneofeach.scan(str(folder), index=index)
        asked = encoded(2)
        assert index.query(asked)[0].similarity == 1.0
        (folder / "3.png").unlink()
        with Index(tmp_path / "index.sqlite") as other:
            other.prune()
        assert index.query(asked)[0].similarity == 1.0, "though the block it was read from is gone"
        assert index.query(encoded(3)) == []
        spent(work)
        again = oneofeach.scan(str(folder), index=index)
        assert spent(work) == {"read": 0, "decoded": 0}
    assert np.array_equal(again.descriptors, np.delete(fresh.descriptors, 3, axis=0))


def test_a_file_that_never_was_an_index_is_refused_and_left_alone(tmp_path):
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"\xff\xd8\xff" + bytes(5000))
    before = photo.read_bytes()
    with pytest.raises(Refused, match=r"^Not an index of this program: "):
        Index(photo)
    assert photo.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]


def test_closing_waits_for_the_statement_of_another_thread(tmp_path: Path) -> None:
    """SQLite crashes the process when a connection is closed below a running statement."""
    index, running, counted = Index(tmp_path / "index.sqlite"), threading.Event(), []

    def count() -> None:
        with index.store.reading() as connection:
            running.set()
            counted.extend(connection.execute(LONG_STATEMENT).fetchone())

    thread = threading.Thread(target=count)
    thread.start()
    running.wait()
    index.close()
    thread.join()
    assert counted == [1_000_000]
