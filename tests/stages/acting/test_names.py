from __future__ import annotations

import os

import pytest

from oneofeach.errors import Refused
from oneofeach.stages.acting.captions import longest, merge_tags
from oneofeach.stages.acting.names import folded, free, inside, long_path, numbered, protected, windows_problem
from oneofeach.stages.acting.plans import Plan, plan_from


@pytest.mark.parametrize("name", ["con", "CON.txt", "nul.tar.gz", "Aux .png", "com1.jpg", "LPT9", "com¹.png", "conin$"])
def test_reserved_names_are_known(name: str) -> None:
    assert windows_problem(name) == f"{name} is a reserved name on Windows"


@pytest.mark.parametrize("name", ["a.png", "console.png", "com10.png", "a con.png", ".hidden", "名前.png", "com.png"])
def test_other_names_are_no_problem(name: str) -> None:
    assert windows_problem(name) == ""


@pytest.mark.parametrize("name", ["a?.png", "a:b", "a|b", 'say "a"', "a\x1f", "a*", "<a>", "a\\b"])
def test_forbidden_characters_are_known(name: str) -> None:
    assert "which Windows forbids" in windows_problem(name)


@pytest.mark.parametrize("name", ["a.", "a ", "a.png "])
def test_names_that_windows_would_shorten_are_known(name: str) -> None:
    assert "which Windows drops" in windows_problem(name)


def test_long_paths_get_the_prefix_that_windows_needs() -> None:
    short, far = "C:\\photos\\a.png", "C:\\" + "x" * 250 + "\\a.png"
    assert long_path(short, windows=True) == short
    assert long_path(far, windows=True) == "\\\\?\\" + far
    assert long_path("\\\\?\\" + far, windows=True) == "\\\\?\\" + far
    share = "\\\\server\\share\\" + "x" * 250
    assert long_path(share, windows=True) == "\\\\?\\UNC" + share[1:]
    assert long_path("/" + "x" * 300, windows=False) == "/" + "x" * 300


def test_names_that_a_file_system_may_take_for_one_collide() -> None:
    taken: set[str] = set()
    assert free("/q/A.png", taken) == "/q/A.png"
    assert free("/q/a.PNG", taken) == "/q/a (2).PNG"
    assert free("/q/ü.png", taken) == "/q/ü.png"
    assert free("/q/u\u0308.png", taken) == "/q/u\u0308 (2).png"
    assert free("/q/a (2).png", taken) == "/q/a (2) (2).png"
    assert folded("STRASSE") == folded("straße")


def test_a_numbered_name_is_never_too_long() -> None:
    name = os.path.basename(numbered("/q/" + "é" * 125 + ".jpg", 12))
    assert len(os.fsencode(name)) <= 255
    assert name.endswith("é (12).jpg")


def test_only_plain_paths_below_a_root_are_inside() -> None:
    assert inside("/p/a.png", ["/q", "/p"])
    assert inside("/a.png", ["/"])
    for path in ("/p", "/photos/a.png", "/p/../etc/a.png", "p/a.png", "/p//a.png", "/p/./a.png"):
        assert not inside(path, ["/p"])


@pytest.mark.parametrize(
    ("glob", "is_protected"),
    [
        ("keep", True),
        ("keep/**", True),
        ("./keep/", True),
        ("KEEP", True),
        ("*.png", True),
        ("/p/keep", True),
        ("keep/deep/a.png", True),
        ("deep", True),
        ("[k]eep", True),
        ("kee", False),
        ("/keep", False),
        ("*.jpg", False),
        ("a", False),
        ("", False),
    ],
)
def test_a_glob_protects_a_file_and_all_below_a_folder(glob: str, is_protected: bool) -> None:
    assert protected("/p/keep/deep/a.png", ["/p"], ["nothing", glob]) == (glob if is_protected else "")


def test_merged_tags_keep_their_order_and_spelling() -> None:
    assert merge_tags("Cat, dog", ["DOG , bird", "bird,  red sofa", ""]) == "Cat, dog, bird, red sofa"
    assert merge_tags("cat,dog\r\n", ["Bird"]) == "cat, dog, Bird\r\n"
    assert merge_tags("cat,  dog,", ["dog"]) == "cat,  dog,"
    assert merge_tags("", [" a , b"]) == "a, b"


def test_the_longest_caption_wins_and_the_keepers_own_a_tie() -> None:
    assert longest("ab  ", ["abc", "xyz"]) == "abc"
    assert longest("abc", ["xyz"]) == "abc"
    assert longest(" " * 9, ["a"]) == "a"


HEADER = '{"oneofeach_plan": 1, "id": "t", "action": "trash", "roots": ["/p"]}'
STEP = (
    '{"action": "trash", "source": "/p/a", "size": 1, "mtime_ns": 2, "content": "c", "similarity": 1, "rule": "", '
    '"reason": "", "sidecars": [], "keeper": {"path": "/p/b", "size": 1, "mtime_ns": 2, "content": "c"}}'
)


def lines(*texts: str) -> Plan:
    return plan_from(text.encode() for text in texts)


def test_a_plan_is_read_line_by_line_and_empty_lines_do_not_count() -> None:
    made = lines(HEADER, "", STEP, "  ")
    assert (made.id, made.roots, len(made.steps)) == ("t", ("/p",), 1)
    assert plan_from(made.lines()) == made


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["{}"], "Not a plan of version 1: plan"),
        (["[]"], "plan, line 1: not a JSON object"),
        (["{"], "plan, line 1: not JSON"),
        ([], "Not a plan of version 1"),
        ([HEADER.replace('"t"', '"../t"')], "the id of a plan is made of letters"),
        ([HEADER, STEP, "", STEP], "plan, line 4: line 2 names /p/a too"),
        (
            [HEADER, STEP.replace('"size": 1', '"size": "x"')],
            "plan, line 2: 'size' is \"x\" instead of a whole number\n",
        ),
        (
            [HEADER, STEP.replace('"size": 1', '"size": true')],
            "plan, line 2: 'size' is true instead of a whole number\n",
        ),
        ([HEADER, '{"action": "trash"}'], "plan, line 2: 'source' is missing\n"),
        ([HEADER, STEP.replace("/p/a", r"/p/a\u0000")], "line 2: 'source' holds a character that no path can"),
        ([HEADER, STEP.replace('"keeper": {', '"kept": {')], "plan, line 2: 'keeper' is missing\n"),
        ([HEADER, STEP.replace('"sidecars": []', '"sidecars": ["a.txt"]')], "plan, line 2: 'source' is missing\n"),
        ([HEADER.replace('"roots": ["/p"]', '"roots": "/p"')], "line 1: 'roots' is \"/p\" instead of a list\n"),
        ([HEADER.replace('"id"', '"name"')], "plan, line 1: 'id' is missing\nMake the plan again."),
    ],
)
def test_a_plan_that_cannot_be_read_names_the_line(texts: list[str], message: str) -> None:
    with pytest.raises(Refused, match=message):
        lines(*texts)
