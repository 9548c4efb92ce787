"""Plain arguments of a command → what it is called with, without Typer, whose start can take longer than the command.

Whatever is not plain (help, mistakes, unusual spelling) gives None, and Typer reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from inspect import Parameter, signature
from typing import Any, get_args

from typer.models import ArgumentInfo


class _NotPlain(Exception):
    pass


def arguments_of(command: Callable[..., None], given: list[str]) -> dict[str, Any] | None:
    """Every keyword of the command and its value, as Typer would give them; None: for Typer to read."""
    parameters = list(signature(command).parameters.values())
    values = {one.name: one.default for one in parameters}
    options = {name: one for one in parameters for name in _names(one)}
    places = [one for one in parameters if _is_argument(one)]
    words = iter(given)
    try:
        for word in words:
            if word.startswith("-"):
                _take(options, word, words, values)
            else:
                (place,) = places
                values[place.name] = [*(values[place.name] or ()), word]
    except (_NotPlain, ValueError):
        return None
    return None if Parameter.empty in values.values() else values


def _is_argument(one: Parameter) -> bool:
    return isinstance(_told(one), ArgumentInfo)


def _told(one: Parameter) -> Any:
    """What `Annotated` says of a parameter."""
    return get_args(one.annotation)[-1]


def _kind(one: Parameter) -> Any:
    """The type of a parameter; of one that may be None, the other one."""
    kinds = get_args(get_args(one.annotation)[0]) or (get_args(one.annotation)[0],)
    return next(kind for kind in kinds if kind is not type(None))


def _names(one: Parameter) -> tuple[str, ...]:
    if _is_argument(one):
        return ()
    told = _told(one)  # inside Annotated, the first name stands where the default would be
    names = tuple(name for name in (told.default, *(told.param_decls or ())) if isinstance(name, str))
    return names or ("--" + one.name.replace("_", "-"),)


def _take(options: dict[str, Parameter], word: str, words: Iterator[str], values: dict[str, Any]) -> None:
    """Note an option and its value, which may be the next word."""
    name, equals, value = word.partition("=")
    one = options.get(name)
    if one is None or (equals and not name.startswith("--")):
        raise _NotPlain
    kind = _kind(one)
    if kind is bool:
        if equals:
            raise _NotPlain
        values[one.name] = True
        return
    value = value if equals else next(words, "-")
    if value.startswith("-"):
        raise _NotPlain
    if kind is int:
        values[one.name] = _whole(value, _told(one).min)
    else:
        values[one.name] = value if kind is str else [*(values[one.name] or ()), value]


def _whole(value: str, least: float | None) -> int:
    if not (value.isascii() and value.isdecimal()) or int(value) < (least or 0):
        raise _NotPlain
    return int(value)
