"""Attacks on the server: foreign hosts and origins, tokens, paths, files with script, and a fuzz of every route."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from reviewing import near_copies
from starlette.testclient import TestClient

from oneofeach.apps.review.opening import Opened, open_review
from oneofeach.flow import match, scan

HERE = {"host": "127.0.0.1:8000", "origin": "http://127.0.0.1:8000"}
SCRIPT = "<script>document.title='owned'</script>"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    folder = near_copies(tmp_path_factory.mktemp("photos"), 3)
    (folder / "evil.svg").write_text(f'<svg xmlns="http://www.w3.org/2000/svg">{SCRIPT}</svg>')
    (folder / "evil.png").write_text(f"<html>{SCRIPT}</html>")
    Image.open(folder / "0.png").save(folder / "polyglot.png", pnginfo=None)
    with open(folder / "polyglot.png", "ab") as file:
        file.write(SCRIPT.encode())
    store = tmp_path_factory.mktemp("store")
    catalog = scan(str(folder))
    options = {"store": str(store / "d"), "thumbnail_store": str(store / "t"), "journals": str(store / "j")}
    opened = open_review(catalog, match(catalog), places=[str(folder)], **options)  # type: ignore[arg-type]
    yield opened
    opened.close()


@pytest.fixture
def client(opened: Opened) -> TestClient:
    """A browser that was let in."""
    client = TestClient(opened.app, base_url="http://127.0.0.1:8000", headers=HERE, raise_server_exceptions=True)
    assert client.get("/", params={"token": opened.door.token()}).status_code == 200
    return client


def stranger(opened: Opened) -> TestClient:
    return TestClient(opened.app, base_url="http://127.0.0.1:8000", headers=HERE)


def test_without_the_cookie_nothing_is_told(opened: Opened) -> None:
    for path in ("/", "/page/main.js", "/api/session", "/api/cards", "/api/events", "/thumbnail/0/0", "/image/0/0"):
        assert stranger(opened).get(path).status_code == 403
    assert stranger(opened).post("/api/decide", json={}).status_code == 403


def test_a_token_opens_the_page_once(opened: Opened) -> None:
    token = opened.door.token()
    assert stranger(opened).get("/", params={"token": token}).status_code == 200
    again = stranger(opened).get("/", params={"token": token})
    assert again.status_code == 403
    assert "set-cookie" not in again.headers
    assert stranger(opened).get("/", params={"token": "guess"}).status_code == 403


def test_the_cookie_is_for_this_site_and_not_for_scripts(opened: Opened) -> None:
    cookie = stranger(opened).get("/", params={"token": opened.door.token()}).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil:1", ""]
)
def test_another_host_name_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/api/session", headers={"host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost:9000", "127.0.0.1:9000", "[::1]:9000", "LOCALHOST"])
def test_any_port_of_this_machine_will_do_as_at_the_end_of_a_tunnel(client: TestClient, host: str) -> None:
    assert client.get("/api/session", headers={"host": host, "origin": f"http://{host}"}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:8001", "https://127.0.0.1:8000"])
def test_an_order_from_another_origin_is_refused(client: TestClient, origin: str) -> None:
    assert client.post("/api/undo", json={}, headers={"origin": origin}).status_code == 403


def test_an_order_without_an_origin_is_refused(client: TestClient) -> None:
    del client.headers["origin"]
    assert client.post("/api/undo", json={}).status_code == 403


def test_another_site_on_this_machine_cannot_embed_the_images(client: TestClient) -> None:
    image = client.get("/api/cards").json()["cards"][0]["images"][0]
    path = f"/thumbnail/{image['row']}/{image['tag']}"
    assert client.get(path, headers={"sec-fetch-site": "same-origin"}).status_code == 200
    assert client.get(path, headers={"sec-fetch-site": "same-site"}).status_code == 403
    assert client.get(path, headers={"sec-fetch-site": "cross-site"}).status_code == 403


def test_every_answer_forbids_sniffing_framing_and_inline_script(client: TestClient) -> None:
    module = client.get("/").text.split('type="module" src="')[1].split('"')[0]
    assert client.get(module).headers["content-type"].startswith("text/javascript")
    for path in ("/", module, "/api/session", "/nothing", "/thumbnail/99999/x"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        policy = headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy


def test_the_page_holds_no_inline_script_or_style(client: TestClient) -> None:
    page = client.get("/").text
    assert "<style" not in page
    assert " style=" not in page
    assert " on" + "click" not in page
    scripts = [part.split(">")[0] for part in page.split("<script")[1:]]
    assert all("src=" in script or "application/json" in script for script in scripts)


@pytest.mark.parametrize(
    "path",
    [
        "/page/../server.py",
        "/page/x/main.js",
        "/page/x/%2e%2e/server.py",
        "/page/x/..%2fserver.py",
        "/page//etc/passwd",
        "/image/..%2f..%2fetc%2fpasswd/x",
        "/thumbnail/../../etc/passwd",
        "/image/-1/x",
        "/image/0/wrong",
        "/image/99999999999999999999999/x",
        "/page/page.html",
        "/page/__init__.py",
    ],
)
def test_no_path_leads_anywhere(client: TestClient, path: str) -> None:
    assert client.get(path).status_code in (404, 307)


def test_script_in_image_files_is_never_served_as_anything_but_an_image(opened: Opened, client: TestClient) -> None:
    rows = {item.key: row for row, item in enumerate(opened.session.catalog.items)}
    assert "evil.svg" not in rows
    evil = opened.session.catalog.errors[rows["evil.png"]]
    assert evil
    assert client.get(f"/image/{rows['evil.png']}/{opened.pictures.tag(rows['evil.png'])}").status_code == 410
    polyglot = rows["polyglot.png"]
    answer = client.get(f"/image/{polyglot}/{opened.pictures.tag(polyglot)}")
    assert answer.headers["content-type"] == "image/png"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_a_file_replaced_after_the_scan_is_not_served(opened: Opened, client: TestClient, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    Image.new("RGB", (40, 40), "red").save(secret)
    item = next(item for item in opened.session.catalog.items if item.key == "2_web.jpg")
    row = opened.session.catalog.items.index(item)
    path, tag = Path(item.input), opened.pictures.tag(row)
    kept = path.read_bytes()
    path.unlink()
    path.symlink_to(secret)
    try:
        assert client.get(f"/image/{row}/{tag}").status_code == 410
    finally:
        path.unlink()
        path.write_bytes(kept)
        os.utime(path, ns=(item.mtime_ns, item.mtime_ns))


def test_an_unchanged_image_need_not_be_sent_again(client: TestClient) -> None:
    image = client.get("/api/cards").json()["cards"][0]["images"][0]
    first = client.get(f"/thumbnail/{image['row']}/{image['tag']}")
    assert "immutable" in first.headers["cache-control"]
    again = client.get(f"/thumbnail/{image['row']}/{image['tag']}", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304


WORDS = ["alike", "border", "keep", "accept", "quarantine"]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["alike", "keep", "accept"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
FIELDS = [
    "number",
    "version",
    "action",
    "row",
    "text",
    "filter",
    "query",
    "start",
    "count",
    "threshold",
    "keep",
    "ticket",
    "id",
    "page",
    "turn",
]
ORDERS = (
    "decide",
    "undo",
    "cut",
    "caption",
    "state",
    "sample",
    "accept",
    "plan",
    "apply",
    "take-back",
    "look",
    "cards",
)
BODIES = st.dictionaries(st.sampled_from(FIELDS), VALUES | st.integers(-3, 12), max_size=5)
FUZZ = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@given(order=st.sampled_from(ORDERS), body=BODIES)
def test_no_order_ever_fails_on_the_server(client: TestClient, order: str, body: dict[str, object]) -> None:
    assert client.post(f"/api/{order}", json=None, content=_json(body)).status_code < 500


@FUZZ
@given(question=st.sampled_from(["session", "cards", "card", "look", "sample", "captions", "skipped"]), fields=BODIES)
def test_no_question_ever_fails_on_the_server(client: TestClient, question: str, fields: dict[str, object]) -> None:
    params = {name: str(value).encode("utf-8", "replace") for name, value in fields.items()}
    assert client.get(f"/api/{question}", params=params).status_code < 500


@FUZZ
@given(path=st.text(max_size=30), body=st.binary(max_size=40))
def test_no_path_or_body_ever_fails_or_leaves_the_dataset(client: TestClient, path: str, body: bytes) -> None:
    for start in ("/", "/page/", "/image/", "/thumbnail/", "/image/0/", "/api/"):
        answer = client.get(start + quote(path.encode("utf-8", "replace"), safe="/."), follow_redirects=False)
        assert answer.status_code in (200, 304, 307, 404, 405, 410, 422)
        assert b"root:" not in answer.content
    assert client.post("/api/decide", content=body).status_code in (400, 409, 422)


def _json(body: dict[str, object]) -> bytes:
    return json.dumps(body).encode()
