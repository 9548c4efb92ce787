from __future__ import annotations

import threading
import time
import tracemalloc

import pytest
from workflows import SCENES, deduplication, images


def big(host, count=48, side=1024):
    """A run that takes a while; other images every time, so that nothing is cached."""
    seed = time.time_ns() % 10**9
    return deduplication([{"seed": seed + n, "w": side, "h": side} for n in range(count)], connect="")


def test_the_progress_bar_moves_and_ends_full(host):
    if host.real:
        pytest.skip("progress goes over a WebSocket")
    host.forget()
    host.interruption.progress.clear()
    host.submit(deduplication([{"seed": n} for n in range(40)], connect=""))
    seen = host.interruption.progress
    assert seen
    assert all(0 <= done <= total for done, total in seen)


def test_cancel_ends_a_run_without_a_result(host):
    if host.real:
        reply = host.submit(big(host), interrupt_after=1.0)
    else:
        host.forget()
        host.interruption.after = host.interruption.checks
        reply = host.submit(deduplication(SCENES))
    assert (reply.status, reply.outputs.get("2")) == ("interrupted", None)
    assert host.submit(deduplication(SCENES)).status == "success"


def test_cancel_does_not_wait_for_the_step_at_hand(host, monkeypatch):
    if host.real:
        pytest.skip("the library cannot be slowed down there")
    from oneofeach.apps.comfy import decide

    entered, finish = threading.Event(), threading.Event()

    def stuck(*_, **__):
        entered.set()
        finish.wait(30)
        return []

    monkeypatch.setattr(decide, "scan", stuck)
    host.interruption.after = host.interruption.checks + 3
    host.forget()
    reply = host.submit(deduplication(SCENES))
    assert entered.is_set()
    assert not finish.is_set()
    assert reply.status == "interrupted"
    finish.set()


def test_an_error_of_the_library_passes_through_as_it_is(host, monkeypatch):
    if host.real:
        pytest.skip("the library cannot be broken there")
    from oneofeach.apps.comfy import decide

    def broken(*_, **__):
        raise RuntimeError("out of order")

    monkeypatch.setattr(decide, "scan", broken)
    host.forget()
    assert host.submit(deduplication(SCENES)).exception == "2: RuntimeError: out of order"


def test_a_node_keeps_no_state(host):
    if host.real:
        pytest.skip("the class of a running server cannot be reached")
    before = {node_id: dict(vars(node)) for node_id, node in host.nodes.items()}
    host.submit(deduplication(SCENES))
    assert {node_id: dict(vars(node)) for node_id, node in host.nodes.items()} == before


def test_images_come_out_as_the_tensors_that_went_in(host):
    """Not a value is copied: what comes out shares its memory with what went in."""
    if host.real:
        pytest.skip("the tensors of a running server cannot be reached")
    import numpy as np
    from standin.tensor import from_numpy

    random = np.random.default_rng(0)
    one, batch = (from_numpy(random.random((count, 40, 60, 3), np.float32)) for count in (1, 3))
    node = host.nodes["OneOfEachImageDeduplication"]
    unique = node.execute([one, batch, one], [0.95]).args[0]
    assert len(unique) == 4
    assert unique[0].data_ptr() == one.data_ptr()
    assert [image.data_ptr() for image in unique[1:]] == [batch[b : b + 1].data_ptr() for b in range(3)]


@pytest.fixture(params=["compiled", "numpy"])
def kernel(request, monkeypatch):
    from oneofeach import kernels

    if request.param == "numpy":
        monkeypatch.setattr(kernels, "compiled", None)
    elif kernels.compiled is None:
        pytest.skip("no compiled kernels: a C compiler was missing at installation")


