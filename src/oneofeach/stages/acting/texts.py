"""The action that writes the keeper's caption: the old text is in the journal, the new one takes its place whole."""

from __future__ import annotations

import os
from hashlib import sha256

from oneofeach.errors import Refused
from oneofeach.stages.acting.disk import Stuck, rename_new, there, write_new
from oneofeach.stages.acting.journal import Unit
from oneofeach.stages.acting.links import restore_facts
from oneofeach.stages.acting.moves import hidden_name
from oneofeach.stages.acting.steps import Caption
from oneofeach.stages.acting.witness import Witness, content_of


class Write:
    """The text is written under a hidden name, then renamed; no caption is replaced but the one that was planned."""

    same_bytes = False
    undoable = True

    def do(self, unit: Unit, witness: Witness) -> set[str]:
        step, path = _caption(unit), unit.step.file.path
        hidden = hidden_name(path, unit)
        for source in step.sources:
            witness.check(source, "the caption")
        try:
            write_new(hidden, as_bytes(step.text))
            if step.before is None:
                rename_new(hidden, path)
            else:
                os.chmod(hidden, unit.was[0] & 0o7777)
                witness.check(step.file, "the caption")
                os.replace(hidden, path)
        finally:
            _clear(hidden)
        if content_of(path) != key_of(step.text):
            raise Stuck(f"{path} does not read as it was written")
        return {os.path.dirname(path)}

    def settle(self, unit: Unit) -> bool:
        path = unit.step.file.path
        _clear(hidden_name(path, unit))
        return there(path) is not None and content_of(path) == key_of(_caption(unit).text)

    def undo(self, unit: Unit) -> set[str]:
        step, path = _caption(unit), unit.step.file.path
        hidden = hidden_name(path, unit)
        _clear(hidden)
        now = content_of(path) if there(path) else ""
        if now == step.file.content:
            return set()
        if now != key_of(step.text):
            raise Refused("the caption was edited or removed since")
        if step.before is None:
            os.unlink(path)
        else:
            try:
                write_new(hidden, as_bytes(step.before))
                restore_facts(hidden, step.file, unit.was)
                os.replace(hidden, path)
            finally:
                _clear(hidden)
        return {os.path.dirname(path)}


def as_text(data: bytes) -> str:
    """The text of a caption file; bytes that are no UTF-8 come back unharmed through `as_bytes`."""
    return data.decode("utf-8", "surrogateescape")


def as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def key_of(text: str) -> str:
    return sha256(as_bytes(text)).hexdigest()


def _caption(unit: Unit) -> Caption:
    assert isinstance(unit.step, Caption)
    return unit.step


def _clear(hidden: str) -> None:
    if there(hidden):
        os.unlink(hidden)
