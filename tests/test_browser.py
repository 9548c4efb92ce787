from __future__ import annotations

from playwright.sync_api import Browser


def test_the_installed_chromium_renders_a_page(chromium: Browser) -> None:
    page = chromium.new_page()
    page.set_content("<h1>one of each</h1>")
    assert page.inner_text("h1") == "one of each"
    page.close()
