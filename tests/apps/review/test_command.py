"""The two doors to the page as a user opens them: the command, and the function."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from reviewing import near_copies

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
