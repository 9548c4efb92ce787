from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneofeach.errors import UnsupportedInput
from oneofeach.kernels.neighbors_numpy import ones, ones_by_table
from oneofeach.stages.neighbors import neighbors


def by_definition(left: np.ndarray, radius: int, right: np.ndarray | None = None) -> list[tuple[int, int, int]]:
    """Every pair compared bit by bit."""
    other = left if right is None else right
    pairs = ((i, j) for i in range(len(left)) for j in range(i + 1 if right is None else 0, len(other)))
    counted = ((i, j, int(np.unpackbits(left[i] ^ other[j]).sum())) for i, j in pairs)
    return [pair for pair in counted if pair[2] <= radius]


def listed(left: np.ndarray, radius: int, right: np.ndarray | None = None) -> list[tuple[int, int, int]]:
    i, j, distance = neighbors(left, radius, right)
    assert (i.dtype, j.dtype, distance.dtype) == (np.int64, np.int64, np.uint16)
    return list(zip(i.tolist(), j.tolist(), distance.tolist(), strict=True))


def close_rows(seed: int, n: int, width: int) -> np.ndarray:
    """Few centers with some bits flipped, so that all distances occur; some rows are equal."""
    rng = np.random.default_rng(seed)
    centers = rng.integers(0, 256, (max(1, n // 5), width), np.uint8)
    flips = rng.random((n, width * 8)) < rng.choice([0.0, 0.02, 0.1, 0.5], (n, 1))
    return centers[rng.integers(0, len(centers), n)] ^ np.packbits(flips, axis=1)


@given(st.integers(0, 2**32), st.integers(0, 30), st.integers(1, 20), st.integers(-1, 40))
def test_a_self_join_lists_every_pair_within_the_radius(seed: int, n: int, width: int, radius: int) -> None:
    bits = close_rows(seed, n, width)
    assert listed(bits, radius) == by_definition(bits, radius)


@given(st.integers(0, 2**32), st.integers(0, 20), st.integers(0, 20), st.integers(1, 20), st.integers(-1, 40))
def test_a_join_against_another_table_lists_every_pair(seed: int, n: int, k: int, width: int, radius: int) -> None:
    bits = close_rows(seed, n + k, width)
    assert listed(bits[:n], radius, bits[n:]) == by_definition(bits[:n], radius, bits[n:])


def test_counting_by_table_equals_the_instruction() -> None:
    values = np.random.default_rng(0).integers(0, 2**64, (50, 3), np.uint64)
    assert (ones_by_table(values) == ones(values)).all()
    assert ones_by_table(values).dtype == np.uint8


@pytest.mark.parametrize("wrong", [np.zeros((3, 8)), np.zeros(3, np.uint8), [[1, 2]], np.zeros((3, 8), bool)])
def test_what_is_no_table_of_bytes_is_refused(wrong: object) -> None:
    with pytest.raises(UnsupportedInput, match=r"bits must be a uint8 array.*\nPack true/false bits"):
        neighbors(wrong, 3)  # type: ignore[arg-type]


def test_tables_of_different_width_are_refused() -> None:
    with pytest.raises(UnsupportedInput, match="bits have 8 bytes per row, against has 16"):
        neighbors(np.zeros((1, 8), np.uint8), 3, np.zeros((1, 16), np.uint8))


def test_no_rows_have_no_pairs() -> None:
    assert listed(np.zeros((0, 0), np.uint8), 8) == []
