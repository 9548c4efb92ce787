"""The review page with 100,000 groups in a real browser: times, longest frame, live elements, heap.

python benchmarks/review.py times|bounds [groups]     bounds: what 1,000 decisions leave behind
Every image is a JPEG of its own that is really decoded; only pairs are made up.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from browser import launched
from pictures import picture

from oneofeach.apps.review.opening import Opened, open_review
from oneofeach.stages.decode import decode, load
from oneofeach.tables import EVIDENCE, Catalog, Item, Pairs

PICTURES = 64
PAIRS = 3  # for each group
DRAWN = """() => new Promise(done => {
    const begin = performance.now(), before = document.querySelector('.about strong').textContent;
    const saved = document.querySelector('#progress output').textContent;
    let drawn = 0;
    document.body.dispatchEvent(new KeyboardEvent('keydown', { key: '%s', bubbles: true }));
    const look = () => {
        if (!drawn && document.querySelector('.about strong').textContent !== before) drawn = performance.now() - begin;
        const stored = document.querySelector('#progress output').textContent !== saved;
        if (drawn && stored) done([drawn, performance.now() - begin]);
        else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
})"""
MANY = """async count => {
    const frame = () => new Promise(requestAnimationFrame);
    for (let number = 0; number < count; number++) {
        while (!document.querySelector('figure.card')) await frame();
        const key = number % 10 ? ' ' : 'n';
        document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
        await frame();
    }
}"""
JUMP = """at => new Promise(done => {
    const begin = performance.now(), list = document.querySelector('#list');
    list.scrollTop = at * (list.scrollHeight - list.clientHeight);
    const look = () => {
        const cells = [...document.querySelectorAll('.cell:not([hidden])')];
        if (cells.length && cells.every(cell => cell.dataset.shown.includes(' '))) done(performance.now() - begin);
        else requestAnimationFrame(look);
    };
    requestAnimationFrame(() => requestAnimationFrame(look));
})"""
SCROLL = """() => new Promise(done => {
    const list = document.querySelector('#list'), frames = [];
    const begin = performance.now();
    let last = begin;
    const step = now => {
        frames.push(now - last);
        last = now;
        list.scrollTop += 24;
        if (now - begin < 3000) requestAnimationFrame(step);
        else done(frames.slice(2));
    };
    requestAnimationFrame(step);
})"""
CUT = """value => new Promise(done => {
    const begin = performance.now(), range = document.querySelector('#threshold');
    const before = document.querySelector('#would-go').textContent;
    range.value = value;
    range.dispatchEvent(new Event('input', { bubbles: true }));
    const look = () => {
        if (document.querySelector('#would-go').textContent !== before) done(performance.now() - begin);
        else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
})"""
FIRST = """() => {
    const watch = new MutationObserver(() => {
        if (!window.first && document.querySelector('.card, .cell[data-shown*=" "]')) {
            requestAnimationFrame(() => (window.first ||= performance.now()));
        }
        const images = [...document.querySelectorAll('.card img')];
        if (!window.pictures && images.length) {
            void Promise.all(images.map(image => image.decode())).then(() => (window.pictures ||= performance.now()));
        }
    });
    watch.observe(document, { subtree: true, childList: true });
}"""


@dataclass(frozen=True)
class Unique:
    """A JPEG with its number behind the end of the picture: a content of its own that every decoder reads."""

    jpeg: bytes
    number: int

    @property
    def end(self) -> bytes:
        return self.number.to_bytes(8, "little")

    def read(self) -> bytes:
        return self.jpeg + self.end


def made(groups: int) -> tuple[Catalog, Pairs]:
    """Groups of 2 to 14 images, and PAIRS times as many pairs: of each member and its keeper, among the members, and
    weak ones of a keeper and the next group's."""
    random, wanted = np.random.default_rng(0), PAIRS * groups
    lengths = np.minimum(14, 1 + random.geometric(0.6, groups))
    start = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    n = int(lengths.sum())
    jpegs = [_jpeg(number) for number in range(PICTURES)]
    facts = np.repeat(np.array([decode(load(jpeg)).facts for jpeg in jpegs]), -(-n // PICTURES))[:n]
    begun, items = [sha256(jpeg) for jpeg in jpegs], []
    for row, group in enumerate(np.repeat(np.arange(groups), lengths).tolist()):
        unique, digest = Unique(jpegs[group % PICTURES], row), begun[group % PICTURES].copy()
        digest.update(unique.end)
        items.append(Item(f"folder{group % 97}/picture{row}.jpg", unique))
        facts["content"][row] = np.frombuffer(digest.digest(), np.uint8)
    i, j = np.repeat(start, lengths - 1), np.setdiff1d(np.arange(n), start)
    for one, other in ((1, 2), (2, 3), (1, 3), (3, 4), (2, 4), (1, 4)):
        more = start[lengths > other][: max(0, wanted - len(i))]
        i, j = np.concatenate([i, more + one]), np.concatenate([j, more + other])
    similarity, weak = 1 - random.beta(1, 6, len(i)) * 0.2, wanted - len(i)
    i, j = np.append(i, start[:weak]), np.append(j, start[1 : weak + 1])
    similarity = np.round(np.append(similarity, random.uniform(0.8, 0.88, weak)), 4)
    order = np.lexsort((j, i))
    pairs = Pairs(0.8, i[order], j[order], similarity[order], np.zeros(len(i), EVIDENCE), np.arange(n))
    return Catalog("oneofeach-1", items, facts, np.zeros((n, 16), np.uint8), np.zeros((n, 1152), np.uint8)), pairs


def _jpeg(number: int) -> bytes:
    data = BytesIO()
    picture(number, (640, 480)).resize((1280, 960), Image.Resampling.BICUBIC).save(data, "JPEG", quality=85)
    return data.getvalue()


@contextmanager
def served(groups: int) -> Iterator[Opened]:
    catalog, pairs = made(groups)
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        stores = {"store": f"{folder}/decisions", "thumbnail_store": f"{folder}/thumbnails", "journals": folder}
        opened = open_review(catalog, pairs, threshold=0.9, **stores)  # type: ignore[arg-type]
        print(f"{groups:,} groups, {len(catalog):,} images, {len(pairs):,} pairs; session opened in", end=" ")
        print(f"{time.perf_counter() - begin:.2f} s")
        thread = threading.Thread(target=opened.run)
        thread.start()
        try:
            yield opened
        finally:
            opened.stop()
            thread.join()


def tell(name: str, values: list[float], target: float) -> None:
    """Best, median, 95th percentile and maximum, beside the target; on a busy machine the best says most."""
    best, median, high, most = np.percentile(values, [0, 50, 95, 100])
    print(f"{name:<46} {best:6.0f} {median:6.0f} {high:6.0f} {most:6.0f}   target {target:g}", flush=True)


def first_groups(page: Page, opened: Opened) -> None:
    page.add_init_script(f"({FIRST})()")
    drawn, pictures = [], []
    page.goto(opened.link())
    page.wait_for_selector(".card")
    for _ in range(7):
        page.goto("about:blank")
        page.goto(f"http://127.0.0.1:{opened.port}/")
        page.wait_for_function(_call("window.first && window.pictures"))
        drawn.append(page.evaluate("window.first"))
        pictures.append(page.evaluate("window.pictures"))
    tell("open page to first group drawn", drawn, 500)
    tell("  and its thumbnails decoded", pictures, 500)


def _call(text: str) -> str:
    """A string would be evaluated as script, which the page forbids; a function is called."""
    return f"() => {text}"


def decisions(page: Page, count: int) -> None:
    keys = [" ", "1", "n", "2", " ", "a"]
    both = [page.evaluate(DRAWN % keys[number % len(keys)]) for number in range(count)]
    tell("key to next group drawn", [drawn for drawn, _ in both], 150)
    tell("  and to the decision confirmed as stored", [stored for _, stored in both], 150)
    tell("  of these, accepted suggestions", [b[1] for at, b in enumerate(both) if keys[at % len(keys)] == " "], 150)


def many(page: Page, first: int, last: int) -> None:
    """As fast as groups are drawn: a key pressed before that does not count."""
    page.evaluate(MANY, last - first)
    page.wait_for_function(_call(f"document.querySelector('#progress output').textContent.startsWith('{last:,} ')"))


def memory(page: Page, when: str) -> None:
    devtools = page.context.new_cdp_session(page)
    devtools.send("HeapProfiler.collectGarbage")
    devtools.send("Performance.enable")
    metrics = {one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"]}
    elements = page.evaluate("document.querySelectorAll('*').length")
    print(
        f"{when:<46} {elements} live elements, {metrics['Nodes']:.0f} nodes counted by the browser, "
        f"{metrics['JSHeapUsedSize'] / 1e6:.1f} MB heap"
    )


def overview(page: Page) -> None:
    page.click("[data-mode=overview]")
    page.wait_for_selector(".cell")
    random = np.random.default_rng(1)
    tell("jump to any group", [page.evaluate(JUMP, float(at)) for at in random.random(12)], 300)
    page.evaluate(JUMP, 0.3)
    page.wait_for_timeout(500)
    frames = page.evaluate(SCROLL)
    tell(f"3 s of scrolling, {len(frames)} frames", frames, 50)
    page.click("[data-mode=stream]")
    page.wait_for_selector(".card")


def cuts(page: Page, opened: Opened) -> None:
    values = [0.87, 0.93, 0.85, 0.95, 0.82, 0.91, 0.9]
    times = []
    for value in values:
        begin = time.perf_counter()
        opened.session.cut(value)
        times.append(1000 * (time.perf_counter() - begin))
    tell(f"re-cut of {len(opened.session.pairs):,} pairs, on the server", times, 300)
    tell("  from the slider's move to the new numbers", [page.evaluate(CUT, value) for value in values], 300)


def times(page: Page, opened: Opened) -> None:
    first_groups(page, opened)
    overview(page)
    cuts(page, opened)
    decisions(page, 120)


def bounds(page: Page, opened: Opened) -> None:
    page.goto(opened.link())
    page.wait_for_selector(".card")
    memory(page, "at the start")
    for first, last in ((0, 500), (500, 1000)):
        many(page, first, last)
        memory(page, f"after {last:,} decisions")


if __name__ == "__main__":
    groups = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    with served(groups) as opened, launched() as browser:
        page = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
        print(f"{'milliseconds':<46} {'best':>6} {'median':>6} {'p95':>6} {'max':>6}")
        {"times": times, "bounds": bounds}[sys.argv[1]](page, opened)
        print(json.dumps({"chromium": browser.version}))
