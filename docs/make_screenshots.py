"""Takes the pictures of the review page for README and docs, in a real Chromium: `python docs/make_screenshots.py`.

`python docs/make_screenshots.py FOLDER` takes one of every mode, to be looked at. The photographs are scikit-image's.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import skimage
from PIL import Image, ImageEnhance, ImageOps
from playwright.sync_api import Browser, Page, expect

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from browser import launched
from reviewing import page_of, running

from oneofeach.apps.review.opening import Opened

SHOWN = ("stream", "overview", "difference", "slider", "apply", "applied", "phone")  # in docs/images
DARK = ("overview", "slider", "dark")
PHOTOGRAPHS = [
    "chelsea",
    "coffee",
    "astronaut",
    "rocket",
    "motorcycle_left",
    "hubble_deep_field",
    "ihc",
    "retina",
    "camera",
    "coins",
    "moon",
    "brick",
]
CAPTIONS = {
    "astronaut": "portrait of an astronaut in an orange suit, flag and shuttle behind her",
    "astronaut_web": "astronaut, smiling, nasa, portrait",
    "chelsea": "a tabby cat, close up",
}
Q = {"quality": 88}


def cropped(image: Image.Image) -> Image.Image:
    width, height = image.size
    return image.crop((width // 25, height // 20, width - width // 50, height - height // 40))


def framed(image: Image.Image) -> Image.Image:
    return ImageOps.expand(image, image.width // 16, "white" if image.mode == "L" else "#f8f8f8")


VARIANTS: dict[str, Callable[[Image.Image], tuple[Image.Image, dict[str, int]]]] = {
    "web.jpg": lambda image: (image, {"quality": 40}),
    "small.webp": lambda image: (image.resize((image.width // 2, image.height // 2)), {"quality": 80}),
    "crop.jpg": lambda image: (cropped(image), Q),
    "bright.jpg": lambda image: (ImageEnhance.Brightness(image).enhance(1.14), Q),
    "framed.jpg": lambda image: (framed(image), Q),
}
COPIES = {
    "chelsea": "crop.jpg web.jpg small.webp",
    "astronaut": "web.jpg small.webp",
    "coffee": "bright.jpg framed.jpg",
}


def photographs(folder: Path) -> Path:
    """A folder as people have it: originals, a backup of some, and copies made smaller, cut or brightened."""
    (folder / "backup").mkdir(parents=True)
    for number, name in enumerate(PHOTOGRAPHS):
        [path] = (Path(skimage.__file__).parent / "data").glob(f"{name}.*")
        image = Image.open(path).convert("L" if name in ("camera", "coins", "moon", "brick") else "RGB")
        image.save(folder / f"{name}.jpg", quality=93)
        if number % 3 != 1:
            (folder / "backup" / f"{name}.jpg").write_bytes((folder / f"{name}.jpg").read_bytes())
        for variant in COPIES.get(name, [*VARIANTS][number % 5 :][0] + " web.jpg").split():
            copy, options = VARIANTS[variant](image)
            copy.save(folder / f"{name}_{variant}", **options)
    for number, path in enumerate(sorted(folder.rglob("*.*"))):
        os.utime(path, (day := 1_720_000_000 + 86_400 * (number * 37 % 300), day))
    for name, text in CAPTIONS.items():
        (folder / f"{name}.txt").write_text(text)
    return folder


def find(page: Page, name: str) -> None:
    """Show the group of that name, its pictures drawn in full."""
    page.fill("#search", name)
    page.press("#search", "Enter")
    expect(page.locator(".about strong")).to_have_text("1 of 1")
    page.wait_for_timeout(700)


def comparing(name: str, key: str, at: str = "", image: int = 2) -> Callable[[Page], None]:
    def scene(page: Page) -> None:
        find(page, name)
        page.locator("figure.card").nth(image - 1).focus()
        page.keyboard.press(key)
        if at:
            page.locator(".compare input").fill(at)
        page.wait_for_timeout(600)

    return scene


def stream(page: Page) -> None:
    find(page, "astronaut")


def overview(page: Page) -> None:
    page.keyboard.press("Space")
    page.keyboard.press("n")
    page.click("[data-mode=overview]")
    page.wait_for_timeout(900)


def plan(page: Page) -> None:
    page.keyboard.press("Space")
    page.keyboard.press("1")
    page.click("#open-apply")
    page.select_option("#which", "all")
    page.click("text=Show the plan")
    expect(page.locator("#plan .steps li").first).to_be_visible()
    page.wait_for_timeout(500)


def applied(page: Page) -> None:
    plan(page)
    page.click("#plan button")
    expect(page.locator("#take-back")).to_be_visible()
    page.wait_for_timeout(500)


def keys(page: Page) -> None:
    stream(page)
    page.keyboard.press("?")


def sample(page: Page) -> None:
    page.click("[data-filter=alike]")
    page.wait_for_timeout(300)
    page.click("#bulk")
    page.wait_for_timeout(500)


def border(page: Page) -> None:
    page.click("[data-filter=border]")
    page.wait_for_timeout(700)


SCENES: dict[str, Callable[[Page], None]] = {
    "stream": stream,
    "dark": stream,
    "overview": overview,
    "blink": comparing("chelsea", "b", image=3),
    "onion": comparing("chelsea", "o", image=3),
    "slider": comparing("coffee", "s", "42"),
    "difference": comparing("chelsea", "d", "30", 3),
    "zoom": comparing("chelsea", "z", image=3),
    "apply": plan,
    "applied": applied,
    "phone": stream,
    "phone-zoom": comparing("chelsea", "z", image=3),
    "keys": keys,
    "sample": sample,
    "border": border,
}


@contextmanager
def reviewed() -> Iterator[Opened]:
    with tempfile.TemporaryDirectory() as place:
        folder = photographs(Path(place, "photos"))
        with running(folder, Path(place, "store")) as opened:
            yield opened


def take(browser: Browser, name: str) -> bytes:
    """One picture of the screen, as PNG."""
    phone = name.startswith("phone")
    options = {
        "color_scheme": "dark" if name in DARK else "light",
        "viewport": {"width": 390, "height": 844} if phone else {"width": 1280, "height": 720},
        "has_touch": phone,
        "is_mobile": phone,
    }
    with reviewed() as opened, page_of(browser, opened, **options) as page:
        SCENES[name](page)
        page.evaluate("document.activeElement.blur()")
        return page.screenshot()


def main() -> None:
    everything = len(sys.argv) > 1
    folder = Path(sys.argv[1]) if everything else Path(__file__).with_name("images")
    folder.mkdir(parents=True, exist_ok=True)
    wanted = sys.argv[2:] or (SCENES if everything else SHOWN)
    with launched() as browser:
        for name in wanted:
            image = Image.open(BytesIO(take(browser, name))).convert("RGB")
            if everything:
                image.save(folder / f"{name}.png")
            else:
                image.save(folder / f"review-{name}.webp", quality=72, method=6)


if __name__ == "__main__":
    main()
