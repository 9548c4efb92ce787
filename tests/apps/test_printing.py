"""Whatever files are called, no command sends anything but text to the terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from pictures import copies, picture

from oneofeach.apps.cli import run
from oneofeach.wording import counted, printable, size

pytestmark = pytest.mark.skipif(os.name == "nt", reason="such names are not possible there")

HOSTILE = "a\x1b]0;owned\x07\x1b[31m\nnew\u202eline"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with a hostile name, hostile names in it, two copies, a single and an unreadable image."""
    folder = tmp_path / HOSTILE
    (folder / HOSTILE).mkdir(parents=True)
    copies(0, folder, HOSTILE)
    copies(0, folder / HOSTILE, HOSTILE)
    picture(7).save(folder / "single.png")
    (folder / f"{HOSTILE}.png").write_bytes(b"\x89PNG\r\n\x1a\nnonsense")
    (folder / "truth.csv").write_text("one,other,duplicate\nnowhere\x1b,single.png,1\n")
    return folder


COMMANDS = [
    ["find", "{}", "--report", "{}/r.html", "--report", "{}/r.csv"],
    ["find", "{}", "{}/single.png"],
    ["find", "{}/nowhere"],
    ["find", "{}", "--report", "{}/none/r.html"],
    ["find", "{}", "--keep", "best\x1b"],
    ["compare", "{}", "{}/single.png"],
    ["compare", "{}", "{}"],
    ["explore", "{}", "--page", "{}/p.html"],
    ["evaluate", "{}", "{}/truth.csv"],
    ["query", "{image}"],
    ["query", "{}/truth.csv"],
    ["keep", "{image}"],
    ["not-duplicates", "{image}", "{}/single.png"],
    ["decisions", "list"],
    ["export", "{}", "{}-unique"],
    ["export", "{}", "{}"],
    ["clean", "{}", "--dry-run"],
    ["clean", "{}", "--plan", "{}/plan.jsonl"],
    ["clean", "{}", "--yes"],
    ["journals"],
    ["undo"],
    ["index", "status"],
    ["index", "verify", "--all"],
    ["apply", "{}/nowhere"],
    ["index", "status", "--index", "{image}"],
]


def test_no_command_prints_a_control_character_of_a_name(photos, capsys, tmp_path):
    failed = []
    for command in COMMANDS:
        image = str(photos / f"{HOSTILE}.jpg")
        run([part.format(photos, image=image) for part in command])
        captured = capsys.readouterr()
        text = captured.out + captured.err
        assert text, command
        failed += [(command, line) for line in text.split("\n") if not line.isprintable()]
    assert not failed


def test_reports_for_people_hold_no_control_character_of_a_name(photos, tmp_path):
    run(["find", str(photos), "--report", str(tmp_path / "r.html")])
    run(["explore", str(photos), "--page", str(tmp_path / "p.html")])
    for name in ("r.html", "p.html"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert "owned" in text
        assert all(line.isprintable() for line in text.split("\n"))


def test_names_that_no_encoding_can_carry_are_printed(tmp_path, capsys):
    if sys.platform != "linux":
        pytest.skip("such names are only possible on Linux")
    data = b"\x89PNG\r\n\x1a\nnonsense"
    with open(os.fsencode(tmp_path) + b"/caf\xe9.png", "wb") as file:
        file.write(data)
    assert run(["find", str(tmp_path)]) == 3
    assert "skip  caf\\udce9.png  " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "shown"), [("a b.png", "a b.png"), ("a\tb\n", "a\\tb\\n"), ("\x1b[1m", "\\x1b[1m"), ("Ä 漢", "Ä 漢")]
)
def test_printable_text_is_one_line_and_keeps_what_people_write(text, shown):
    assert printable(text) == shown


def test_counts_and_sizes_agree_with_their_nouns():
    assert [counted(number, "image") for number in (0, 1, 2, 12345)] == [
        "0 images",
        "1 image",
        "2 images",
        "12,345 images",
    ]
    assert [size(number) for number in (0, 1, 999, 1000, 12_345_678)] == [
        "0 bytes",
        "1 byte",
        "999 bytes",
        "1.0 kB",
        "12.3 MB",
    ]
    assert size(5e15) == "5,000.0 TB"
