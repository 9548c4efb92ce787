"""One step of a plan: what is to happen to which file, and why; and its JSON object, as plans and journals hold it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from json import JSONEncoder
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any

_ENCODER = JSONEncoder(ensure_ascii=False)
_ASCII = JSONEncoder()


@dataclass(frozen=True, slots=True)
class File:
    """A file as the plan saw it. content: SHA-256 in hexadecimal. target: where it goes, empty when nowhere.

    shared: other images that a sidecar also belongs to; it stays while one of them is there.
    """

    path: str
    size: int
    mtime_ns: int
    content: str
    target: str = ""
    shared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One image that goes, with its sidecars, and the file that stays in its place."""

    action: str
    file: File
    keeper: File
    sidecars: tuple[File, ...] = ()
    similarity: float = 1.0
    rule: str = ""
    reason: str = ""

    @property
    def tier(self) -> str:
        if self.file.content == self.keeper.content:
            return "same bytes"
        return "same pixels" if self.similarity == 1.0 else "similar"

    @property
    def files(self) -> tuple[File, ...]:
        return (self.file, *self.sidecars)


@dataclass(frozen=True, slots=True)
class Caption:
    """The keeper's caption is to read `text`. before: what it reads now, None when there is none yet.

    sources: the captions of duplicates that went into the text; keeper: the path of the image.
    """

    file: File
    keeper: str
    text: str
    before: str | None
    sources: tuple[File, ...] = ()
    rule: str = ""

    action = "caption"


def line_of(step: Step | Caption) -> bytes:
    """A step as the JSON object of its line, without the end of the line; see `encoded`."""
    try:
        return _line(step, _ENCODER, encode_basestring).encode()
    except UnicodeEncodeError:
        return _line(step, _ASCII, encode_basestring_ascii).encode()


def _line(step: Step | Caption, encoder: JSONEncoder, text: Callable[[str], str]) -> str:
    """A Step by hand: there is one for every file that goes, and dictionaries would take three times as long."""
    if isinstance(step, Caption):
        record = {"action": "caption", "source": step.file.path, **_seen(step.file), "keeper": step.keeper}
        sources = [{"path": file.path, **_seen(file)} for file in step.sources]
        return encoder.encode(
            {**record, "rule": step.rule, "before": step.before, "text": step.text, "sources": sources}
        )
    file, kept = step.file, step.keeper
    sidecars = [{"source": f.path, "target": f.target, **_seen(f), "shared": f.shared} for f in step.sidecars]
    return (
        f'{{"action": {text(step.action)}, "source": {text(file.path)}, "target": {text(file.target)}, '
        f'"size": {file.size:d}, "mtime_ns": {file.mtime_ns:d}, "content": {text(file.content)}, '
        f'"keeper": {{"path": {text(kept.path)}, "size": {kept.size:d}, "mtime_ns": {kept.mtime_ns:d}, '
        f'"content": {text(kept.content)}}}, '
        f'"similarity": {encoder.encode(step.similarity) if step.similarity != 1.0 else 1.0}, "tier": "{step.tier}", '
        f'"rule": {text(step.rule)}, "reason": {text(step.reason)}, '
        f'"sidecars": {encoder.encode(sidecars) if sidecars else "[]"}}}'
    )


def step_from(record: Mapping[str, Any]) -> Step | Caption:
    """The step of a JSON object. ValueError when it is none, with words for a person."""
    action, file, rule = value(record, "action", str), _file(record, "source"), value(record, "rule", str)
    if action == "caption":
        sources = tuple(_file(source, "path") for source in value(record, "sources", list))
        before = None if record.get("before", "") is None else value(record, "before", str)
        return Caption(file, value(record, "keeper", str), value(record, "text", str), before, sources, rule)
    sidecars = tuple(_file(sidecar, "source") for sidecar in value(record, "sidecars", list))
    keeper = _file(value(record, "keeper", dict), "path")
    similarity = float(value(record, "similarity", (int, float)))
    return Step(action, file, keeper, sidecars, similarity, rule, value(record, "reason", str))


def value(record: Any, name: str, kind: type | tuple[type, ...]) -> Any:
    """What stands under a name in a JSON object. ValueError when there is nothing, or something of another kind."""
    if not isinstance(record, dict) or name not in record:
        raise ValueError(f"{name!r} is missing")
    found = record[name]
    if not isinstance(found, kind) or isinstance(found, bool):
        raise ValueError(f"{name!r} is {json.dumps(found)[:60]} instead of {_KINDS[kind]}")
    if isinstance(found, str) and "\0" in found and name not in ("text", "before"):
        raise ValueError(f"{name!r} holds a character that no path can have: {json.dumps(found)[:60]}")
    return found


_KINDS = {str: "a text", int: "a whole number", (int, float): "a number", list: "a list", dict: "an object"}


def encoded(record: Any) -> bytes:
    """A JSON line in UTF-8 without its end. A file name that is no Unicode is escaped and comes back unharmed."""
    try:
        return _ENCODER.encode(record).encode()
    except UnicodeEncodeError:
        return _ASCII.encode(record).encode()


def _seen(file: File) -> dict[str, Any]:
    return {"size": file.size, "mtime_ns": file.mtime_ns, "content": file.content}


def _file(record: Any, name: str) -> File:
    """The file of a JSON object, which has its path under this name."""
    path, content = value(record, name, str), value(record, "content", str)
    size, mtime_ns = value(record, "size", int), value(record, "mtime_ns", int)
    shared = value(record, "shared", list) if "shared" in record else ()
    return File(path, size, mtime_ns, content, str(record.get("target", "")), tuple(map(str, shared)))
