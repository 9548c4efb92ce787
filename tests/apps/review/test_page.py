"""The page in a real browser: every key, both modes, comparisons, the threshold, and what several tabs do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect
from reviewing import decide, near_copies, page_of, running, scanned, serving, tables, tunneled, until

from oneofeach.apps.review.opening import Opened
from oneofeach.tables import Catalog, Pairs

Start = Callable[..., Page]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return near_copies(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def found(photos: Path) -> tuple[Catalog, Pairs]:
    return scanned(photos)


@pytest.fixture
def opened(photos: Path, found: tuple[Catalog, Pairs], tmp_path: Path) -> Iterator[Opened]:
    """A server and a store of its own: what an earlier page still sends reaches nobody."""
    with running(photos, tmp_path, found) as opened:
        yield opened


@pytest.fixture
def page(chromium: Browser, opened: Opened) -> Iterator[Page]:
    with page_of(chromium, opened) as page:
        yield page


def shows(page: Page, *fates: str) -> None:
    """Wait until the images of the group have these fates."""
    expect(page.locator("figure.card .fate")).to_have_text(list(fates))


def shows_place(page: Page, place: str) -> None:
    expect(page.locator(".about strong")).to_have_text(place)


def shows_decided(page: Page, words: str) -> None:
    """Wait for what the server has confirmed."""
    expect(page.locator("#progress output")).to_have_text(f"{words} decided")


def test_the_first_group_shows_who_stays_and_why(page: Page) -> None:
    shows(page, "STAYS", "GOES", "GOES")
    assert "higher resolution: 240x180 over 160x120" in page.inner_text(".about").lower() or "less compressed" in (
        page.inner_text(".about").lower()
    )
    assert page.locator("dd.differs").count() > 4
    assert page.locator("figure.stays dd.differs").count() == 0
    assert page.locator("dd.best").count() >= 2


def test_space_accepts_the_suggestion_and_goes_on(page: Page, opened: Opened) -> None:
    page.keyboard.press("Space")
    shows_place(page, "2 of 6")
    shows_decided(page, "1 of 6")
    assert opened.session.decided[0].kind == "accept"


def test_a_number_keeps_that_image_only(page: Page, opened: Opened) -> None:
    row = int((page.locator("figure.card img").nth(1).get_attribute("src") or "").split("/")[-2])
    page.keyboard.press("2")
    shows_decided(page, "1 of 6")
    one = opened.session.decided[0]
    assert one.rows[one.stays].tolist() == [row]


def test_a_number_without_an_image_says_so(page: Page) -> None:
    page.keyboard.press("9")
    expect(page.locator("#banner")).to_contain_text("no image 9")


@pytest.mark.parametrize(("key", "kind"), [("a", "all"), ("n", "apart")])
def test_a_keeps_all_and_n_calls_them_no_duplicates(page: Page, opened: Opened, key: str, kind: str) -> None:
    page.keyboard.press(key)
    shows_decided(page, "1 of 6")
    assert opened.session.decided[0].kind == kind
    page.keyboard.press("k")
    shows(page, "STAYS", "STAYS", "STAYS")


def test_x_lets_the_chosen_image_stay_or_go_and_stays_on_the_group(page: Page, opened: Opened) -> None:
    page.keyboard.press("x")
    expect(page.locator("figure.card .fate").nth(1)).to_have_text("STAYS")
    shows_place(page, "1 of 6")
    page.locator("figure.card").nth(2).focus()
    page.keyboard.press("x")
    expect(page.locator("figure.card .fate").nth(2)).to_have_text("STAYS")
    page.keyboard.press("x")
    expect(page.locator("figure.card .fate").nth(2)).to_have_text("GOES")
    shows_decided(page, "1 of 6")
    until(lambda: opened.session.decided[-1].stays.tolist() == [True, True, False])


def test_when_another_image_stays_in_place_of_the_first_the_others_are_compared_with_it(page: Page) -> None:
    figures = page.locator("figure.card")
    page.keyboard.press("x")
    shows(page, "STAYS", "STAYS", "GOES")
    figures.first.focus()
    page.keyboard.press("x")
    shows(page, "GOES", "STAYS", "GOES")
    expect(figures.first).to_be_focused()
    expect(figures.nth(0).locator(".likeness")).to_have_count(1)
    expect(figures.nth(1).locator(".likeness")).to_have_count(0)
    expect(figures.nth(1).locator(".caption")).to_have_count(1)
    shows_place(page, "1 of 6")


@pytest.mark.parametrize("presses", [2, 5, 10])
def test_quick_toggles_all_count_however_slow_the_answers_are(page: Page, opened: Opened, presses: int) -> None:
    with opened.session.lock:  # no answer comes while it is held
        for _ in range(presses):
            page.keyboard.press("x")
        shows(page, "STAYS", "STAYS" if presses % 2 else "GOES", "GOES")
    until(lambda: len(opened.session.decided) == presses)
    shows(page, "STAYS", "STAYS" if presses % 2 else "GOES", "GOES")
    assert opened.session.decided[-1].stays.tolist() == [True, presses % 2 == 1, False]


def test_the_last_image_cannot_go(page: Page) -> None:
    page.locator("figure.card").nth(0).focus()
    page.keyboard.press("x")
    expect(page.locator("#banner")).to_contain_text("has to stay")
    expect(page.locator("figure.card .fate").first).to_have_text("STAYS")


def test_u_takes_back_the_last_decision_and_shows_its_group(page: Page, opened: Opened) -> None:
    for key in ("Space", "n", "2"):
        page.keyboard.press(key)
    shows_place(page, "4 of 6")
    page.keyboard.press("u")
    shows_place(page, "3 of 6")
    shows_decided(page, "2 of 6")
    shows(page, "STAYS", "GOES", "GOES")
    page.keyboard.press("u")
    page.keyboard.press("u")
    shows_decided(page, "0 of 6")
    page.keyboard.press("u")
    expect(page.locator("#banner")).to_contain_text("Nothing to undo")
    assert not opened.session.decided


def test_j_k_and_arrows_go_through_the_groups(page: Page) -> None:
    for key, at in (
        ("j", 2),
        ("ArrowRight", 3),
        ("ArrowDown", 4),
        ("k", 3),
        ("ArrowLeft", 2),
        ("ArrowUp", 1),
        ("End", 6),
    ):
        page.keyboard.press(key)
        shows_place(page, f"{at} of 6")


@pytest.mark.parametrize(
    ("key", "mode"), [("b", "blink"), ("o", "onion"), ("s", "slide"), ("d", "difference"), ("z", "zoom")]
)
def test_each_comparison_draws_both_images_in_one_frame(page: Page, key: str, mode: str) -> None:
    page.keyboard.press(key)
    compare = page.locator(f".compare.{mode}")
    expect(compare).to_be_visible()
    sizes = compare.locator("img").evaluate_all("all => all.map(e => [e.offsetWidth, e.offsetHeight])")
    assert len(sizes) == 2
    assert sizes[0] == sizes[1]
    page.keyboard.press(key)
    expect(compare).to_have_count(0)


def test_a_comparison_goes_on_with_the_next_group(page: Page) -> None:
    page.keyboard.press("d")
    first = page.locator(".compare img.b").get_attribute("src")
    page.keyboard.press("j")
    expect(page.locator(".compare.difference img.b")).not_to_have_attribute("src", first or "")
    page.keyboard.press("Escape")
    expect(page.locator(".compare")).to_have_count(0)


def test_the_slider_and_the_zoom_move(page: Page) -> None:
    page.keyboard.press("s")
    frame = page.locator(".compare .frame")
    page.locator(".compare input").fill("20")
    assert frame.evaluate("e => e.style.getPropertyValue('--at')") == "0.2"
    box = frame.bounding_box()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 20)  # type: ignore[index]
    page.mouse.down()
    page.mouse.up()
    assert float(frame.evaluate("e => e.style.getPropertyValue('--at')")) == pytest.approx(0.6, abs=0.02)
    page.keyboard.press("Escape")
    page.keyboard.press("z")
    frames = page.locator(".compare .frame")
    before = frames.first.bounding_box()
    page.locator(".compare .view").hover()
    page.mouse.wheel(0, -600)
    expect(page.locator(".compare input")).to_be_visible()
    assert frames.first.bounding_box()["width"] > before["width"]  # type: ignore[index]
    page.mouse.down()
    page.mouse.move(700, 300, steps=4)
    page.mouse.up()
    transforms = frames.evaluate_all("all => all.map(e => e.style.transform)")
    assert transforms[0] == transforms[1]


def test_images_match_when_one_of_them_is_turned(page: Page) -> None:
    """What CSS does with a measured orientation and map is what the measurement means."""
    turned = page.evaluate(
        """async () => {
        const { overlay } = await import(document.querySelector('script[type=module]').src.replace('main', 'compare'));
        const at = (align, x, y) => {
            const p = new DOMMatrix(overlay(align, 200, 100)).transformPoint(new DOMPoint(x * 100, y * 50));
            return [Math.round(p.x), Math.round(p.y)];
        };
        const same = [1, 0, 0, 0, 1, 0];
        return [
            at({ orientation: 6, affine: same, keeper_first: true }, -1, -1),
            at({ orientation: 6, affine: same, keeper_first: false }, 1, -1),
            at({ orientation: 1, affine: [0.5, 0, 0.5, 0, 1, 0], keeper_first: true }, 0.5, 0),
            at({ orientation: 1, affine: [0.5, 0, 0.5, 0, 1, 0], keeper_first: false }, 0, 0),
        ];
    }"""
    )
    assert turned == [[100, -50], [-100, -50], [0, 0], [50, 0]]


def test_slash_filters_by_name_and_keys_typed_there_decide_nothing(page: Page, opened: Opened) -> None:
    page.keyboard.press("/")
    page.keyboard.type("3_small")
    shows_place(page, "1 of 1")
    assert page.locator("figure.card .name").first.inner_text() == "3.png"
    page.keyboard.press("Escape")
    page.locator("#search").fill("none of them")
    expect(page.locator(".nothing")).to_contain_text("No group matches")
    assert not opened.session.decided


def test_question_mark_lists_the_keys_beside_the_images_and_nothing_is_modal(page: Page) -> None:
    page.keyboard.press("?")
    expect(page.locator("#help")).to_contain_text("not duplicates")
    page.keyboard.press("Space")
    shows_decided(page, "1 of 6")
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_hidden()
    assert page.locator("dialog, [aria-modal]").count() == 0


def test_the_overview_decides_with_the_same_keys(page: Page, opened: Opened) -> None:
    page.click("[data-mode=overview]")
    expect(page.locator(".cell:visible")).to_have_count(6)
    page.keyboard.press("Space")
    page.keyboard.press("n")
    shows_decided(page, "2 of 6")
    expect(page.locator(".cell.decided")).to_have_count(2)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    shows_place(page, "4 of 6")
    assert [one.kind for one in opened.session.decided] == ["accept", "apart"]


def test_the_last_of_more_groups_than_an_element_can_be_high_is_reached_by_scrolling(
    chromium: Browser, tmp_path: Path
) -> None:
    groups = 120_000  # 18.7 million pixels in one column; the element ends at 16 million
    catalog, pairs = tables(2 * groups, [(2 * row, 2 * row + 1, 0.97) for row in range(groups)])
    with (
        serving(catalog, pairs, tmp_path) as opened,
        page_of(chromium, opened, viewport={"width": 390, "height": 844}) as page,
    ):
        page.click("[data-mode=overview]")
        expect(page.locator(".cell.current:visible", has_text="image0.png")).to_be_visible()
        scroll = "share => { const l = document.querySelector('#list'); l.scrollTop = share * l.scrollHeight; }"
        assert page.evaluate("document.querySelector('#list').scrollHeight") == 16_000_000
        for share, number in ((1.0, 239_998), (0.5, 120_000), (0.0, 0)):
            page.evaluate(scroll, share)
            expect(page.locator(".cell:visible", has_text=f"image{number}.png")).to_be_in_viewport()
        page.keyboard.press("End")
        expect(page.locator(".cell.current", has_text="image239998.png")).to_be_in_viewport()
        assert page.locator(".cell").count() < 40


@pytest.fixture
def many(tmp_path: Path) -> Iterator[Opened]:
    """130 groups: three pages of cards."""
    with serving(*tables(260, [(2 * row, 2 * row + 1, 0.97) for row in range(130)]), tmp_path) as opened:
        yield opened


def test_a_key_never_decides_about_a_group_that_is_not_here_yet(chromium: Browser, many: Opened) -> None:
    held: list[Route] = []

    def hold(page: Page) -> None:
        page.route("**/api/cards?*", lambda route: held.append(route))

    with page_of(chromium, many, prepare=hold) as page:
        for _ in range(60):
            page.keyboard.press("Space")
        expect(page.locator(".nothing")).to_contain_text("a key counts once the group is here")
        shows_decided(page, "50 of 130")
        for route in held:
            route.continue_()
        page.unroute("**/api/cards?*")
        shows_place(page, "51 of 130")
        expect(page.locator(".about .state")).to_have_text("open")
        page.keyboard.press("Space")
        shows_decided(page, "51 of 130")


def test_what_others_do_does_not_scroll_the_overview_back(chromium: Browser, many: Opened) -> None:
    looks: list[str] = []

    def note(request: Request) -> None:
        if "/api/look?" in request.url:
            looks.append(request.url)

    with page_of(chromium, many, prepare=lambda page: page.on("requestfinished", note)) as page:
        page.click("[data-mode=overview]")
        place = page.evaluate("() => (document.querySelector('#list').scrollTop = 2000)")
        before = len(looks)
        many.events.publish({"type": "changed"})
        while len(looks) <= before:
            page.wait_for_timeout(20)
        expect(page.locator(".cell:visible", has_text="image100.png")).to_be_in_viewport()
        assert page.evaluate("document.querySelector('#list').scrollTop") == place
        page.click("[data-filter=alike]")  # another list begins where its reader is
        expect(page.locator(".cell.current", has_text="image0.png")).to_be_in_viewport()


def test_dragging_the_threshold_regroups_at_once_and_keeps_decisions(page: Page, opened: Opened) -> None:
    page.keyboard.press("n")
    before = page.inner_text("#would-go")
    page.locator("#threshold").focus()
    page.locator("#threshold").fill("0.999")
    expect(page.locator("#would-go")).not_to_have_text(before)
    page.locator("#threshold").fill("0.95")
    expect(page.locator("#would-go")).to_contain_text("10 images would go")
    until(lambda: opened.session.standing.threshold == 0.95)


def test_after_thirty_labels_a_threshold_is_proposed_with_its_errors_and_taken_with_a_click(
    chromium: Browser, tmp_path: Path
) -> None:
    joins = [(2 * k, 2 * k + 1, round(0.85 + 0.0035 * k, 4)) for k in range(40)]
    with serving(*tables(80, joins), tmp_path, threshold=0.85) as opened:
        for k in range(5, 35):
            decide(opened.session, 2 * k, "accept" if k >= 20 else "apart")
        with page_of(chromium, opened) as page:
            expect(page.locator("#proposal")).to_contain_text(re.compile(r"30 labels: about [\d.]+ wrong, [\d.]+ m"))
            page.click("#proposal button")
            until(lambda: 0.91 < opened.session.standing.threshold < 0.93)
            expect(page.locator("#proposal button")).to_be_disabled()


def test_keep_rules_change_the_suggestions_and_a_wrong_one_is_explained(page: Page) -> None:
    page.select_option("#first-rule", "last")
    expect(page.locator("#keep")).to_have_value(re.compile("^last,"))
    expect(page.locator("figure.card .name").first).not_to_have_text(re.compile(r"^\d\.png"))
    page.fill("#keep", "prettiest")
    page.keyboard.press("Enter")
    expect(page.locator("#banner")).to_contain_text("Invalid keep rule: prettiest")


def test_a_tier_is_accepted_at_once_after_a_sample_and_one_undo_takes_it_back(page: Page, opened: Opened) -> None:
    expect(page.locator("#bulk")).to_be_hidden()
    page.click("[data-filter=alike]")
    page.click("#bulk")
    expect(page.locator(".sample li")).to_have_count(6)
    page.click("#panel button.main")
    shows_decided(page, "6 of 6")
    assert {one.kind for one in opened.session.decided} == {"bulk"}
    page.keyboard.press("u")
    shows_decided(page, "0 of 6")


def test_captions_are_shown_edited_and_merged_with_a_preview(page: Page, opened: Opened) -> None:
    page.fill("#search", "1_web")
    expect(page.locator("figure.card .name").first).to_have_text("1.png")
    box = page.locator(".caption textarea")
    expect(box).to_have_value("a drawing, number 1")
    merge = page.locator(".merge button", has_text="merge-tags")
    merge.hover()
    expect(page.locator(".preview")).to_have_text("a drawing, number 1, compressed")
    merge.click()
    expect(box).to_have_value("a drawing, number 1, compressed")
    expect(page.locator("#undo")).to_be_enabled()
    assert [text for _, text in opened.session.captions.values()] == ["a drawing, number 1, compressed"]


def test_it_resumes_where_it_stopped(chromium: Browser, photos: Path, tmp_path: Path) -> None:
    with running(photos, tmp_path) as opened, page_of(chromium, opened) as page:
        for key in ("Space", "n", "j"):
            page.keyboard.press(key)
        shows_place(page, "4 of 6")
        shows_decided(page, "2 of 6")
        name = page.locator("figure.card .name").first.inner_text()
        until(lambda: opened.session.state.get("anchor", ["", ""])[1].startswith(name.removesuffix(".png")))
    with running(photos, tmp_path) as opened, page_of(chromium, opened) as page:
        expect(page.locator("figure.card .name").first).to_have_text(name)
        shows_decided(page, "2 of 6")
        page.keyboard.press("k")
        page.keyboard.press("Space")
        shows_decided(page, "3 of 6")


def test_two_tabs_see_each_other_and_an_old_card_is_not_decided(page: Page, opened: Opened) -> None:
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_selector(".card")
    page.keyboard.press("n")
    shows_decided(other, "1 of 6")
    card = opened.session.shown(int(opened.session.views.numbers("all")[1]))
    opened.session.decide(card.number, card.version, "all")  # nobody was told
    other.keyboard.press("j")
    other.keyboard.press("Space")
    expect(other.locator("#banner")).to_contain_text("changed meanwhile")
    expect(other.locator(".about .state")).to_have_text("all kept")
    assert [one.kind for one in opened.session.decided] == ["apart", "all"]


def test_a_connection_lost_on_the_way_is_said_and_what_was_decided_is_saved_later(
    chromium: Browser, opened: Opened
) -> None:
    with tunneled(opened) as tunnel, page_of(chromium, opened, port=tunnel.port) as page:
        page.keyboard.press("Space")
        shows_decided(page, "1 of 6")
        tunnel.cut()
        for key in ("n", "u", "a"):
            page.keyboard.press(key)
        expect(page.locator("#banner")).to_contain_text("not saved yet")
        assert [one.kind for one in opened.session.decided] == ["accept"]
        tunnel.mend()
        shows_decided(page, "2 of 6")
        expect(page.locator("#banner")).to_be_hidden()
        page.locator("#threshold").fill("0.97")
        until(lambda: opened.session.standing.threshold == 0.97)


def test_an_order_whose_answer_was_lost_is_not_done_twice(chromium: Browser, opened: Opened) -> None:
    lost: list[str] = []

    def lose(route: Route) -> None:
        answer = route.fetch()  # the server has done it
        if lost:
            return route.fulfill(response=answer)
        lost.append(route.request.url)
        return route.abort()

    with page_of(chromium, opened, prepare=lambda page: page.route("**/api/undo", lose)) as page:
        for key in ("Space", "n"):
            page.keyboard.press(key)
        shows_decided(page, "2 of 6")
        page.keyboard.press("u")
        shows_decided(page, "1 of 6")
        expect(page.locator("#banner")).to_be_hidden()
        assert lost
        assert [one.kind for one in opened.session.decided] == ["accept"]


def test_a_list_that_comes_late_does_not_move_the_reader_back(chromium: Browser, opened: Opened) -> None:
    looks: list[str] = []

    def note(request: Request) -> None:
        if "/api/look?" in request.url:
            looks.append(request.url)

    with page_of(chromium, opened, prepare=lambda page: page.on("requestfinished", note)) as page:
        while not looks:  # once it is connected, the page looks whether it has missed something
            page.wait_for_timeout(20)
        with opened.session.lock:
            with page.expect_request("**/api/look?*"):
                opened.events.publish({"type": "changed"})  # as if another page had decided
            page.keyboard.press("j")
            shows_place(page, "2 of 6")
            again = page.expect_request("**/api/look?*")
        with again:  # what it was told is about a place it has left
            pass
        shows_place(page, "2 of 6")
        page.keyboard.press("j")
        shows_place(page, "3 of 6")


def test_read_only_shows_everything_and_decides_nothing(chromium: Browser, photos: Path, tmp_path: Path) -> None:
    with running(photos, tmp_path, read_only=True) as opened, page_of(chromium, opened) as page:
        page.keyboard.press("Space")
        expect(page.locator("#banner")).to_contain_text("read-only")
        assert page.locator(".buttons button").count() == 0
        assert not opened.session.decided


def test_names_with_quotes_and_tags_are_text(chromium: Browser, tmp_path: Path) -> None:
    folder = near_copies(tmp_path / "photos", 1)
    evil = "\"'><script>document.title='owned'</script><img src=x onerror=alert(1)>.png".replace("/", "∕")
    (folder / evil).write_bytes((folder / "0.png").read_bytes())
    (folder / "0_web.txt").write_text("</script><script>document.title='owned'</script>")
    with running(folder, tmp_path / "store") as opened, page_of(chromium, opened) as page:
        expect(page.locator("figure.card .name", has_text="<script>")).to_have_count(1)
        page.click("[data-mode=overview]")
        page.click("#open-apply")
        page.select_option("#which", "all")
        page.click("text=Show the plan")
        expect(page.locator("#plan")).to_contain_text("onerror")
        assert page.title() == "One of each: review"
        assert page.locator("img[src=x]").count() == 0
