from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest

HERE = Path(__file__).parent
WEB = HERE.parents[2] / "web"
NODE = "OneOfEachImageDeduplication"
SHIM = "export const {0} = window.comfy.{0};"


def card(key, index, auto, kept=None, **changes):
    file = {"filename": f"{key[:4]}.webp", "subfolder": "oneofeach", "type": "temp"}
    facts = {"name": f"<b>{index}</b>.png", "w": 768, "h": 512, "similarity": 1.0 if auto else 0.996, "text": "a cat"}
    return {"key": key, "index": index, "auto": auto, "kept": auto if kept is None else kept, "file": file, **facts} | (
        changes
    )


def found(*groups, **changes):
    report = "Kept 2 of 4 images: 2 duplicates in 2 groups.\nGroup 1: ..."
    return {"version": 1, "report": report, "total": len(groups), "groups": list(groups), "more": [0] * len(groups)} | (
        changes
    )


TWO = found([card("aa:1", 1, True), card("bb:1", 2, False)], [card("cc:1", 3, True), card("cc:2", 4, False)])


def answer(route):
    path = unquote(urlparse(route.request.url).path)
    name = path.rsplit("/", 1)[-1]
    if path in ("/scripts/app.js", "/scripts/api.js"):
        return route.fulfill(body=SHIM.format(name.removesuffix(".js")), content_type="text/javascript")
    if path.startswith("/extensions/"):
        return route.fulfill(path=WEB / name, content_type="text/javascript")
    if path == "/":
        return route.fulfill(path=HERE / "frontend.html", content_type="text/html")
    return route.fulfill(status=404)


@pytest.fixture
def open_page(chromium):
    """A function that opens the frontend; every error on the page fails the test."""
    pages, errors = [], []

    def opened(query=""):
        page = chromium.new_page()
        pages.append(page)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.route("**/*", answer)
        page.goto(f"http://comfy.test/{query}")
        page.wait_for_function("window.ready")
        return page

    yield opened
    for page in pages:
        page.close()
    assert not errors


def make(page, name="node", number=7, node=NODE, decisions="{}"):
    """A node of the graph, as window[name]."""
    page.evaluate("([name, ...node]) => void (window[name] = makeNode(...node))", [name, number, node, decisions])


@pytest.fixture
def page(open_page):
    page = open_page()
    make(page)
    return page


def run(page, value):
    page.evaluate("value => node.onExecuted({ oneofeach: [value] })", value)


def decisions(page):
    return json.loads(page.evaluate("node.widgets.find((w) => w.name === 'decisions').value"))


def states(page):
    return page.eval_on_selector_all(
        ".card", "cards => cards.map((c) => [c.getAttribute('aria-pressed'), c.querySelector('b').textContent])"
    )


def test_before_a_run_the_panel_says_what_will_be_here(page):
    assert "Run the workflow" in page.inner_text(".oneofeach")
    assert page.locator(".card").count() == 0


def test_the_decisions_field_is_hidden_in_both_renderings_and_nothing_else_is(page):
    hidden = "node.widgets.filter((w) => w.hidden && w.options.hidden).map((w) => w.name)"
    assert page.evaluate(hidden) == ["decisions"]


def test_the_panel_is_the_last_widget_and_not_saved(page):
    last = page.evaluate(
        "(({ name, serialize, options }) => [name, serialize, options.serialize])(node.widgets.at(-1))"
    )
    assert last == ["oneofeach_panel", False, False]


def test_cards_show_what_the_run_decided(page):
    run(page, TWO)
    assert states(page) == [["true", "KEEP"], ["false", "drop"]] * 2
    assert page.locator(".group").count() == 2
    text = page.locator(".card").nth(1).inner_text()
    assert "2 <b>2</b>.png" in text
    assert "768×512 0.99" in text
    assert page.inner_text("[role=status]") == "Kept 2 of 4 images: 2 duplicates in 2 groups."
    source = page.locator(".card img").first.get_attribute("src")
    assert source == "/api/view?filename=aa%3A1.webp&subfolder=oneofeach&type=temp"


def test_names_and_errors_are_text_and_never_markup(page):
    run(page, TWO)
    detail = {"node_id": "7", "node_type": NODE, "exception_message": "<i>x</i>"}
    page.evaluate("detail => emit('execution_error', detail)", detail)
    assert page.locator(".card span b b, .error i").count() == 0
    assert page.inner_text(".error") == "<i>x</i>"


def test_a_click_flips_a_card_and_writes_only_what_differs_from_the_automatic_choice(page):
    run(page, TWO)
    page.locator(".card").nth(1).click()
    assert decisions(page) == {"bb:1": True}
    page.locator(".card").nth(0).click()
    assert decisions(page) == {"bb:1": True, "aa:1": False}
    assert states(page)[:2] == [["false", "drop"], ["true", "KEEP"]]
    assert page.inner_text("[role=status]") == "Press Run to apply 2 changed choice(s)."
    page.locator(".card").nth(1).click()
    assert decisions(page) == {"aa:1": False}


def test_the_keyboard_is_enough(page):
    run(page, TWO)
    page.locator(".card").nth(1).focus()
    page.keyboard.press("Space")
    assert decisions(page) == {"bb:1": True}
    page.keyboard.press("Enter")
    assert decisions(page) == {}
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert decisions(page) == {"cc:1": False}


def test_after_the_next_run_nothing_is_pending_and_the_choice_is_marked_as_made_by_hand(page):
    run(page, TWO)
    page.locator(".card").nth(1).click()
    run(page, found([card("aa:1", 1, True), card("bb:1", 2, False, kept=True)]))
    assert states(page) == [["true", "KEEP"], ["true", "KEEP"]]
    assert page.inner_text("[role=status]").startswith("Kept 2 of 4")
    assert page.locator(".changed").count() == 1


