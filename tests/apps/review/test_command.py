"""The two doors to the page as a user opens them: the command, and the function."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from reviewing import near_copies
from typer.testing import CliRunner

import oneofeach
from oneofeach.apps.cli import review
from oneofeach.apps.cli.commands import app
from oneofeach.apps.review.saved import saved
from oneofeach.errors import Refused

COMMAND = ["-m", "oneofeach", "review", "--no-open", "--store", "store/decisions", "--no-index", "photos"]
FUNCTION = ["-c", "import oneofeach, oneofeach.apps.review as r; r.review(oneofeach.deduplicate('photos'))"]


@pytest.mark.parametrize("arguments", [COMMAND, FUNCTION], ids=["command", "function"])
def test_it_prints_a_link_that_opens_the_page_and_ends_with_ctrl_c(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    near_copies(tmp_path / "photos", 2)
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.delenv("DISPLAY", raising=False)
    options = {"stderr": subprocess.PIPE, "text": True, "cwd": tmp_path}
    with subprocess.Popen([sys.executable, *arguments], **options) as process:  # type: ignore[call-overload]
        try:
            lines = iter(process.stderr.readline, "")
            link = next(line.strip() for line in lines if "?token=" in line)
            assert opened(link) == (200, True)
            assert opened(link) == (403, False)
            process.send_signal(signal.SIGINT)
            rest = process.communicate(timeout=30)[1]
        finally:
            process.kill()
    assert "A new link" in rest
    assert "Traceback" not in rest
    assert process.returncode in (0, 130)


def test_a_saved_result_opens_the_page_over_its_images_at_its_threshold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = near_copies(tmp_path / "photos", 2)
    result = oneofeach.deduplicate(folder, 0.97, keep="last", against=near_copies(tmp_path / "more", 1))
    result.save(tmp_path / "result.json")
    served: dict[str, Any] = {}
    monkeypatch.setattr(review, "serve", lambda catalog, pairs, **options: served.update(options, catalog=catalog))
    monkeypatch.chdir(tmp_path)
    invoked = CliRunner().invoke(app, ["review", "result.json", "--no-index"])
    assert invoked.exit_code == 0, invoked.output
    assert (served["threshold"], served["keep"], served["places"]) == (0.97, "last", [str(folder)])
    assert [item.key for item in served["catalog"].items] == [item.key for item in result.catalog.items]
    assert served["catalog"].reference.sum() == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '{"schema_version": 1, "similarity_threshold": 0.9, "keep": "first", "fingerprint": "phash"}',
            "where its images",
        ),
        ('{"schema_version": 1, "sources": ["photos"], "similarity_threshold": 7}', "Not a saved result"),
        ('{"schema_version": 1, "sources": ', "Not a saved result"),
    ],
)
def test_what_is_no_saved_result_is_explained(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(Refused, match=says):
        saved(str(tmp_path / "result.json"))


def test_a_coco_file_is_no_saved_result(tmp_path: Path) -> None:
    (tmp_path / "coco.json").write_text('{"images": [], "annotations": []}')
    assert saved(str(tmp_path / "coco.json")) is None
    assert saved(str(tmp_path)) is None


def opened(link: str) -> tuple[int, bool]:
    """The status of the answer to a link, and whether it lets in."""
    address = urlsplit(link)
    with closing(HTTPConnection(address.netloc)) as connection:
        connection.request("GET", f"/?{address.query}")
        answer = connection.getresponse()
        return answer.status, "samesite=strict" in answer.headers.get("set-cookie", "").lower()


def test_a_port_that_is_taken_is_refused(tmp_path: Path) -> None:
    near_copies(tmp_path / "photos", 1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [sys.executable, *COMMAND, "--port", str(taken.getsockname()[1])]
        found = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert found.returncode == 4
    assert "name another one" in found.stderr


def test_wrong_options_are_explained_before_anything_is_scanned(tmp_path: Path) -> None:
    for option in (["-t", "1.5"], ["--keep", "prettiest"]):
        command = [sys.executable, "-m", "oneofeach", "review", str(tmp_path), *option]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        assert found.returncode == 2
        assert "Invalid" in found.stderr
