"""What is packed for questions says the same as the blocks, also after pruning and in an older index."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from pictures import encoded

import oneofeach
from oneofeach import plugins
from oneofeach.index import Index, images, packs
from oneofeach.stages import decode

METHOD = plugins.load("fingerprints", "oneofeach-1")()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(packs, "PACK", 3)
    monkeypatch.setattr(images, "BATCH", 1)
    monkeypatch.setattr("oneofeach.describe.CHUNK", 1)
    root = tmp_path / "images"
    root.mkdir()
    for number in range(8):
        (root / f"{number}.png").write_bytes(encoded(number))
        os.utime(root / f"{number}.png", (1_600_000_000, 1_600_000_000))
    return root


def packed(index: Path) -> list[int]:
    with closing(sqlite3.connect(index)) as connection:
        return [last for (last,) in connection.execute("SELECT last FROM pack ORDER BY id")]


def known(index: Path) -> list[bytes]:
    with Index(index) as opened:
        return sorted(map(bytes, opened.keys(METHOD, decode.VERSION).bits))


def test_bits_come_from_packs_and_from_the_blocks_after_them(folder: Path, tmp_path: Path) -> None:
    catalog = oneofeach.scan(str(folder), index=tmp_path / "index.sqlite")
    assert packed(tmp_path / "index.sqlite") == [3, 6]
    assert known(tmp_path / "index.sqlite") == sorted(map(bytes, catalog.bits))


def test_forgetting_an_image_makes_its_pack_anew(folder: Path, tmp_path: Path) -> None:
    oneofeach.scan(str(folder), index=tmp_path / "index.sqlite")
    (folder / "4.png").unlink()
    with Index(tmp_path / "index.sqlite") as index:
        assert index.prune().images == 1
    assert packed(tmp_path / "index.sqlite")[0] == 3
    assert known(tmp_path / "index.sqlite") == sorted(map(bytes, oneofeach.scan(str(folder)).bits))


def test_an_index_without_packs_is_brought_up_to_date(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    first = oneofeach.deduplicate(str(folder), index=path)
    with Index(path) as index:
        index.mark_kept(map(bytes, first.catalog.facts["content"][:1]))
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("""
            DROP TABLE pack; DROP TABLE seal; PRAGMA user_version = 2;
            ALTER TABLE version DROP COLUMN images; ALTER TABLE matched DROP COLUMN pairs;
        """)
    assert known(path) == sorted(map(bytes, first.catalog.bits))
    (folder / "9.png").write_bytes(encoded(9))
    again = oneofeach.deduplicate(str(folder), index=path)
    assert again.catalog.kept_earlier.tolist() == [True] + [False] * 8
    assert packed(path) == [3, 6, 9]
    assert not list(tmp_path.glob("*.damaged*"))
    assert np.array_equal(again.catalog.bits, oneofeach.scan(str(folder)).bits)
