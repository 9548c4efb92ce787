"""What the page sends, field by field: as it is meant to be, or refused."""

from __future__ import annotations

from typing import Any

from oneofeach.apps.review.views import FILTERS
from oneofeach.errors import OneOfEachError

LONGEST = 100_000  # characters of a caption

Fields = dict[str, Any]


class Wrong(OneOfEachError):
    """A field that the page would never send."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Unexpected value: {name}\nReload the page.")


def number_in(fields: Fields, name: str, default: int | None = None) -> int:
    """A whole number, as JSON or as text. Without a default it has to be there."""
    value = fields.get(name, default)
    if isinstance(value, str) and value.removeprefix("-").isdecimal() and len(value) < 19:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 62:
        return value
    raise Wrong(name)


def text_in(fields: Fields, name: str, default: str = "") -> str:
    """Text that can be stored."""
    value = fields.get(name, default)
    if not isinstance(value, str) or len(value) > LONGEST:
        raise Wrong(name)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise Wrong(name) from None
    return value


def view_in(fields: Fields) -> str:
    """The filter of a list."""
    found = text_in(fields, "filter", "all")
    if found not in FILTERS:
        raise Wrong("filter")
    return found
