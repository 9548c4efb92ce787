"""Items → descriptions: load, decode and fingerprint a chunk of images. This is the function that engines run.

Whatever goes wrong with an image becomes its description's error; equal bytes are decoded once.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from threading import Lock

import numpy as np

from oneofeach.errors import UnreadableImage
from oneofeach.plugins import Fingerprint
from oneofeach.stages.decode import Loaded, decode, load
from oneofeach.tables import FACTS, Description, Item


class Seen:
    """Contents met in this run → their description to be; the first thread to claim a content decodes it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._claims: dict[bytes, Future[Description]] = {}

    def claim(self, content: bytes) -> tuple[Future[Description], bool]:
        """The future of this content, and whether the caller is the one who has to fulfil it."""
        with self._lock:
            first = content not in self._claims
            return self._claims.setdefault(content, Future()), first


def describe_chunk(items: Sequence[Item], *, method: Fingerprint, seen: Seen) -> list[Description]:
    """One description per item, in the same order."""
    return [_describe(item, method, seen) for item in items]


def failed(item: Item, method: Fingerprint, error: str) -> Description:
    """The description of an image that could not be read."""
    return _dated(item, _described(_no_facts(), method, error=error))


def _describe(item: Item, method: Fingerprint, seen: Seen) -> Description:
    if item.error:
        return failed(item, method, item.error)
    try:
        loaded = load(item.source)
    except (UnreadableImage, OSError) as error:
        return failed(item, method, _reason(error))
    if not any(loaded.content):
        return _dated(item, _decode(loaded, method))
    future, first = seen.claim(loaded.content)
    if first:
        try:
            future.set_result(_decode(loaded, method))
        except BaseException as error:
            future.set_exception(error)
            raise
    return _dated(item, future.result())


def _decode(loaded: Loaded, method: Fingerprint) -> Description:
    try:
        decoded = decode(loaded, min_side=method.min_side)
        bits, descriptors = method.describe([decoded.picture])
    except Exception as error:  # decoders raise whatever they like; one bad image must never end a run
        facts = _no_facts()
        facts["content"] = np.frombuffer(loaded.content, np.uint8)
        facts["bytes"] = loaded.size
        return _described(facts, method, error=_reason(error))
    return Description(decoded.facts, bits[0], descriptors[0], decoded.note)


def _no_facts() -> np.void:
    record: np.void = np.zeros(1, FACTS)[0]
    return record


def _described(facts: np.void, method: Fingerprint, error: str) -> Description:
    bits, descriptor = np.zeros(method.bits // 8, np.uint8), np.zeros(method.descriptor_bytes, np.uint8)
    return Description(facts, bits, descriptor, error=error)


def _dated(item: Item, description: Description) -> Description:
    facts = description.facts.copy()
    facts["mtime_ns"] = max(item.mtime_ns, 0)
    if item.size >= 0 and not facts["bytes"]:
        facts["bytes"] = item.size
    return replace(description, facts=facts)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be opened: {error.strerror}"
    text = " ".join(str(error).split()) or type(error).__name__
    return text if isinstance(error, UnreadableImage) else f"cannot be decoded: {text}"
