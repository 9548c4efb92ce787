"""How to join: which bands of bits to look rows up by, chosen by what it will cost on a sample of the rows.

Multi-index hashing (Norouzi, Punjani, Fleet 2014): if the limits t of disjoint bands fulfil sum(t + 1) > radius, two
rows within the radius differ in at most t bits in one of the bands. Limits are searched in pairs of bands too: rows
found by a band differ in at most own + partner + 1 bits in it and its partner, which leaves few to compare in full.
One band without bits is brute force: it finds everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate
from math import comb
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oneofeach.kernels.bands import Band, Positions, Words, paired

SAMPLE = 2_500_000  # bits of pairs of rows
FINALISTS = 4  # plans tried on the sample
WIDEST = 22  # bits of a band: its table has 2 ** bits places
MOST_PROBES = 20_000
CHEAP = 5e6  # nanoseconds: below, no plan is better than the one at hand


class Costs(NamedTuple):
    """Nanoseconds, measured: a row put into the table of a band; a bucket looked up (and a fourth of it for each that
    the table has); a row that meets a bucket; a candidate compared by a few bits; in full, per word."""

    row: float
    lookup: float
    visit: float
    short: float
    long: float


COMPILED = Costs(40, 4, 1.5, 0.25, 0.5)
NUMPY = Costs(150, 15, 0, 10, 25)


class Size(NamedTuple):
    left: int
    right: int  # 0: left is joined with itself

    @property
    def pairs(self) -> float:
        return self.left * self.right if self.right else self.left * (self.left - 1) / 2


def everything() -> list[Band]:
    """Brute force."""
    return paired([np.zeros(0, np.uint16)], [0])


def choose(left: Words, right: Words | None, bits: int, radius: int, costs: Costs) -> list[Band]:
    """The cheapest bands that leave no pair within the radius unfound."""
    size = Size(len(left), 0 if right is None else len(right))
    brute = size.pairs * costs.long * left.shape[1]
    if brute < CHEAP or radius >= bits:
        return everything()
    ranked = sorted((cost, bands, width) for cost, bands, width in _shapes(size, bits, radius, costs) if cost < brute)
    different = _sampled_differences(left, left if right is None else right)[:bits]
    best, cheapest = everything(), brute
    for _, bands, width in ranked[:FINALISTS]:
        for positions in _layouts(different, bands, width):
            cost, limits = _limits(different, positions, radius, size, costs)
            if cost < cheapest:
                best, cheapest = paired(positions, limits), cost
    return best


def _shapes(size: Size, bits: int, radius: int, costs: Costs) -> Iterator[tuple[float, int, int]]:
    """(cost if all bits were independent and even, bands, width) of plans worth a look."""
    for bands in range(1, min(radius + 1, bits // 4) + 1):
        extra = radius + 1 - bands
        limits = [extra // bands + (band < extra % bands) for band in range(bands)]
        widest = min(bits // bands, WIDEST)
        for width in range(max(4, widest - 6), widest + 1):
            shares = [_ball(width, limit) / 2**width for limit in limits]
            if limits[0] < width and _ball(width, limits[0]) <= MOST_PROBES:
                yield _cost(size, [width] * bands, limits, shares, costs), bands, width


@cache
def _ball(width: int, limit: int) -> int:
    """How many keys are within `limit` bits of one."""
    return sum(comb(width, flips) for flips in range(limit + 1))


def _cost(size: Size, widths: Sequence[int], limits: Sequence[int], shares: Sequence[float], costs: Costs) -> float:
    """Nanoseconds; shares: of all pairs, those that each band makes candidates."""
    total = 0.0
    lone = len(widths) - 1 if len(widths) % 2 else -1
    for band, (width, limit, share) in enumerate(zip(widths, limits, shares, strict=True)):
        total += costs.row * (size.left + size.right) + costs.lookup * 2**width / 4
        probes = _ball(width, limit) * (1.0 if size.right else 0.5)
        total += probes * (costs.lookup * min(2**width, size.left) + costs.visit * size.left)
        total += size.pairs * share * (costs.long if band == lone else costs.short)
    return total


def _sampled_differences(left: Words, right: Words) -> npt.NDArray[np.uint8]:
    """uint8[64 words, pairs]: 1 where the bits of two rows differ."""
    rng = np.random.default_rng(0)
    count = SAMPLE // (64 * left.shape[1])
    a, b = (rows[rng.integers(0, len(rows), count)] for rows in (left, right))
    return np.ascontiguousarray(np.unpackbits((a ^ b).view(np.uint8), axis=1, bitorder="little").T)


def _layouts(different: npt.NDArray[np.uint8], bands: int, width: int) -> Iterator[list[Positions]]:
    """Bits side by side, and bits spread over the bands; those that tell rows apart best where not all have a place."""
    even = np.minimum(different.mean(1), 1 - different.mean(1))
    spare = len(different) - bands * width
    widths = [width + (width < WIDEST and spare < bands and band < spare) for band in range(bands)]
    used = np.sort(np.argsort(-even, kind="stable")[: sum(widths)]).astype(np.uint16)
    ends = list(accumulate(widths))
    for order in (used, np.concatenate([used[band::bands] for band in range(bands)])):
        yield [order[end - size : end] for end, size in zip(ends, widths, strict=True)]


def _limits(
    different: npt.NDArray[np.uint8], positions: Sequence[Positions], radius: int, size: Size, costs: Costs
) -> tuple[float, list[int]]:
    """The limits that cost least, raised one at a time where it costs least, and their cost."""
    widths = [len(own) for own in positions]
    shares = [_shares(different[own]) for own in positions]
    curves = [_curve(size, share, costs) for share in shares]
    limits = [0] * len(positions)
    for _ in range(radius + 1 - len(positions)):
        rise = [curve[limit + 1] - curve[limit] for curve, limit in zip(curves, limits, strict=True)]
        band = int(np.argmin(rise))
        if rise[band] == np.inf:
            return np.inf, limits
        limits[band] += 1
    chosen = [share[limit] for share, limit in zip(shares, limits, strict=True)]
    return _cost(size, widths, limits, chosen, costs), limits


def _curve(size: Size, shares: Sequence[float], costs: Costs) -> list[float]:
    """The cost of one band by its limit, infinite where it does not make sense."""
    width = len(shares) - 1
    most = next((limit for limit in range(width) if _ball(width, limit) > MOST_PROBES), width)
    costs_of = [_cost(size, [width] * 2, [limit, 0], [shares[limit], 0.0], costs) for limit in range(most)]
    return [*costs_of, np.inf, np.inf]


def _shares(different: npt.NDArray[np.uint8]) -> list[float]:
    """By limit: the share of sampled pairs within it in a band, not less than independent even bits would give."""
    width, count = different.shape
    within = np.cumsum(np.bincount(different.sum(0, dtype=np.uint8), minlength=width + 1)) / count
    return [max(float(within[limit]), _ball(width, limit) / 2**width) for limit in range(width + 1)]
