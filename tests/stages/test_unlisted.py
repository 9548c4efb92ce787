"""Groups where clusters are too dense for their pairs to be listed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rows import all_pairs, close_rows

from oneofeach import kernels
from oneofeach.stages.grouping import keeper_first, unlisted
from oneofeach.stages.neighbors import Bounded, bounded, neighbors
from oneofeach.stages.sequence import in_sequence
from oneofeach.tables import EVIDENCE, Mask, Pairs

THRESHOLDS = st.sampled_from([0.0, 0.9, 0.95])


@dataclass(frozen=True)
class Asked:
    """Similarity by a symmetric hash of the rows, so that it has little to do with the distance."""

    near: Bounded
    salt: int

    @property
    def dense(self) -> Mask:
        return self.near.dense

    def around(self, row: int) -> np.ndarray:
        return self.near.around(row)

    def similarity(self, row: int, others: np.ndarray) -> np.ndarray:
        similarity = measured(np.full(len(others), row), others, self.salt)
        return np.where(np.isin(others, self.around(row)), similarity, 0.0)


def measured(i: np.ndarray, j: np.ndarray, salt: int) -> np.ndarray:
    low, high = np.minimum(i, j), np.maximum(i, j)
    return np.array([0.8, 0.9, 0.95, 0.95, 1.0])[(low * 7919 + high * 104729 + salt) % 31 % 5]


def pairs_of(i: np.ndarray, j: np.ndarray, same: np.ndarray, salt: int) -> Pairs:
    return Pairs(0.8, i, j, measured(i, j, salt), np.zeros(len(i), EVIDENCE), same)


@given(st.integers(0, 2**32), st.integers(0, 80), st.integers(0, 12), st.integers(0, 300), st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_groups_are_the_same_as_if_all_pairs_were_listed(
    monkeypatch: pytest.MonkeyPatch, seed: int, n: int, radius: int, limit: int, data: st.DataObject
) -> None:
    decide, threshold = data.draw(st.sampled_from([keeper_first, in_sequence])), data.draw(THRESHOLDS)
    rng = np.random.default_rng(seed)
    bits = close_rows(seed, n, 8)
    same = np.arange(n)
    for row in np.flatnonzero(rng.random(n) < 0.2):
        same[row] = same[rng.integers(0, row + 1)]
    first = np.flatnonzero(same == np.arange(n))
    order, readable = rng.permutation(n), rng.random(n) < 0.95
    i, j, _ = neighbors(bits[first], radius)
    monkeypatch.setattr(unlisted, "AT_ONCE", int(rng.choice([0, 4, 4096])))
    listed = pairs_of(first[i], first[j], same, seed)
    near = bounded(first, bits[first], n, radius, limit)
    assert len(near.i) <= limit
    some = replace(pairs_of(near.i, near.j, same, seed), unlisted=Asked(near, seed))
    expected, groups = (decide(order, pairs, readable, threshold) for pairs in (listed, some))
    assert groups.keeper.tolist() == expected.keeper.tolist()
    assert groups.similarity.tolist() == expected.similarity.tolist()


@given(st.integers(0, 2**32), st.integers(0, 60), st.integers(-1, 12), st.integers(0, 200), st.booleans())
@settings(deadline=None)
def test_listed_pairs_and_what_is_around_dense_rows_are_all_pairs(
    seed: int, n: int, radius: int, limit: int, twice: bool
) -> None:
    """Some rows have two keys: they are near when any of their keys are."""
    bits = close_rows(seed, 2 * n if twice else n, 8)
    of = np.random.default_rng(seed).permutation(np.arange(len(bits)) % max(n, 1))
    near = bounded(of, bits, n, radius, limit)
    found = set(zip(near.i.tolist(), near.j.tolist(), strict=True))
    assert len(near.i) == len(found) <= limit
    for row in np.flatnonzero(near.dense).tolist():
        around = near.around(row)
        assert near.dense[around].all()
        found |= {(min(row, other), max(row, other)) for other in around.tolist()}
    ends = {tuple(sorted((int(of[a]), int(of[b])))) for a, b, _ in all_pairs(bits, radius)}
    assert found == {(a, b) for a, b in ends if a != b}


@given(st.integers(0, 2**32), st.integers(0, 60), st.integers(0, 60), st.integers(-1, 12), st.integers(0, 100))
@settings(deadline=None)
def test_listed_pairs_and_what_is_around_dense_rows_are_all_pairs_of_two_tables(
    seed: int, ours: int, theirs: int, radius: int, limit: int
) -> None:
    """Some rows have two keys; rows of one table never meet."""
    bits, n = close_rows(seed, ours + theirs, 8), max(1, (ours + theirs) // 2)
    rng = np.random.default_rng(seed)
    of = np.concatenate([rng.integers(0, n, ours), n + rng.integers(0, n, theirs)])
    near = bounded(of, bits, 2 * n, radius, limit, split=ours)
    found = set(zip(near.i.tolist(), near.j.tolist(), strict=True))
    assert len(near.i) == len(found) <= limit
    for row in np.flatnonzero(near.dense).tolist():
        around = near.around(row)
        assert near.dense[around].all()
        assert ((around < n) != (row < n)).all()
        found |= {(min(row, other), max(row, other)) for other in around.tolist()}
    assert found == {(int(of[a]), int(of[ours + b])) for a, b, _ in all_pairs(bits[:ours], radius, bits[ours:])}


@pytest.mark.parametrize("kernel", ["compiled", "numpy"])
def test_which_rows_are_dense_does_not_depend_on_threads(kernel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if kernel == "numpy":
        monkeypatch.setattr(kernels, "compiled", None)
    bits = close_rows(9, 3000, 8)
    bits[:1000] ^= np.packbits(np.random.default_rng(1).random((1000, 64)) < 0.01, axis=1)
    results = [bounded(np.arange(3000), bits, 3000, 8, 5_000, workers) for workers in (1, 2, 7)]
    assert results[0].dense.any()
    for other in results[1:]:
        assert np.array_equal(other.dense, results[0].dense)
        assert np.array_equal(other.i, results[0].i)
        assert np.array_equal(other.j, results[0].j)


@pytest.mark.parametrize("kernel", ["compiled", "numpy"])
def test_unless_all_pairs_are_listed_no_row_lists_many(kernel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to three bits of one center are flipped, so that a row is near some of the others and far from some."""
    if kernel == "numpy":
        monkeypatch.setattr(kernels, "compiled", None)
    flips = np.argsort(np.random.default_rng(0).random((4000, 64)), axis=1) < np.arange(4000)[:, None] % 4
    bits = np.packbits(flips, axis=1)
    near = bounded(np.arange(4000), bits, 4000, 3, limit=3_000_000)
    degree = np.bincount(np.concatenate([near.i, near.j]), minlength=4000)
    assert near.dense.any()
    assert degree[~near.dense].max(initial=0) <= 1024


def test_a_row_that_many_share_lists_no_pairs_among_them() -> None:
    bits = close_rows(2, 300, 8)
    bits[:200] = bits[0]
    near = bounded(np.arange(300), bits, 300, 4, limit=5_000)
    assert near.dense[:200].all()
    assert not (near.dense[near.i] & near.dense[near.j]).any()
    assert set(range(1, 200)) <= set(near.around(0).tolist())
