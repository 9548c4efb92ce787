"""The plan: what is to happen to which file, and why. One JSON object a line, to be read and edited by a person.

In: steps. Out: the file, and back. The first line is the header; every other line is a step; lines may be removed.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from json import JSONEncoder
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any

from oneofeach.errors import Refused
from oneofeach.writing import whole_file

VERSION = 1
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


@dataclass(frozen=True)
class Plan:
    """Steps in the order they will be taken.

    id: names the journals of this plan. roots: the folders that may be changed. protect: globs that may not.
    left: (key, reason) of duplicates that no step removes. notes: what else the reader should know.
    settings: what the user chose, for the reader.
    """

    id: str
    action: str
    roots: tuple[str, ...]
    protect: tuple[str, ...] = ()
    steps: tuple[Step | Caption, ...] = ()
    left: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def removals(self) -> list[Step]:
        return [step for step in self.steps if isinstance(step, Step)]

    @property
    def captions(self) -> list[Caption]:
        return [step for step in self.steps if isinstance(step, Caption)]

    @property
    def counts(self) -> dict[str, int]:
        """Steps per action."""
        return dict(Counter(step.action for step in self.steps))

    @property
    def bytes_freed(self) -> int:
        """Size of all files that go, sidecars included; one that several images share counts once."""
        return sum({file.path: file.size for step in self.removals for file in step.files}.values())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan as JSON Lines; an existing file is replaced as a whole or not at all."""
        with whole_file(path, "wb") as file:
            file.writelines(line + b"\n" for line in self.lines())
            file.flush()
            os.fsync(file.fileno())

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Plan:
        """Read a plan. Refused, with the number of the line, when it is not one or names a file twice."""
        with open(path, "rb") as file:
            return plan_from(file, os.fspath(path))

    def lines(self) -> Iterator[bytes]:
        header = {"oneofeach_plan": VERSION, "id": self.id, "action": self.action, "roots": self.roots}
        header |= {"protect": self.protect, "settings": dict(self.settings), "left": self.left, "notes": self.notes}
        yield encoded(header)
        yield from map(line_of, self.steps)


def plan_from(lines: Iterable[bytes], name: str = "plan") -> Plan:
    numbered = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
    number, first = next(numbered, (1, b"{}"))
    header = _object(first, name, number)
    if header.get("oneofeach_plan") != VERSION:
        raise Refused(f"Not a plan of version {VERSION}: {name}\nMake one with `oneofeach clean SOURCE --plan FILE`.")
    try:
        if not re.fullmatch(r"[0-9A-Za-z-]+", value(header, "id", str)):
            raise ValueError("the id of a plan is made of letters, digits and dashes")
        action, roots = value(header, "action", str), tuple(map(str, value(header, "roots", list)))
        left = tuple((str(key), str(reason)) for key, reason in header.get("left", ()))
        protect, notes = tuple(map(str, header.get("protect", ()))), tuple(map(str, header.get("notes", ())))
    except (ValueError, TypeError) as error:
        raise Refused(f"{name}, line {number}: {error}\nMake the plan again.") from error
    steps = tuple(_steps(numbered, name))
    return Plan(header["id"], action, roots, protect, steps, left, notes, header.get("settings", {}))


def _steps(numbered: Iterable[tuple[int, bytes]], name: str) -> Iterator[Step | Caption]:
    seen: dict[str, int] = {}
    for number, line in numbered:
        try:
            step = step_from(_object(line, name, number))
        except ValueError as error:
            hint = "Correct or remove the line, or make the plan again."
            raise Refused(f"{name}, line {number}: {error}\n{hint}") from error
        first = seen.setdefault(step.file.path, number)
        if first != number:
            raise Refused(f"{name}, line {number}: line {first} names {step.file.path} too\nRemove one of the lines.")
        yield step


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


def _object(line: bytes, name: str, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise Refused(f"{name}, line {number}: not JSON ({error})\nCorrect the line or remove it.") from error
    if not isinstance(record, dict):
        raise Refused(f"{name}, line {number}: not a JSON object\nCorrect the line or remove it.")
    return record
