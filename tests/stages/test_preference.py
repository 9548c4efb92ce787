import os

import numpy as np
import pytest

from oneofeach.errors import InvalidRule
from oneofeach.stages.preference import NAMES, rank
from oneofeach.tables import FACTS, Catalog, Item


def catalog(keys=("a", "b", "c"), **columns):
    facts = np.zeros(len(keys), FACTS)
    for name, values in columns.items():
        facts[name] = values
    empty = np.zeros((len(keys), 1), np.uint8)
    return Catalog("test", [Item(key, key) for key in keys], facts, empty, empty)


CASES = [
    ("first", {}, [0, 1, 2], "position 1 over position 3 (first)"),
    ("last", {}, [2, 1, 0], "position 3 over position 1 (last)"),
    (
        "highest-resolution",
        {"width": [10, 30, 20], "height": [10, 10, 10]},
        [1, 2, 0],
        "30x10 over 10x10 (highest-resolution)",
    ),
    ("largest-file", {"bytes": [5, 1000, 30]}, [1, 2, 0], "1,000 bytes over 5 bytes (largest-file)"),
    ("sharpest", {"sharpness": [1, 2, 3]}, [2, 1, 0], "sharpness 3.00 over sharpness 1.00 (sharpest)"),
    (
        "least-compressed",
        {"quality": [50, 90, 100], "color": [1, 1, 0]},
        [1, 0, 2],
        "quality 90 over quality 100, gray (least-compressed)",
    ),
    (
        "oldest",
        {"mtime_ns": [3 * 10**18, 10**18, 2 * 10**18]},
        [1, 2, 0],
        "2001-09-09 01:46:40 over 2065-01-24 05:20:00 (oldest)",
    ),
    (
        "newest",
        {"mtime_ns": [0, 10**18, 10**18 + 1]},
        [2, 1, 0],
        "2001-09-09 01:46:40 over no date (newest)",
    ),
]


@pytest.mark.parametrize(("keep", "columns", "order", "reason"), CASES, ids=[case[0] for case in CASES])
def test_a_rule_orders_the_rows_and_says_what_it_compared(keep, columns, order, reason):
    ranking = rank(catalog(**columns), keep)
    assert ranking.order.tolist() == order
    assert ranking.reason(order[0], order[-1]) == reason


def test_shortest_name_looks_at_the_name_and_not_at_the_folder():
    ranking = rank(catalog(keys=("long_folder/a.jpg", "b/cat_copy.jpg")), "shortest-name")
    assert ranking.order.tolist() == [0, 1]
    assert ranking.reason(0, 1) == "a.jpg over cat_copy.jpg (shortest-name)"


def test_prefer_takes_what_matches_the_glob():
    ranking = rank(catalog(keys=("web/a.jpg", "raw/a.jpg")), "prefer=raw/*")
    assert ranking.order.tolist() == [1, 0]
    assert ranking.reason(1, 0) == "raw/a.jpg over web/a.jpg (prefer=raw/*)"


def test_longest_caption_counts_letters():
    ranking = rank(catalog(), "longest-caption", {1: "a cat", 2: " a big cat "})
    assert ranking.order.tolist() == [2, 1, 0]
    assert ranking.reason(2, 0) == "caption of 9 characters over caption of 0 characters (longest-caption)"


def test_rules_are_asked_in_turn_and_ties_fall_to_the_earlier_row():
    ranking = rank(catalog(width=[9, 9, 9], height=[9, 9, 9], bytes=[1, 2, 2]), "highest-resolution,largest-file")
    assert ranking.order.tolist() == [1, 2, 0]
    assert ranking.reason(1, 2) == "position 2 over position 3 (first)"


@pytest.mark.parametrize("keep", ["", "best", "first,", "prefer=", "First", 3, None])
def test_an_unknown_rule_is_an_error_that_lists_the_rules(keep):
    with pytest.raises(InvalidRule, match=r"^Invalid keep rule: .*\nUse a comma-separated list of: first,") as error:
        rank(catalog(), keep)
    assert all(name in str(error.value) for name in NAMES)


@pytest.mark.parametrize("glob", ["[", "*[", "[!", "[]", "a[b]c["])
def test_a_bracket_that_is_not_closed_is_an_error_with_a_hint(glob):
    with pytest.raises(InvalidRule, match=r"^Invalid keep rule: prefer=.*\nClose the bracket, or write \[\[\] for"):
        rank(catalog(), f"first,prefer={glob}")


def test_brackets_are_sets_of_letters():
    keys = ("[a", "b", "]")
    assert rank(catalog(keys=keys), "prefer=[[]*").order.tolist() == [0, 1, 2]
    assert rank(catalog(keys=keys), "prefer=[]]").order.tolist() == [2, 0, 1]
    assert rank(catalog(keys=keys), "prefer=[!]a[]").order.tolist() == [1, 0, 2]


def test_an_empty_rule_is_shown_as_such():
    with pytest.raises(InvalidRule, match=r"^Invalid keep rule: ''\n"):
        rank(catalog(), "first,")


def test_times_a_nanosecond_apart_are_told_apart(tmp_path):
    times = [10**18 + 1, 10**18]
    assert rank(catalog(keys=("a", "b"), mtime_ns=times), "oldest").order.tolist() == [1, 0]
    assert os.sep not in rank(catalog(keys=("a", "b"), mtime_ns=times), "oldest").reason(1, 0)