def test_reset_forgets_every_choice(page):
    assert page.locator("header button").is_disabled()
    run(page, TWO)
    page.locator(".card").nth(1).click()
    page.locator("header button").click()
    assert decisions(page) == {}
    assert states(page)[1] == ["false", "drop"]


def test_choices_of_images_that_are_not_shown_are_kept(open_page):
    page = open_page()
    make(page, decisions='{"elsewhere:1": true}')
    run(page, TWO)
    page.locator(".card").nth(1).click()
    assert decisions(page) == {"elsewhere:1": True, "bb:1": True}


@pytest.mark.parametrize("broken", ["", "[1]", "{", "null"])
def test_a_broken_decisions_field_counts_as_empty_and_reset_mends_it(open_page, broken):
    page = open_page()
    make(page, decisions=broken)
    run(page, TWO)
    assert states(page) == [["true", "KEEP"], ["false", "drop"]] * 2
    page.locator(".card").nth(1).click()
    assert decisions(page) == {"bb:1": True}


def test_choices_saved_in_a_workflow_show_up_when_it_is_opened(page):
    run(page, TWO)
    page.evaluate("node.widgets.find((w) => w.name === 'decisions').value = '{\"bb:1\": true}'")
    page.evaluate("node.onConfigure({})")
    assert states(page)[1] == ["true", "KEEP"]


def test_an_error_of_this_node_is_printed_in_its_panel_and_goes_with_the_next_run(page):
    make(page, "other", 8)
    detail = {"node_id": "7", "node_type": NODE, "exception_message": "Image list is empty\nConnect a loader\n"}
    page.evaluate("detail => emit('execution_error', detail)", detail)
    page.evaluate("emit('execution_error', { node_id: '8', node_type: 'Other', exception_message: 'not ours' })")
    assert page.locator(".error").all_inner_texts() == ["Image list is empty\nConnect a loader"]
    run(page, TWO)
    assert page.locator(".error").count() == 0


def test_restored_outputs_reach_the_right_node_inside_a_subgraph_too(page):
    make(page, "other", 8)
    page.evaluate("value => outputs({ '12:7': { oneofeach: [value] }, 9: { images: [] }, 8: null })", TWO)
    assert page.evaluate("node.widgets.at(-1).element.querySelectorAll('.card').length") == 4
    assert page.evaluate("other.widgets.at(-1).element.querySelectorAll('.card').length") == 0


def test_a_removed_node_is_forgotten(page):
    page.evaluate("node.onRemoved()")
    page.evaluate("value => outputs({ 7: { oneofeach: [value] } })", TWO)
    assert page.evaluate("node.widgets.at(-1).element.querySelectorAll('.card').length") == 0


def test_an_answer_of_another_version_is_left_alone(page):
    run(page, {**TWO, "version": 2})
    assert page.locator(".card").count() == 0


def test_other_nodes_and_nodes_without_the_field_get_no_panel(open_page):
    page = open_page()
    make(page, "other", 1, "OneOfEachCleanFolder")
    make(page, "older", 2, decisions=None)
    assert page.evaluate("[other.widgets.length, older.widgets.length]") == [2, 1]


def test_two_hundred_groups_scroll_inside_a_panel_of_bounded_height(page):
    many = found(*([card(f"{n}:1", 2 * n, True), card(f"{n}:2", 2 * n + 1, False)] for n in range(200)), more=[3] * 200)
    run(page, many)
    assert page.locator(".card").count() == 400
    assert "and 3 more" in page.locator(".group").first.inner_text()
    height, content = page.eval_on_selector(".oneofeach", "e => [e.offsetHeight, e.scrollHeight]")
    assert height <= 420 < content
    page.locator(".card").nth(399).click()
    place = page.eval_on_selector(".oneofeach", "e => e.scrollTop")
    assert place > 1000
    assert decisions(page) == {"199:2": True}


def test_a_click_anywhere_in_the_panel_gives_it_the_wheel_in_nodes_2(page):
    """There the canvas takes the wheel from all but what is marked so and holds the focus."""
    run(page, TWO)
    holds = "document.querySelector('[data-capture-wheel=\"true\"]').contains(document.activeElement)"
    assert not page.evaluate(holds)
    for place in (".card >> nth=1", "header button", "[role=status]"):
        page.locator(place).click()
        assert page.evaluate(holds)
        page.evaluate("document.activeElement.blur()")


@pytest.mark.parametrize(
    ("locale", "word"),
    [("zh", "保留"), ("ja", "残す"), ("ko", "유지"), ("de", "BEHALTEN"), ("fr-CA", "GARDER"), ("xx", "KEEP")],
)
def test_the_panel_speaks_the_language_of_the_interface(open_page, locale, word):
    page = open_page(f"?locale={locale}")
    make(page)
    run(page, TWO)
    assert states(page)[0] == ["true", word]


def test_every_language_has_every_word(open_page):
    page = open_page()
    page.evaluate("import('/extensions/x/words.js').then((m) => (window.wordsFor = m.wordsFor))")
    page.wait_for_function("window.wordsFor")
    english = page.evaluate("Object.keys(wordsFor('en'))")
    for locale in ("zh", "zh-TW", "ja", "ko", "de", "fr", "es"):
        words = page.evaluate("locale => wordsFor(locale)", locale)
        assert list(words) == english
        assert all(("{n}" in words[key]) == (key in ("pending", "group", "more")) for key in english)
