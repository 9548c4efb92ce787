"""Words for people: names made harmless, counts with their nouns, sizes in bytes."""

from __future__ import annotations


def printable(text: str) -> str:
    """`text` on one line: names of files may hold line breaks, control characters and what no encoding can carry."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def counted(count: float, noun: str) -> str:
    """1 image, 2,000 images."""
    return f"{count:,.0f} {noun}{'' if count == 1 else 's'}"


def size(count: float) -> str:
    """A number of bytes: 12.3 MB."""
    if count < 1000:
        return counted(count, "byte")
    for unit in ("kB", "MB", "GB"):
        count /= 1000
        if count < 1000:
            return f"{count:.1f} {unit}"
    return f"{count / 1000:,.1f} TB"
