"""What an isolated worker and its parent say to each other through pipes: a length, then so many bytes.

Answers are plain numbers and text, never pickles: a worker that a hostile file has taken over can lie about an image,
but do nothing in the parent.
"""

from __future__ import annotations

import struct
from typing import IO

import numpy as np

from oneofeach.tables import FACTS, Description

READY = b"ready"
_LENGTH = struct.Struct("<Q")
_PARTS = struct.Struct("<4I")  # bytes of bits, descriptor, note and error, which follow the facts


def write(pipe: IO[bytes], message: bytes) -> None:
    pipe.write(_LENGTH.pack(len(message)))
    pipe.write(message)
    pipe.flush()


def read(pipe: IO[bytes]) -> bytes | None:
    """The next message; None when the other side is gone."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    message = pipe.read(length)
    return message if len(message) == length else None


def pack(description: Description) -> bytes:
    parts = (
        description.bits.tobytes(),
        description.descriptor.tobytes(),
        description.note.encode(),
        description.error.encode(),
    )
    return _PARTS.pack(*map(len, parts)) + description.facts.tobytes() + b"".join(parts)


def unpack(message: bytes) -> Description | None:
    """The description that was packed; None when the message is none."""
    try:
        lengths = _PARTS.unpack_from(message)
        at = _PARTS.size + FACTS.itemsize
        facts = np.frombuffer(message[_PARTS.size : at], FACTS)[0]
        parts = []
        for length in lengths:
            parts.append(message[at : at + length])
            at += length
        if at != len(message):
            return None
        bits, descriptor = (np.frombuffer(part, np.uint8) for part in parts[:2])
        return Description(facts, bits, descriptor, parts[2].decode(), parts[3].decode())
    except (struct.error, ValueError, IndexError):
        return None
