"""Accessibility, sizes of screen, and what the modules promise each other."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from reviewing import near_copies, page_of, running

from oneofeach.apps.review.opening import Opened

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "src/oneofeach/apps/review/page"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    with running(near_copies(tmp_path_factory.mktemp("photos")), tmp_path_factory.mktemp("store")) as opened:
        yield opened


def violations(page: Page) -> list[str]:
    """What axe-core finds, in one line each."""
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_mode(chromium: Browser, opened: Opened, scheme: str) -> None:
    with page_of(chromium, opened, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce") as page:
        assert violations(page) == []
        for keys in ("d", "z", "Escape", "?"):
            page.keyboard.press(keys)
            assert violations(page) == [], keys
        page.click("#open-apply")
        page.click("text=Show the plan")
        expect(page.locator("#plan button")).to_be_visible()
        assert violations(page) == []
        page.click("[data-mode=overview]")
        expect(page.locator(".cell:visible")).to_have_count(6)
        assert violations(page) == []
        page.click("[data-mode=stream]")


def test_everything_can_be_reached_and_seen_with_the_keyboard_alone(chromium: Browser, opened: Opened) -> None:
    with page_of(chromium, opened) as page:
        seen = set()
        for _ in range(60):
            page.keyboard.press("Tab")
            name, outline = page.evaluate(
                "[document.activeElement.id || document.activeElement.className || document.activeElement.textContent,"
                " getComputedStyle(document.activeElement).outlineStyle]"
            )
            if name and outline != "none":
                seen.add(name)
        for wanted in ("search", "open-apply", "open-help", "threshold", "first-rule", "keep", "keep-this", "toggle"):
            assert wanted in seen
        assert any("card" in name for name in seen)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844), (320, 640)])
def test_nothing_sticks_out_of_the_screen(chromium: Browser, opened: Opened, width: int, height: int) -> None:
    with page_of(chromium, opened, viewport={"width": width, "height": height}) as page:
        for mode in ("overview", "stream"):
            page.click(f"[data-mode={mode}]")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        box = page.locator("#actions").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= height + 1


def test_a_phone_decides_by_touch(chromium: Browser, opened: Opened) -> None:
    with page_of(chromium, opened, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True) as page:
        page.locator("figure.card .keep-this").nth(1).tap()
        expect(page.locator("#progress output")).to_have_text("1 of 6 decided")
        page.locator("#undo").tap()
        expect(page.locator("#progress output")).to_have_text("0 of 6 decided")


def test_blinking_is_left_to_the_hand_when_less_motion_is_wanted(chromium: Browser, opened: Opened) -> None:
    with page_of(chromium, opened, reduced_motion="reduce") as page:
        page.clock.install()
        page.keyboard.press("b")
        over = page.locator(".compare .over")
        expect(over).to_be_visible()
        page.clock.run_for(5_000)
        expect(over).to_be_visible()
        page.keyboard.press("b")
        expect(over).to_be_hidden()


def test_blinking_shows_one_image_after_the_other(chromium: Browser, opened: Opened) -> None:
    with page_of(chromium, opened) as page:
        page.clock.install()
        page.keyboard.press("b")
        over = page.locator(".compare .over")
        expect(over).to_be_visible()
        page.clock.run_for(600)
        expect(over).to_be_hidden()
        page.clock.run_for(600)
        expect(over).to_be_visible()


def test_the_page_is_small_enough_to_ship() -> None:
    assert sum(part.stat().st_size for part in PAGE.iterdir()) < 150_000


def test_the_types_in_the_modules_hold() -> None:
    tsc = shutil.which("tsc") or shutil.which(ROOT / "node_modules/.bin/tsc")
    if tsc is None:
        pytest.skip("TypeScript is not installed: `make typescript` does it where there is npm")
    options = ["--noEmit", "--allowJs", "--checkJs", "--strict", "--noUncheckedIndexedAccess", "--noImplicitReturns"]
    target = [
        "--target",
        "es2022",
        "--module",
        "es2022",
        "--moduleResolution",
        "bundler",
        "--lib",
        "es2022,dom,dom.iterable",
    ]
    modules = [str(path) for path in sorted(PAGE.glob("*.js"))]
    checked = subprocess.run([tsc, *options, *target, *modules], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
