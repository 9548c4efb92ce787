"""What the keeper's caption shall read: its own, the longest of the group, or all their tags merged. Pure text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from oneofeach.captions import CAPTION_EXTENSIONS
from oneofeach.errors import InvalidRule


def is_caption(path: str) -> bool:
    return path.lower().endswith(CAPTION_EXTENSIONS)


def caption_rule(name: str) -> Callable[[str, Sequence[str]], str]:
    """The rule of that name: (keeper's caption, captions of its duplicates) → the caption to keep. InvalidRule."""
    try:
        return RULES[name]
    except KeyError:
        raise InvalidRule(f"Unknown caption rule: {name}\nChoose one of: {', '.join(RULES)}.") from None


def own(keeper: str, others: Sequence[str]) -> str:
    return keeper


def longest(keeper: str, others: Sequence[str]) -> str:
    """The one with the most characters, spaces around it not counted; the keeper's, then the first, wins a tie."""
    return max([keeper, *others], key=lambda text: len(text.strip()))


def merge_tags(keeper: str, others: Sequence[str]) -> str:
    """The keeper's comma-separated tags, then new ones in order; compared without case and surrounding spaces.

    A caption that gains no tag stays as it is, to the letter; a line break at its end is kept.
    """
    tags = [tag.strip() for tag in keeper.split(",") if tag.strip()]
    seen = {tag.casefold() for tag in tags}
    new: list[str] = []
    for tag in (tag.strip() for text in others for tag in text.split(",")):
        if tag and tag.casefold() not in seen:
            seen.add(tag.casefold())
            new.append(tag)
    if not new:
        return keeper
    return ", ".join(tags + new) + keeper[len(keeper.rstrip("\r\n")) :]


RULES: dict[str, Callable[[str, Sequence[str]], str]] = {
    "own": own,
    "longest": longest,
    "merge-tags": merge_tags,
}
