"""Plain arguments of `find` are read as Typer reads them; all others are left to it."""

from __future__ import annotations

from typing import Any

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from oneofeach.apps import cli
from oneofeach.apps.cli.find import find
from oneofeach.apps.cli.plain import arguments_of

PLAIN = [
    ["photos"],
    ["photos", "more photos", "a=b.jpg"],
    ["--files-from", "list.txt"],
    ["photos", "--report", "a.html", "--json", "--report=b.csv", "--check"],
    ["-t", "0.9", "photos", "--keep", "sharpest,first", "--workers", "3"],
    ["--similarity-threshold=0.8", "photos", "--index", "here.sqlite", "--isolated", "--reconsider", "--no-index"],
    ["photos", "--engine", "ray", "--work-folder=", "--against", "others", "--orientations", "all"],
    [],
]
NOT_PLAIN = [
    ["--help"],
    ["photos", "--no-such-option"],
    ["photos", "--keep"],
    ["photos", "--keep", "-x"],
    ["photos", "--workers", "0"],
    ["photos", "--workers", "two"],
    ["photos", "--workers=-1"],
    ["photos", "--check=yes"],
    ["-t0.9", "photos"],
    ["-t=0.9", "photos"],
    ["--", "-photos"],
    ["photos", "-"],
]


def by_typer(words: list[str]) -> dict[str, Any]:
    """What Typer calls the command with."""
    calls: list[dict[str, Any]] = []

    def command(**options: Any) -> None:
        calls.append(options)

    command.__signature__, command.__annotations__ = find.__signature__, find.__annotations__  # type: ignore[attr-defined]
    app = typer.Typer(add_completion=False)
    app.command()(command)
    typer.main.get_command(app).main(words, standalone_mode=False)
    return calls[0]


def same(value: Any) -> Any:
    """Some versions of Typer give an empty list where nothing was given."""
    return value or None if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize("words", PLAIN, ids=" ".join)
def test_plain_arguments_are_read_as_typer_reads_them(words):
    read = arguments_of(find, words)
    assert read is not None
    assert {name: same(value) for name, value in read.items()} == {n: same(v) for n, v in by_typer(words).items()}


@pytest.mark.parametrize("words", NOT_PLAIN, ids=" ".join)
def test_what_is_not_plain_is_left_to_typer(words):
    assert arguments_of(find, words) is None


WORDS = [
    "photos",
    "b",
    "0.9",
    "3",
    "--json",
    "--report",
    "a.csv",
    "-t",
    "--workers",
    "--index=x",
    "--check",
    "--keep",
    "-1",
]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=6))
def test_whatever_is_read_is_what_typer_reads(words):
    read = arguments_of(find, words)
    if read is not None:
        assert {name: same(value) for name, value in read.items()} == {n: same(v) for n, v in by_typer(words).items()}


def test_a_usage_error_of_a_plain_command_names_its_usage(capsys):
    assert cli.run(["find"]) == 2
    assert "Usage: oneofeach find" in capsys.readouterr().err
