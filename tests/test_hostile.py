"""A folder full of hostile entries: every one ends as a row with a reason, and the good image among them is kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache, partial

import numpy as np
import pytest
from hostile import FILES, encoded
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

import oneofeach
from oneofeach import describe
from oneofeach.engines import threads
from oneofeach.seen import Seen
from oneofeach.stages.fingerprints.oneofeach import OneOfEach
from oneofeach.tables import Item


def write_entries(folder):
    """The files, and what only a file system can hold; the number of images that a walk should see."""
    for number, (content, _) in enumerate(FILES.values()):
        (folder / f"{number}.jpg").write_bytes(content)
    (folder / "good.png").write_bytes(encoded("PNG"))
    (folder / "new\nline\x1b[31m.png").write_bytes(encoded("JPEG"))
    (folder / "folder.jpg").mkdir()
    (folder / "folder.jpg" / "deep.png").write_bytes(encoded("BMP"))
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "self.jpg").symlink_to(folder / "self.jpg")
    (folder / "dangling.jpg").symlink_to(folder / "nowhere.jpg")
    os.mkfifo(folder / "pipe.jpg")
    with open(os.fsencode(folder) + b"/surrogate\xff.png", "wb") as file:
        file.write(b"nonsense")
    sealed = folder / "sealed"
    sealed.mkdir()
    (sealed / "a.jpg").write_bytes(encoded("JPEG"))
    sealed.chmod(0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    write_entries(folder)
    yield folder
    (folder / "sealed").chmod(0o700)


@pytest.mark.parametrize("engine", ["threads", "isolated"])
def test_every_hostile_entry_is_a_skipped_row_with_a_reason(folder, engine):
    result = oneofeach.deduplicate(folder, engine=engine, workers=2)
    counts = result.counts
    assert counts["seen"] == counts["kept"] + counts["removed"] + counts["skipped"]
    skipped = dict(result.skipped)
    assert counts["skipped"] == len(skipped) >= len(FILES) + 1
    assert all(f"{number}.jpg" in skipped for number in range(len(FILES)))
    assert all(reason and "\n" not in reason for reason in skipped.values())
    assert counts["kept"] == 1  # the others are the same photo


def test_the_command_line_shows_no_traceback(folder):
    done = subprocess.run(
        [sys.executable, "-m", "oneofeach", "find", str(folder), "--json"], capture_output=True, timeout=120
    )
    assert done.returncode == 3
    assert b"Traceback" not in done.stderr
    counts = json.loads(done.stdout)["counts"]
    assert counts["seen"] == counts["kept"] + counts["removed"] + counts["skipped"]


@pytest.mark.parametrize("flag", [[], ["--isolated"]])
def test_both_engines_can_be_chosen_on_the_command_line(tmp_path, flag):
    (tmp_path / "a.png").write_bytes(encoded("PNG"))
    (tmp_path / "b.png").write_bytes(b"nonsense")
    command = [sys.executable, "-m", "oneofeach", "find", str(tmp_path), "--json", *flag]
    done = subprocess.run(command, capture_output=True, timeout=60)
    assert json.loads(done.stdout)["counts"] == {"seen": 2, "kept": 1, "removed": 0, "skipped": 1}


PHOTO = data.astronaut()
SOURCES = [
    *(encoded(name) for name in ("JPEG", "PNG", "WEBP", "GIF", "progressive JPEG")),
    *(content for content, _ in list(FILES.values())[:20]),
    encoded("JPEG"),
    PHOTO,
    PHOTO[:200].astype(np.float32) / 255,
    Image.fromarray(PHOTO[200:]),
]
ITEMS = [Item(key=f"[{n}]", input=source) for n, source in enumerate(SOURCES)]


def described(items, chunk, workers):
    function = partial(describe.describe_chunk, method=OneOfEach(), seen=Seen())
    chunks = (items[start : start + chunk] for start in range(0, len(items), chunk))
    return [row for part in threads.run(function, chunks, workers=workers) for row in part]


@cache
def alone(row):
    return described([ITEMS[row]], 1, 1)[0]


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(len(ITEMS))), st.integers(1, 40), st.integers(1, 5))
def test_a_description_depends_on_no_batch_size_order_or_number_of_threads(order, chunk, workers):
    for row, description in zip(order, described([ITEMS[row] for row in order], chunk, workers), strict=True):
        expected = alone(row)
        assert description.facts == expected.facts
        assert (description.note, description.error) == (expected.note, expected.error)
        assert bytes(description.bits) == bytes(expected.bits)
        assert bytes(description.descriptor) == bytes(expected.descriptor)
