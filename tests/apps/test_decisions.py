"""keep, not-duplicates and decisions on the command line: remembered by content, obeyed, moved as JSON."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256

import numpy as np
import pytest
from pictures import picture

from oneofeach import deduplicate
from oneofeach.apps.cli import run
from oneofeach.apps.review.memory import Memory, Names
from oneofeach.flow import match, scan
from oneofeach.index import Index


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.setenv("ONEOFEACH_INDEX", str(tmp_path / "index.sqlite"))
    root = tmp_path / "photos"
    root.mkdir()
    one = picture(1)
    one.save(root / "a.png")
    one.save(root / "b.bmp")
    one.resize((one.width // 2, one.height // 2)).save(root / "c.png")
    return root


def kept(photos):
    return sorted(path.rpartition("/")[2] for path in deduplicate(str(photos), index=index(photos)).unique_images)


def index(photos):
    return str(photos.parent / "index.sqlite")


def test_decisions_survive_a_rename_and_a_new_scan(photos, capsys):
    assert kept(photos) == ["a.png"]
    assert run(["keep", str(photos / "c.png")]) == 0
    assert kept(photos) == ["c.png"]
    (photos / "c.png").rename(photos / "renamed.png")
    assert kept(photos) == ["renamed.png"]
    assert run(["keep", "--forget", str(photos / "renamed.png")]) == 0
    assert "1 decision forgotten" in capsys.readouterr().out
    assert kept(photos) == ["a.png"]


def test_what_was_decided_on_the_page_is_forgotten_too(photos, tmp_path, capsys):
    store, catalog = str(tmp_path / "page.sqlite"), scan(str(photos))
    memory = Memory(store)
    memory.decide(Names(catalog), "keep", [(np.arange(2), np.array([False, True]))])
    memory.close()
    assert run(["not-duplicates", "--forget", str(photos / "a.png"), "--store", store]) == 0
    assert "1 decision of the review page forgotten" in capsys.readouterr().out
    assert run(["keep", "--forget", str(photos / "a.png"), "--store", store]) == 0
    assert "review page" not in capsys.readouterr().out


def test_not_duplicates_holds_for_identical_pixels_too(photos, capsys):
    assert run(["not-duplicates", str(photos / "a.png"), str(photos / "b.bmp"), str(photos / "c.png")]) == 0
    assert kept(photos) == ["a.png", "b.bmp", "c.png"]
    assert run(["find", str(photos)]) == 0
    assert "3 kept, 0 removed" in capsys.readouterr().out
    assert run(["decisions", "list"]) == 0
    assert capsys.readouterr().out.endswith("3 decisions.\n")


class Elsewhere:
    """An engine that does the walk by itself, as a cluster does, and knows no index."""

    def scan(self, walk):
        return scan(walk.source, against=walk.against, fingerprint=walk.fingerprint)

    def find(self, walk, floor):
        catalog = self.scan(walk)
        return catalog, match(catalog, floor=floor)


def test_a_cluster_obeys_decisions_and_what_was_kept_before(photos):
    def found(**options):
        result = deduplicate(str(photos), index=index(photos), engine=Elsewhere(), **options)
        return [path.rpartition("/")[2] for path in result.unique_images]

    assert found() == ["a.png"]
    with Index(index(photos)) as store:
        store.mark_kept([sha256((photos / "b.bmp").read_bytes()).digest()])
    assert found() == ["b.bmp"]
    assert found(reconsider=True) == ["a.png"]
    run(["keep", str(photos / "c.png")])
    assert found() == ["c.png"]
    assert scan(str(photos), index=index(photos), engine=Elsewhere()).always_kept.tolist() == [False, False, True]


def test_compare_and_query_obey_not_duplicates(photos, capsys):
    other = photos.parent / "other"
    other.mkdir()
    (photos / "c.png").rename(other / "c.png")
    assert run(["keep", str(other / "c.png")]) == 0
    assert run(["compare", str(other), str(photos), "--check"]) == 1  # always kept is no leave to leak
    assert run(["query", str(other / "c.png")]) == 0
    assert "a.png" in capsys.readouterr().out
    run(["not-duplicates", str(photos / "a.png"), str(other / "c.png")])
    assert run(["compare", str(other), str(photos)]) == 0
    assert "b.bmp  " in capsys.readouterr().out
    run(["not-duplicates", str(photos / "b.bmp"), str(other / "c.png")])
    assert run(["compare", str(other), str(photos), "--check"]) == 0
    capsys.readouterr()
    run(["query", str(other / "c.png")])
    told = capsys.readouterr().out
    assert "a.png" not in told
    assert "b.bmp" not in told


def test_files_of_the_same_bytes_cannot_be_set_apart(photos, capsys):
    shutil.copy(photos / "a.png", photos / "copy.png")
    assert run(["not-duplicates", str(photos / "a.png"), str(photos / "copy.png")]) == 4
    assert "have the same bytes" in capsys.readouterr().err
    assert run(["not-duplicates", str(photos / "a.png")]) == 2


def test_decisions_move_to_another_index_as_json(photos, capsys, tmp_path):
    run(["not-duplicates", str(photos / "a.png"), str(photos / "b.bmp")])
    run(["keep", str(photos / "c.png")])
    capsys.readouterr()
    assert run(["decisions", "export"]) == 0
    text = capsys.readouterr().out
    file, other = tmp_path / "decisions.json", str(tmp_path / "other.sqlite")
    file.write_text(text)
    assert run(["decisions", "import", str(file), "--index", other]) == 0
    assert capsys.readouterr().out == "2 decisions added.\n"
    run(["decisions", "export", "--index", other])
    assert json.loads(capsys.readouterr().out) == json.loads(text)
    file.write_text(text.replace('"schema_version": 1', '"schema_version": 2'))
    assert run(["decisions", "import", str(file)]) == 4
    file.write_text("no")
    assert run(["decisions", "import", str(file)]) == 4
