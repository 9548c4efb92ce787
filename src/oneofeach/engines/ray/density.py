"""Which search keys are too dense for the pairs of their rows to be listed: a sample of all rows tells.

A picture in 50,000 versions has 1,250 million pairs; who goes for whom takes those of the few that stay. So pairs of
two dense keys are measured where they decide (crowd.py). Any choice of keys leads to the same result: a sample will do.
Images that are only compared with are never dense: their pairs with the others are all asked for.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from oneofeach.engines.ray.keyed import NONE, Keyed, keyed, keyed_block
from oneofeach.engines.ray.keys import sample_part, sampled_one_in
from oneofeach.engines.ray.parts import WIDE_GROUP, Counts, concatenated, encoded, read
from oneofeach.engines.ray.settings import SUFFIX, Settings
from oneofeach.kernels.bands import Words, words_of
from oneofeach.stages.neighbors import neighbors
from oneofeach.tables import Bytes, Rows

FEWEST = 8  # neighbors in the sample: fewer may be there by chance
AT_ONCE = 4_000_000  # pairs of keys that are counted together
FIRST = 1024  # keys that are joined to learn how many neighbors there are


def sampled_part(settings: Settings) -> str:
    return f"{settings.folder}/sampled/00000{SUFFIX}"


def density_part(settings: Settings, block: int) -> str:
    return f"{settings.folder}/density/{block:05}{SUFFIX}"


def dense_part(settings: Settings) -> str:
    return f"{settings.folder}/dense/00000{SUFFIX}"


def gather_sampled(settings: Settings) -> Counts:
    """Bits of the rows of the sample that have many neighbors in it, where all pairs are too many to be listed."""
    began, one_in = time.process_time(), sampled_one_in(settings)
    bits = _sample(settings)
    sample = keyed(settings.method, bits)
    near = _neighbors(sample, sample, settings)
    pairs = float((near - 1) @ sample.sizes) * one_in**2 / 2
    crowded = np.unique(sample.of[np.repeat((near >= _fewest(settings)) & (pairs > settings.listed), sample.sizes)])
    counts: Counts = {"rows": len(crowded), "seconds": time.process_time() - began}
    settings.store.write(sampled_part(settings), encoded({"bits": bits[crowded]}, counts))
    return counts


def gather_density(settings: Settings, block: int) -> Counts:
    """How the keys of a block begin that have many neighbors in the sample."""
    began, method = time.process_time(), settings.method
    bits = read(settings.store, sampled_part(settings), "bits")[0]
    left, sample = keyed_block(settings, block), keyed(method, bits)
    dense = _neighbors(left, sample, settings) >= _fewest(settings)
    counts: Counts = {"rows": int(dense.sum()), "seconds": time.process_time() - began}
    data = encoded({"word": words_of(left.keys)[dense, 0]}, counts, WIDE_GROUP)
    settings.store.write(density_part(settings, block), data)
    return counts


def choose_dense(settings: Settings, parts: tuple[str, ...]) -> Counts:
    """Unite what the blocks found."""
    began = time.process_time()
    words = np.unique(concatenated([read(settings.store, part, "word") for part in parts], [NONE])[0])
    counts: Counts = {"rows": len(words), "seconds": time.process_time() - began}
    settings.store.write(dense_part(settings), encoded({"word": words}, counts, WIDE_GROUP))
    return counts


def dense_words(settings: Settings) -> Words:
    """uint64[d]: what dense keys begin with."""
    words: Words = read(settings.store, dense_part(settings), "word")[0]
    return words


def _sample(settings: Settings) -> Bytes:
    """Bits of the sampled rows, copies left out."""
    batches = [read(settings.store, sample_part(block), "bits", "digest") for block in range(settings.blocks)]
    bits, digests = concatenated(batches, [])
    _, first = np.unique(digests.copy().view(f"S{digests.shape[1]}")[:, 0], return_index=True)
    picked: Bytes = bits[first]
    return picked


def _fewest(settings: Settings) -> int:
    return max(FEWEST, settings.dense_row // sampled_one_in(settings))


def _neighbors(left: Keyed, sample: Keyed, settings: Settings) -> Rows:
    """int64[k]: for each key of `left`, the rows of the sample with a key within the radius."""
    near, radius = np.zeros(len(left.keys), np.int64), settings.method.radius(settings.floor)
    for some in _slices(left, sample, radius):
        one, other, _ = neighbors(left.keys[some], radius, sample.keys, workers=1)
        near[some] = np.bincount(one, sample.sizes[other], len(some))
    return near


def _slices(left: Keyed, sample: Keyed, radius: int) -> Iterator[Rows]:
    """The numbers of all keys, in parts of which each has about AT_ONCE neighbors; a first, small one tells."""
    every = np.arange(len(left.keys))
    few = every[:: max(1, len(every) // FIRST)]
    found = len(neighbors(left.keys[few], radius, sample.keys, workers=1)[0]) / max(1, len(few))
    parts = 1 + int(found * len(every) / AT_ONCE)
    for part in range(parts):
        yield every[part::parts]
