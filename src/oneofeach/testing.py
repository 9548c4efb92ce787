"""Checks for authors of sources, fingerprints and engines: call one from a test; it raises AssertionError with the law
that is broken. The built-in plugins pass the same checks.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np

from oneofeach.errors import OneOfEachError
from oneofeach.plugins import Engine, Fingerprint, Source
from oneofeach.stages.decode import decode, load
from oneofeach.tables import EVIDENCE, Item, Picture


def check_source(source: Source, dataset: Any) -> list[Item]:
    """A source accepts its dataset and lists it the same way every time, under unique keys, as images or reasons.

    Returns the items. Every item pickles unless its input lives in memory.
    """
    assert source.accepts(dataset), "accepts() must be true for the dataset"
    assert not source.accepts(object()), "accepts() must be false for an arbitrary object"
    items = list(source.items(dataset))
    keys = [item.key for item in items]
    assert keys == [item.key for item in source.items(dataset)], "items() must list the same keys in the same order"
    assert len(set(keys)) == len(keys), "keys must be unique"
    for item in items:
        assert isinstance(item, Item), "items() must yield Item"
        assert item.error or _opens(item), f"{item.key}: neither an error nor something that decodes"
        if item.opener is not None:
            assert pickle.loads(pickle.dumps(item.opener)) == item.opener, f"{item.key}: the opener must pickle"
    return items


def _opens(item: Item) -> bool:
    try:
        decode(load(item.source), min_side=1)
    except OneOfEachError:
        return False
    return True


def check_fingerprint(method: Fingerprint, images: Sequence[Any]) -> None:
    """A fingerprint describes deterministically, and its similarity is symmetric, in 0..1 and bounded by its keys.

    images: at least two, anything that `decode` opens.
    """
    pictures = [decode(load(image), min_side=method.min_side).picture for image in images]
    bits, descriptors = method.describe(pictures)
    _check_shapes(method, bits, descriptors, len(pictures))
    _check_described_alike(method, pictures, bits, descriptors)
    i, j = np.triu_indices(len(pictures))
    i, j = i.astype(np.int64), j.astype(np.int64)
    similarity, evidence = method.similarity(bits, descriptors, i, j, 0.0)
    backward, _ = method.similarity(bits, descriptors, j, i, 0.0)
    assert evidence.dtype == EVIDENCE, "evidence must be a record of EVIDENCE"
    assert np.array_equal(similarity, backward), "similarity must be symmetric"
    assert ((similarity >= 0) & (similarity <= 1)).all(), "similarity must be in 0..1"
    assert (similarity[i == j] == 1).all(), "an image must have similarity 1.0 to itself"
    assert np.array_equal(similarity, similarity.round(4)), "similarity must be rounded to 4 decimals"
    _check_keys(method, bits, i, j, similarity)


def _check_shapes(method: Fingerprint, bits: Any, descriptors: Any, n: int) -> None:
    assert method.bits % 8 == 0, "bits must be a multiple of 8"
    assert bits.shape == (n, method.bits // 8), "describe() must return uint8[n, bits/8]"
    assert bits.dtype == np.uint8, "bits must be uint8"
    assert descriptors.shape == (n, method.descriptor_bytes), "describe() must return uint8[n, descriptor_bytes]"
    assert descriptors.dtype == np.uint8, "descriptors must be uint8"


def _check_described_alike(method: Fingerprint, pictures: Sequence[Picture], bits: Any, descriptors: Any) -> None:
    for row, picture in enumerate(pictures):
        alone = method.describe([picture])
        assert np.array_equal(alone[0][0], bits[row]), "bits must not depend on the batch"
        assert np.array_equal(alone[1][0], descriptors[row]), "descriptors must not depend on the batch"


def _check_keys(method: Fingerprint, bits: Any, i: Any, j: Any, similarity: Any) -> None:
    rows, keys = method.keys(bits)
    assert keys.shape[1] == method.key_bits // 8, "keys must be uint8[k, key_bits/8]"
    for a, b, value in zip(i.tolist(), j.tolist(), similarity.tolist(), strict=True):
        different = keys[rows == a][:, None] ^ keys[rows == b][None]
        distance = int(np.unpackbits(different, axis=-1).sum(axis=-1).min())
        assert distance <= method.radius(value), f"similarity {value} at key distance {distance} breaks radius()"


def check_engine(engine: Engine) -> None:
    """An engine yields one result per chunk, in order, for any number of workers, and lets exceptions through."""
    for workers in (1, 2, 5):
        assert list(engine(_squared, iter(range(40)), workers=workers)) == [number**2 for number in range(40)]
        assert list(engine(_squared, iter(()), workers=workers)) == []
        try:
            list(engine(_fails_at_3, iter(range(5)), workers=workers))
        except ZeroDivisionError:
            continue
        raise AssertionError("an exception of the function must reach the caller")


def _squared(number: int) -> int:
    return number**2


def _fails_at_3(number: int) -> float:
    return 1 / (number - 3)
