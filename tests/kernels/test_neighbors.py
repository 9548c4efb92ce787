from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rows import all_pairs, close_rows

from oneofeach import kernels
from oneofeach.kernels import neighbors_compiled, neighbors_numpy
from oneofeach.kernels.bands import Band, paired, words_of
from oneofeach.kernels.neighbors import join

NO_BITS = np.zeros(0, np.uint16)
ANY_KERNEL = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


@pytest.fixture(params=["numpy", "portable", "avx2", "avx512"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Every kernel that this machine can run."""
    if request.param == "numpy":
        monkeypatch.setattr(kernels, "compiled", None)
    elif kernels.compiled is None or not kernels.compiled.neighbors_has(request.param):
        pytest.skip(f"no {request.param} here")
    monkeypatch.setattr(neighbors_compiled, "INSTRUCTIONS", request.param)
    monkeypatch.setattr(neighbors_numpy, "CHUNK", 1 << 14)
    return request.param


@st.composite
def plans(draw: st.DrawFn, bits: int) -> tuple[list[Band], int]:
    """Bands anywhere in the bits, of any width and limit, and the largest radius at which they find everything."""
    count = draw(st.integers(1, min(6, bits // 4)))
    widths = [draw(st.integers(2, min(14, bits // count))) for _ in range(count)]
    limits = [draw(st.integers(0, min(3, width - 1))) for width in widths]
    places = np.array(draw(st.permutations(range(bits))), np.uint16)
    ends = np.cumsum(widths)
    positions = [places[end - width : end] for end, width in zip(ends, widths, strict=True)]
    return paired(positions, limits), sum(limits) + count - 1


@given(st.integers(0, 2**32), st.integers(1, 20), st.booleans(), st.integers(1, 3), st.data())
@ANY_KERNEL
def test_bands_find_every_pair(
    kernel: str, seed: int, width: int, itself: bool, workers: int, data: st.DataObject
) -> None:
    bits = close_rows(seed, 260, width)
    left, right = (bits, None) if itself else (bits[:150], bits[150:])
    bands, radius = data.draw(plans(width * 8))
    i, j, distance = join(words_of(left), None if right is None else words_of(right), bands, radius, workers)
    assert list(zip(i, j, distance, strict=True)) == all_pairs(left, radius, right)
    assert (i.dtype, j.dtype, distance.dtype) == (np.int64, np.int64, np.uint16)


@pytest.mark.parametrize("width", [8, 16, 24, 128])
@pytest.mark.parametrize("radius", [0, 3, 20, 64, 500, 2000])
def test_one_band_without_bits_is_brute_force(kernel: str, width: int, radius: int) -> None:
    bits = close_rows(radius, 300, width)
    bands = paired([NO_BITS], [0])
    i, j, distance = join(words_of(bits), None, bands, radius, 2)
    assert list(zip(i, j, distance, strict=True)) == all_pairs(bits, radius)


def test_a_bucket_longer_than_a_tile_is_joined_in_full(kernel: str) -> None:
    rng = np.random.default_rng(1)
    bits = np.zeros((2300, 8), np.uint8)
    bits[:, 4:] = rng.integers(0, 256, (2300, 4))
    bands = paired([np.arange(k, k + 8, dtype=np.uint16) for k in (0, 8, 16, 24)], [1, 0, 0, 0])
    i, j, distance = join(words_of(bits), None, bands, 4, 2)
    assert list(zip(i, j, distance, strict=True)) == all_pairs(bits, 4)


@pytest.mark.parametrize("width", [8, 24])
@pytest.mark.parametrize("radius", [3, 25])
def test_small_and_large_buckets_are_joined_in_full(kernel: str, width: int, radius: int) -> None:
    """By sketches of their rows, or by whole words where sketches let many pass."""
    bits = close_rows(radius, 700, width)
    for own, limit in ((4, 2), (9, 3)):
        bands = paired([np.arange(k, k + own, dtype=np.uint16) for k in range(0, 4 * own, own)], [limit] * 4)
        near = min(radius, 4 * limit + 3)
        i, j, distance = join(words_of(bits), None, bands, near, 2)
        assert list(zip(i, j, distance, strict=True)) == all_pairs(bits, near)


def test_only_pairs_of_two_dense_rows_are_left_out(kernel: str) -> None:
    bits = close_rows(3, 400, 8)
    dense = np.zeros(400, bool)
    dense[::3] = True
    bands = paired([np.arange(k, k + 8, dtype=np.uint16) for k in (0, 8, 16)], [1, 1, 1])
    i, j, distance = join(words_of(bits), None, bands, 5, 2, dense, limit=10**9)
    expected = [pair for pair in all_pairs(bits, 5) if pair[0] % 3 or pair[1] % 3]
    assert list(zip(i, j, distance, strict=True)) == expected
    assert dense.sum() == 134


def test_too_many_pairs_make_rows_dense_and_bound_the_list(kernel: str) -> None:
    bits = close_rows(4, 1500, 8)
    bits[:800] = bits[0]
    dense = np.zeros(1500, bool)
    i, j, distance = join(words_of(bits), None, paired([NO_BITS], [0]), 6, 2, dense, limit=500)
    expected = [pair for pair in all_pairs(bits, 6) if not (dense[pair[0]] and dense[pair[1]])]
    assert list(zip(i, j, distance, strict=True)) == expected
    assert len(i) < 20_000
    assert dense[:800].mean() > 0.5


def test_too_many_pairs_of_two_tables_make_rows_of_both_dense(kernel: str) -> None:
    bits = close_rows(4, 1500, 8)
    bits[:800] = bits[0]
    left, right, dense = bits[::2], bits[1::2], np.zeros(1500, bool)
    i, j, distance = join(words_of(left), words_of(right), paired([NO_BITS], [0]), 6, 2, dense, limit=500)
    expected = [pair for pair in all_pairs(left, 6, right) if not (dense[pair[0]] and dense[750 + pair[1]])]
    assert list(zip(i, j, distance, strict=True)) == expected
    assert len(i) < 20_000
    assert dense[:400].mean() > 0.5
    assert dense[750:1150].mean() > 0.5


def test_an_instruction_set_the_processor_lacks_is_refused() -> None:
    if kernels.compiled is None:
        pytest.skip("no compiled kernels here")
    assert kernels.compiled.neighbors_has("portable")
    assert not kernels.compiled.neighbors_has("abacus")