def added(run):
    """Bytes that a run adds to memory at its peak."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize(
    ("count", "shape"), [(24, (512, 512, 3)), (400, (64, 64, 3)), (3, (2400, 2000, 3)), (3, (1500, 1500, 4))]
)
def test_deduplicating_adds_less_than_5_mb_and_8_kb_per_image(host, count, shape):
    if host.real:
        pytest.skip("the memory of a running server cannot be watched")
    import numpy as np
    from standin.tensor import from_numpy

    random = np.random.default_rng(0)
    tiles = [random.random((1, 8, 8, shape[2]), np.float32) for _ in range(count)]
    enlarged = (shape[0] // 8, shape[1] // 8)
    images = [from_numpy(tile.repeat(enlarged[0], axis=1).repeat(enlarged[1], axis=2)) for tile in tiles]
    node = host.nodes["OneOfEachImageDeduplication"]
    node.execute([from_numpy(tiles[0])], [0.95])  # what is imported stays
    assert added(lambda: node.execute(images, [0.95])) < 5_000_000 + 8192 * count


@pytest.mark.parametrize(("scenes", "copies", "side"), [(200, 2, 64), (1, 200, 64), (10, 4, 700)])
def test_contact_sheets_and_thumbnails_stay_within_the_same_memory(host, scenes, copies, side):
    """They may lie in files; `copies` of each image are equal."""
    if host.real:
        pytest.skip("the memory of a running server cannot be watched")
    import numpy as np
    from standin.tensor import from_numpy

    random, scale = np.random.default_rng(0), side // 4
    tiles = [random.random((1, 4, 4, 3), np.float32) for _ in range(scenes)]
    images = [from_numpy(tile.repeat(scale, axis=1).repeat(scale, axis=2)) for tile in tiles] * copies
    node, sheets = host.nodes["OneOfEachImageDeduplication"], []
    node.execute([images[0]] * 2, [0.95])  # what is imported stays

    def run():
        sheets.extend(node.execute(images, [0.95]).args[6])

    assert added(run) < 5_000_000 + 8192 * len(images)
    assert sum(sheet.nbytes for sheet in sheets) > 20_000_000
    assert all(sheet.min() < 0.2 and sheet.max() > 0.9 for sheet in sheets)


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize(("scenes", "noise"), [(50, 0.02), (1, 0.002)])
def test_comparing_duplicates_stays_within_the_same_memory(host, scenes, noise):
    if host.real:
        pytest.skip("the memory of a running server cannot be watched")
    import numpy as np
    from standin.tensor import from_numpy

    from oneofeach.apps.comfy.decide import compared, decided

    count, random = 400, np.random.default_rng(0)
    tiles = [random.random((8, 8, 3), np.float32).repeat(8, axis=0).repeat(8, axis=1) for _ in range(scenes)]
    grain = random.normal(0, noise, (count, 64, 64, 3)).astype(np.float32)
    images = [from_numpy((tiles[row % scenes] + grain[row]).clip(0, 1)[None]) for row in range(count)]

    def run(some=images):
        comparison = compared(some, 0.95, "first", None, False, lambda *_: None)
        return decided(comparison, 0.95, some, [""] * len(some), False, {})

    run(images[:5])
    assert added(run) < 5_000_000 + 8192 * count
    assert run().kept.sum() == scenes


@pytest.mark.parametrize("compare", ["all", "neighbours"])
def test_one_of_many_frames_of_a_still_film_stays(host, compare, monkeypatch):
    if host.real:
        pytest.skip("settings of a running server cannot be changed")
    from oneofeach.apps.comfy import decide

    monkeypatch.setattr(decide, "LISTED", 0)
    monkeypatch.setattr(decide, "LISTED_PER_IMAGE", 0)
    film = [{"seed": 1, "w": 96 + n, "text": str(n)} for n in range(30)] + [{"seed": 2, "text": "cut"}]
    reply = host.submit(deduplication(film, connect="texts", compare=compare, keep="first"))
    assert reply.outputs["3"]["texts"] == ["0", "cut"]


def test_a_long_list_is_answered_in_input_order(host):
    entries = [{"seed": n, "w": 24, "h": 16, "text": str(n)} for n in range(300)]
    reply = host.submit({**deduplication(entries, connect="texts"), "8": images([])})
    assert reply.outputs["3"]["texts"] == [str(n) for n in range(300)]
