"""The isolated engine: a hang, a crash or a bomb costs one image, and everything else is as with threads."""

from __future__ import annotations

import io
import os
import sys
import time

import numpy as np
import pytest
from PIL import Image
from skimage import data

from oneofeach import describe
from oneofeach.engines import isolated, messages, threads
from oneofeach.errors import OneOfEachError
from oneofeach.seen import Seen
from oneofeach.stages.fingerprints.oneofeach import OneOfEach
from oneofeach.tables import Item

sys.path.insert(0, os.path.dirname(__file__))  # the workers import the cells by the same name
from hostile_cells import Cell

BUFFER = io.BytesIO()
Image.fromarray(data.astronaut()).save(BUFFER, "JPEG")
PHOTO = BUFFER.getvalue()


def describing():
    from functools import partial

    return partial(describe.describe_chunk, method=OneOfEach(), seen=Seen())


def items_of(*sources):
    return [Item(key=f"[{n}]", input=source) for n, source in enumerate(sources)]


def described(items, run=isolated.run, chunk=3, workers=2, **limits):
    options = {"limits": isolated.Limits(**limits)} if limits else {}
    chunks = [items[start : start + chunk] for start in range(0, len(items), chunk)]
    return [row for part in run(describing(), chunks, workers=workers, **options) for row in part]


def test_descriptions_are_those_of_the_thread_engine(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(PHOTO)
    array = np.asarray(data.coffee())
    items = items_of(str(path), PHOTO, b"no image", Cell("", PHOTO), array, Image.fromarray(array), str(tmp_path))
    ours, theirs = described(items), described(items, threads.run)
    for one, other in zip(ours, theirs, strict=True):
        assert one.facts == other.facts
        assert (one.note, one.error) == (other.note, other.error)
        np.testing.assert_array_equal(one.bits, other.bits)
        np.testing.assert_array_equal(one.descriptor, other.descriptor)


def test_a_hang_a_crash_and_a_bomb_cost_one_image_each():
    deeds = ["print", "crash", "", "hang", "", "exit", "eat memory", ""]
    start = time.monotonic()
    rows = described(items_of(*(Cell(does, PHOTO) for does in deeds)), seconds=3, memory=1 << 30)
    assert [row.error for row in rows] == [
        "",
        "the decoder crashed (signal 11)",
        "",
        "took longer than 3 s to decode",
        "",
        "the decoder crashed (exit code 7)",
        rows[6].error,
        "",
    ]
    assert "memory" in rows[6].error.lower()
    assert time.monotonic() - start < 60


def test_the_pixel_limit_holds_in_the_workers():
    rows = described(items_of(PHOTO), pixels=1000)
    assert "more pixels" in rows[0].error
    assert described(items_of(PHOTO), pixels=512 * 512)[0].error == ""


def test_an_early_end_kills_the_workers_at_once():
    results = isolated.run(describing(), [items_of(PHOTO), *[items_of(Cell("hang"))] * 5], workers=2)
    next(results)
    start = time.monotonic()
    results.close()
    assert time.monotonic() - start < 2


def test_a_function_that_no_worker_can_load_is_a_clear_error(monkeypatch, capfd):
    monkeypatch.setattr(isolated.pickle, "dumps", lambda thing: b"no pickle")
    with pytest.raises(OneOfEachError, match="worker process could not be started"):
        described(items_of(PHOTO))
    assert "UnpicklingError" in capfd.readouterr().err


@pytest.mark.parametrize("message", [b"", b"x" * 15, b"\xff" * 16, b"\xff" * 200, bytes(16)])
def test_a_broken_answer_is_no_description(message):
    assert messages.unpack(message) is None
