"""Whatever a file holds, decoding it ends as a picture or as an UnreadableImage with one line."""

from __future__ import annotations

import os
import re
from contextlib import suppress

import pytest
from hostile import FILES, FORMATS, encoded
from hypothesis import given, settings
from hypothesis import strategies as st

from oneofeach.errors import UnreadableImage
from oneofeach.stages.decode import decode, load, open_image

WHOLE = {name: encoded(name) for name in FORMATS}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("min_side", [0, 128])
def test_hostile_bytes_end_with_a_reason_in_one_line(name, min_side):
    content, expected = FILES[name]
    with pytest.raises(UnreadableImage) as caught:
        decode(load(content), min_side=min_side)
    reason = str(caught.value)
    assert re.search(expected, reason)
    assert "\n" not in reason
    with pytest.raises(UnreadableImage):
        open_image(content)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(FORMATS)), st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), max_size=8))
def test_damaged_files_are_pictures_or_have_a_reason(name, damages):
    damaged = bytearray(WHOLE[name])
    for at, value in damages:
        damaged[at % (600 if value % 2 else len(damaged))] = value
    with suppress(UnreadableImage):  # any other exception fails
        assert decode(load(damaged), min_side=128).picture.pixels.size > 0


def test_what_is_no_file_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "nowhere")
    reasons = {
        "pipe.jpg": "not a regular file",
        "folder.jpg": "is a directory",
        "loop.jpg": "symbolic link loops",
        "dangling.jpg": "file not found",
        "nothing.jpg": "file not found",
        "nul\0l.jpg": "bad file name",
        "x" * 300 + ".jpg": "file name too long",
    }
    for name, reason in reasons.items():
        with pytest.raises(UnreadableImage, match=reason):
            load(tmp_path / name)
    with pytest.raises(UnreadableImage, match="not a regular file"):
        load("/dev/null")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(WHOLE["JPEG"])
    path.chmod(0)
    with pytest.raises(UnreadableImage, match="permission denied"):
        load(path)


def test_a_file_larger_than_the_limit_is_not_read(tmp_path):
    path = tmp_path / "huge.tif"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UnreadableImage, match="more than the limit"):
        load(path)


@pytest.mark.parametrize("returned", [b"", None, "text", 3])
def test_a_readable_that_gives_nothing_useful_is_refused(returned):
    class Cell:
        def read(self):
            return returned

    with pytest.raises(UnreadableImage):
        load(Cell())


def test_a_readable_that_fails_is_one_lost_image():
    class Cell:
        def read(self):
            raise RuntimeError("shard is gone")

    with pytest.raises(UnreadableImage, match="cannot be read: shard is gone"):
        load(Cell())


def test_a_png_damaged_in_its_middle_is_never_half_a_picture():
    damaged = bytearray(WHOLE["PNG"])
    damaged[len(damaged) // 2] ^= 0xFF
    for use in (lambda: decode(load(damaged), min_side=128), lambda: open_image(damaged)):
        with pytest.raises(UnreadableImage):
            use()
