"""Whatever happens to the file of an index, a run gives the right answer, or none and says why."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import encoded

import oneofeach
from oneofeach.asking import Index
from oneofeach.index.schema import PAGE
from oneofeach.index.store import Store

LONG_AGO = 1_600_000_000_000_000_000
NAMES = {
    f"{number}{copy}.{suffix}": (number, suffix) for number in range(4) for copy, suffix in (("", "png"), ("b", "jpg"))
}

Damage = Callable[[bytearray, int, np.random.Generator], None]


def zeroed(data: bytearray, page: int, random: np.random.Generator) -> None:
    data[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)


def noise(data: bytearray, page: int, random: np.random.Generator) -> None:
    data[page * PAGE : (page + 1) * PAGE] = random.bytes(PAGE)


def one_bit(data: bytearray, page: int, random: np.random.Generator) -> None:
    """In each part of the page that is in use."""
    used = np.flatnonzero(np.frombuffer(data, np.uint8)[page * PAGE : (page + 1) * PAGE])
    for at in random.choice(used, min(len(used), 3)) if len(used) else ():
        data[page * PAGE + int(at)] ^= 1 << random.integers(8)


def another_page(data: bytearray, page: int, random: np.random.Generator) -> None:
    other = int(random.integers(1, len(data) // PAGE))
    data[page * PAGE : (page + 1) * PAGE] = data[other * PAGE : (other + 1) * PAGE]


def cut_off(data: bytearray, page: int, random: np.random.Generator) -> None:
    del data[page * PAGE + int(random.integers(1, PAGE)) :]


class Sound:
    """A folder, its index with decisions, and what must come of every run."""

    def __init__(self, root: Path) -> None:
        self.folder, self.path = root / "images", root / "index.sqlite"
        self.folder.mkdir()
        for name, (number, suffix) in NAMES.items():
            (self.folder / name).write_bytes(encoded(number, suffix))
            os.utime(self.folder / name, ns=(LONG_AGO, LONG_AGO))
        catalog = oneofeach.scan(str(self.folder))
        content = dict(zip((item.key for item in catalog.items), map(bytes, catalog.facts["content"]), strict=True))
        with Index(self.path) as index:
            oneofeach.deduplicate(str(self.folder), index=index)
            index.mark_kept([content["1b.jpg"]])
            index.decisions.keep([(content["2b.jpg"], "2b.jpg")])
            index.decisions.set_apart([(content["3.png"], "3.png"), (content["3b.jpg"], "3b.jpg")])
            self.decisions = index.decisions.exported()
            self.matches = [(match.content, match.similarity) for match in index.query(self.folder / "0.png")]
        self.expected = self.run(self.path)
        self.keepers = [group.key for group in oneofeach.deduplicate(str(self.folder), index=self.path).groups]

    def run(self, index: Path) -> dict[str, object]:
        result = oneofeach.deduplicate(str(self.folder), index=index)
        groups = [
            (group.key, [(one.key, one.similarity, one.evidence) for one in group.duplicates])
            for group in result.groups
        ]
        return {**result.counts, "groups": groups}

    def ask(self, index: Path) -> list[tuple[str, float]]:
        with Index(index) as opened:
            return [(match.content, match.similarity) for match in opened.query(self.folder / "0.png")]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    made = Sound(tmp_path_factory.mktemp("sound"))
    assert made.keepers == ["0.png", "1b.jpg", "2b.jpg"], "every decision shows in the result"
    return made


@pytest.fixture
def damaged(sound: Sound, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[Damage, int], Path]:
    def make(damage: Damage, page: int) -> Path:
        shutil.rmtree(tmp_path / "index", ignore_errors=True)
        (tmp_path / "index").mkdir()
        data = bytearray(sound.path.read_bytes())
        damage(data, page, np.random.default_rng([page, len(damage.__name__)]))
        path = tmp_path / "index" / "index.sqlite"
        path.write_bytes(data)
        return path

    return make


def outcome(what: Callable[[Path], Any], index: Path) -> Any:
    """What it returns, or the words of its refusal."""
    try:
        return what(index)
    except (oneofeach.IndexDamaged, oneofeach.Refused) as error:
        return str(error)


@pytest.mark.parametrize("damage", [zeroed, noise, one_bit, another_page, cut_off])
def test_whatever_page_is_damaged_every_run_ends_right_or_says_why(
    sound: Sound, damaged: Callable[[Damage, int], Path], damage: Damage
) -> None:
    for page in range(sound.path.stat().st_size // PAGE):
        path = damaged(damage, page)
        found = outcome(sound.run, path)
        if isinstance(found, dict):
            assert found == sound.expected, page
            with Index(path) as index:
                assert index.decisions.exported() == sound.decisions, page
        else:
            assert str(path) in found
        answer = outcome(sound.ask, damaged(damage, page))
        assert answer == sound.matches or str(path) in answer, page


@pytest.mark.parametrize("damage", [zeroed, noise])
def test_a_run_with_a_damaged_index_goes_on_and_fills_a_new_one(
    sound: Sound, damaged: Callable[[Damage, int], Path], damage: Damage, caplog: pytest.LogCaptureFixture
) -> None:
    stopped = []
    for page in range(sound.path.stat().st_size // PAGE):
        path = damaged(damage, page)
        caplog.clear()
        found = outcome(sound.run, path)
        if isinstance(found, str):
            stopped.append(page)
            assert "not all could be read" in found
            assert sound.run(path)["skipped"] == 0, "the next run goes on"
            continue
        assert found == sound.expected
        aside = path.with_name("index.sqlite.damaged-1")
        if aside.exists():
            assert "begun anew with all that was decided" in caplog.text
            with Index(path) as index:
                assert (index.status().images, index.status().files) == (len(NAMES), len(NAMES))
    assert len(stopped) <= 5, "only where a page of the decisions themselves is lost"


def root_of(path: Path, name: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()[0])


def test_a_lost_decision_ends_the_run_and_names_the_file(sound: Sound, damaged: Callable[[Damage, int], Path]) -> None:
    path = damaged(noise, root_of(sound.path, "always_kept") - 1)
    with pytest.raises(
        oneofeach.IndexDamaged, match=r"(?s)begun anew with 2 decisions; not all could be read\.\n.*list"
    ):
        sound.run(path)
    with Index(path) as index:
        assert index.decisions.exported()["no_duplicates"] == sound.decisions["no_duplicates"]
    assert path.with_name("index.sqlite.damaged-1").exists()


def test_processes_that_meet_damage_at_once_all_obey_what_was_decided(
    sound: Sound, damaged: Callable[[Damage, int], Path]
) -> None:
    path = damaged(noise, root_of(sound.path, "block") - 1)
    code = "import sys, oneofeach; r = oneofeach.deduplicate(sys.argv[1], index=sys.argv[2]); print(len(r.groups))"
    command = [sys.executable, "-c", code, str(sound.folder), str(path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for _ in range(3)]
    assert [process.communicate()[0] for process in processes] == [b"3\n"] * 3
    with Index(path) as index:
        assert index.decisions.exported() == sound.decisions
    assert sound.run(path) == sound.expected


def test_two_that_find_the_same_damage_begin_one_new_index(
    sound: Sound, damaged: Callable[[Damage, int], Path]
) -> None:
    path = damaged(one_bit, 0)
    path.write_bytes(sound.path.read_bytes())
    with Store(path) as one, Store(path) as other:
        first, second = one.damaged("found by one"), other.damaged("found by the other")
        assert "Another process" in str(second)
        assert "begun anew with all" in str(first)
        with one.reading() as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1,)
    assert not path.with_name("index.sqlite.damaged-2").exists()
