"""Clusters so dense that not all pairs are listed: every answer must be the same as if they were."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from crowds import told, versions
from PIL import Image

import oneofeach
from oneofeach import matching
from oneofeach.comparison import compare
from oneofeach.stages.neighbors import bounded


@pytest.fixture
def crowded(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pair is listed before a row has gone for it."""
    monkeypatch.setattr(matching, "LISTED", 0)
    monkeypatch.setattr(matching, "LISTED_PER_ROW", 0)


@pytest.mark.parametrize("threshold", [0.85, 0.95, 0.99])
def test_unlisted_pairs_change_no_group_and_no_evidence(threshold: float, crowded: None) -> None:
    images = versions(1, 60)
    result = oneofeach.deduplicate(images, threshold)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "LISTED", 10**6)
        expected = oneofeach.deduplicate(images, threshold)
    assert result.pairs.unlisted is not None
    assert expected.pairs.unlisted is None
    assert len(result.pairs) < len(expected.pairs)
    assert told(result) == told(expected)
    assert told(result.at(0.97)) == told(expected.at(0.97))


@pytest.mark.parametrize("threshold", [0.85, 0.97])
def test_unlisted_pairs_change_no_comparison(threshold: float, crowded: None) -> None:
    """Every image of A has its best match of B, and goes for it, as if all pairs were listed."""
    a, b = versions(4, 40), versions(4, 70)[30:]
    comparison, result = compare(a, b, threshold), oneofeach.deduplicate(a, threshold, against=b)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "LISTED", 10**6)
        expected, listed = compare(a, b, threshold), oneofeach.deduplicate(a, threshold, against=b)
    assert comparison.pairs.unlisted is not None
    assert expected.pairs.unlisted is None
    assert len(comparison.pairs) < len(expected.pairs)
    assert comparison.found == expected.found
    assert len(expected.found) > 10
    assert told(result) == told(listed)


def test_two_tables_of_clones_and_of_near_clones_list_few_pairs() -> None:
    rng = np.random.default_rng(0)
    clone, center, *_ = bits = rng.integers(0, 256, (200_002, 8), np.uint8)
    bits = bits[2:]
    for start in (0, 100_000):
        bits[start : start + 50_000] = clone
        bits[start + 50_000 : start + 60_000] = center
        bits[np.arange(start + 50_000, start + 60_000), rng.integers(0, 8, 10_000)] ^= 1
    near = bounded(np.arange(200_000), bits, 200_000, 8, limit=400_000, split=100_000)
    assert len(near.i) <= 400_000
    assert near.dense[[0, 50_000, 100_000, 150_000]].all()
    assert len(near.around(0)) == 50_000


def test_an_index_stores_no_list_that_has_gaps(crowded: None, tmp_path: Any) -> None:
    for number, image in enumerate(versions(2, 30)):
        Image.fromarray(image).save(tmp_path / f"{number:02}.png")
    first = oneofeach.deduplicate(tmp_path, 0.9, index=tmp_path / "index.sqlite")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "LISTED", 10**6)
        again = oneofeach.deduplicate(tmp_path, 0.9, index=tmp_path / "index.sqlite")
        fresh = oneofeach.deduplicate(tmp_path, 0.9)
    assert first.pairs.unlisted is not None
    assert told(first) == told(again) == told(fresh)


def test_turned_images_are_listed_in_full(crowded: None) -> None:
    images = versions(3, 20)
    images += [np.rot90(image).copy() for image in images[:5]]
    result = oneofeach.deduplicate(images, 0.9, orientations="all")
    assert result.pairs.unlisted is None
    assert len(result.unique_images) == 3


def test_rows_without_keys_are_nobodys_neighbors() -> None:
    near = bounded(np.zeros(0, np.int64), np.zeros((0, 8), np.uint8), 5, 8)
    assert len(near.i) == 0
    assert not near.dense.any()
