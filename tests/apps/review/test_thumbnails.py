"""Thumbnails: kept by content, and made ahead of the reader."""

from __future__ import annotations

import threading
from io import BytesIO
from pathlib import Path

import pytest
from pictures import picture
from PIL import Image
from reviewing import session_of, tables, until

from oneofeach.apps.review import ahead
from oneofeach.apps.review.ahead import Ahead
from oneofeach.apps.review.pictures import Pictures
from oneofeach.apps.review.thumbnails import Thumbnails
from oneofeach.errors import Refused, UnreadableImage
from oneofeach.flow import scan


def test_a_thumbnail_lies_as_the_image_does_and_is_made_once(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(3, (640, 480)).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    thumbnails = Thumbnails(tmp_path / "thumbnails.sqlite")
    catalog = scan(str(tmp_path / "turned.jpg"))
    made = Pictures(catalog, thumbnails).thumbnail(0)
    assert Image.open(BytesIO(made)).size == (192, 256)
    (tmp_path / "turned.jpg").unlink()
    assert Pictures(catalog, thumbnails).thumbnail(0) == made
    thumbnails.close()


def test_a_store_that_cannot_be_opened_is_refused_with_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no database, and long enough for one: " * 40)
    with pytest.raises(Refused, match=r"cannot be opened.*\n.*Delete"):
        Thumbnails(tmp_path / "file")


def test_groups_beyond_the_reader_are_made_first_and_unreadable_ones_are_passed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ahead, "FAR", 4)
    monkeypatch.setattr(ahead, "PAUSE", 0.01)
    session = session_of(*tables(40, [(2 * row, 2 * row + 1, 0.96) for row in range(20)]))
    made: list[int] = []

    def make(row: int) -> None:
        made.append(row)
        if row == 1:
            raise UnreadableImage("gone")

    making = Ahead(session, make)
    until(lambda: made == [0, 1, 2, 3])
    making.seen(20)
    until(lambda: made[4:] == [21, 22, 23])
    session.cut(0.961)
    making.seen(23)
    making.close()
    session.close()
    assert made[4:] == [21, 22, 23]
    assert not [one for one in threading.enumerate() if one.name == "oneofeach-thumbnails"]
