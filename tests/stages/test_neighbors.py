from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import all_pairs, close_rows

from oneofeach import kernels
from oneofeach.errors import UnsupportedInput
from oneofeach.kernels.bands import words_of
from oneofeach.kernels.neighbors import join
from oneofeach.kernels.neighbors_numpy import ones, ones_by_table
from oneofeach.stages.neighbors import neighbors, plan


def listed(left: np.ndarray, radius: int, right: np.ndarray | None = None) -> list[tuple[int, int, int]]:
    i, j, distance = neighbors(left, radius, right)
    assert (i.dtype, j.dtype, distance.dtype) == (np.int64, np.int64, np.uint16)
    return list(zip(i.tolist(), j.tolist(), distance.tolist(), strict=True))


@given(st.integers(0, 2**32), st.integers(0, 60), st.integers(1, 20), st.integers(-1, 40))
@settings(deadline=None)
def test_a_self_join_lists_every_pair_within_the_radius(seed: int, n: int, width: int, radius: int) -> None:
    bits = close_rows(seed, n, width)
    assert listed(bits, radius) == all_pairs(bits, radius)


@given(st.integers(0, 2**32), st.integers(0, 40), st.integers(0, 40), st.integers(1, 20), st.integers(-1, 40))
@settings(deadline=None)
def test_a_join_against_another_table_lists_every_pair(seed: int, n: int, k: int, width: int, radius: int) -> None:
    bits = close_rows(seed, n + k, width)
    assert listed(bits[:n], radius, bits[n:]) == all_pairs(bits[:n], radius, bits[n:])


@given(st.integers(0, 2**32), st.sampled_from([8, 16, 32, 128]), st.integers(1, 90), st.booleans())
@settings(deadline=None, max_examples=40)
def test_every_plan_that_is_chosen_finds_every_pair(seed: int, width: int, radius: int, itself: bool) -> None:
    """Costs under which bands win over brute force, whatever they are like."""
    rng = np.random.default_rng(seed)
    costs = plan.Costs(*rng.choice([1, 30, 1000], 4), 1e5)
    bits = close_rows(seed, 500, width)
    left, right = (bits, None) if itself else (bits[:200], bits[200:])
    words = words_of(left), None if right is None else words_of(right)
    bands = plan.choose(*words, width * 8, radius, costs)
    assert sum(band.own_limit + 1 for band in bands) > radius or len(bands[0].own) == 0
    i, j, distance = join(*words, bands, radius, 2)
    assert list(zip(i, j, distance, strict=True)) == all_pairs(left, radius, right)


def test_bands_are_chosen_where_they_pay_and_brute_force_where_not() -> None:
    rng = np.random.default_rng(0)
    many = rng.integers(0, 2**64, (200_000, 1), np.uint64)
    for costs in (plan.COMPILED, plan.NUMPY):
        assert len(plan.choose(many, None, 64, 8, costs)) > 1
        assert len(plan.choose(many[:500], None, 64, 8, costs)) == 1
        assert len(plan.choose(many[:1], many, 64, 8, costs)) == 1
        assert len(plan.choose(many, None, 64, 40, costs)) == 1


def test_both_kernels_and_any_number_of_threads_list_the_same_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    bits = close_rows(5, 20_000, 8)
    bits[:300] = bits[0]
    results = [neighbors(bits, 5, workers=workers) for workers in (1, 2, 5)]
    monkeypatch.setattr(kernels, "compiled", None)
    results.append(neighbors(bits, 5, workers=2))
    assert len(results[0][0]) > 300 * 299 / 2
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_the_order_of_rows_does_not_change_which_pairs_are_found() -> None:
    bits = close_rows(6, 12_000, 16)
    shuffled = np.random.default_rng(0).permutation(len(bits))
    pairs = {(min(a, b), max(a, b), d) for a, b, d in listed(bits, 9)}
    again = {(*sorted((int(shuffled[a]), int(shuffled[b]))), d) for a, b, d in listed(bits[shuffled], 9)}
    assert pairs == again


def test_counting_by_table_equals_the_instruction() -> None:
    values = np.random.default_rng(0).integers(0, 2**64, (50, 3), np.uint64)
    assert (ones_by_table(values) == ones(values)).all()
    assert (ones_by_table(values.view(np.uint16)) == ones(values.view(np.uint16))).all()
    assert ones_by_table(values).dtype == np.uint8


@pytest.mark.parametrize("wrong", [np.zeros((3, 8)), np.zeros(3, np.uint8), [[1, 2]], np.zeros((3, 8), bool)])
def test_what_is_no_table_of_bytes_is_refused(wrong: object) -> None:
    with pytest.raises(UnsupportedInput, match=r"bits must be a uint8 array.*\nPack true/false bits"):
        neighbors(wrong, 3)  # type: ignore[arg-type]


def test_tables_of_different_width_are_refused() -> None:
    with pytest.raises(UnsupportedInput, match="bits have 8 bytes per row, against has 16"):
        neighbors(np.zeros((1, 8), np.uint8), 3, np.zeros((1, 16), np.uint8))


def test_no_rows_and_no_bits_have_no_pairs() -> None:
    assert listed(np.zeros((0, 0), np.uint8), 8) == []
    assert listed(np.zeros((0, 8), np.uint8), 8, np.zeros((2, 8), np.uint8)) == []


def test_rows_without_bits_are_all_equal() -> None:
    assert listed(np.zeros((3, 0), np.uint8), 0) == [(0, 1, 0), (0, 2, 0), (1, 2, 0)]


@pytest.mark.parametrize("wrong", [0.95, True, "8", None])
def test_a_radius_that_is_no_whole_number_is_refused(wrong: object) -> None:
    with pytest.raises(UnsupportedInput, match=r"radius must be a whole number of bits, not .*\nFor a share"):
        neighbors(np.zeros((2, 8), np.uint8), wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [-3, "x", 1.5, True, None])
def test_a_number_of_workers_that_is_none_is_refused(wrong: object) -> None:
    with pytest.raises(UnsupportedInput, match=r"Invalid number of workers: .*\nUse 1 or more, or 0"):
        neighbors(np.zeros((2, 8), np.uint8), 3, workers=wrong)  # type: ignore[arg-type]


def test_a_radius_beyond_all_bits_lists_every_pair() -> None:
    assert len(listed(close_rows(1, 10, 8), 10**12)) == 45
