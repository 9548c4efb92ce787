"""Decoded pixels of all threads together stay within the room."""

from __future__ import annotations

import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hostile import FILES, FORMATS, encoded
from PIL import Image

from oneofeach.stages.decode import Room, decode, load, weight


def test_claims_never_exceed_the_room_and_all_are_served():
    room, most, lock = Room(100), 0, threading.Lock()

    def work(size):
        nonlocal most
        with room.claim(size):
            with lock:
                most = max(most, room.taken)
            time.sleep(0.001)
        return size

    sizes = [1, 60, 99, 100, 5000, 30, 45, 0] * 10
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, sizes)) == sizes
    assert most <= 100
    assert room.taken == 0


def test_a_failure_gives_its_room_back():
    room = Room(10)
    with pytest.raises(ValueError, match="broken"), room.claim(10):
        raise ValueError("broken")
    assert room.taken == 0


@pytest.mark.parametrize("name", FORMATS)
def test_the_weight_covers_the_decoded_pixels(name):
    loaded = load(encoded(name))
    if "JPEG" not in name.split():
        assert weight(loaded, 128) >= 2 * decode(loaded, min_side=128).picture.pixels.nbytes


def test_a_large_jpeg_weighs_what_its_scaled_decode_takes():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (1100, 1500, 3), np.uint8))
    buffer = io.BytesIO()
    noise.save(buffer, "JPEG")
    loaded = load(buffer.getvalue())
    assert weight(loaded, 0) == 8 * 1100 * 1500
    assert weight(loaded, 128) == 8 * (1100 * 1500 // 64)


def test_arrays_and_broken_files_weigh_nothing_or_at_least_have_a_weight():
    assert weight(load(np.zeros((9, 9, 3), np.uint8)), 128) == 0
    assert all(weight(load(content), 128) >= 0 for content, _ in FILES.values() if content)
