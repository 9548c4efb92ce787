"""Actions that take the image and its sidecars away: to the quarantine, to the system's trash, for good."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace

from oneofeach.errors import Refused
from oneofeach.plugins import extra
from oneofeach.stages.acting.disk import Stuck, make_folder, rename_new, sentence, there
from oneofeach.stages.acting.journal import Unit
from oneofeach.stages.acting.steps import File, Step
from oneofeach.stages.acting.witness import Witness, content_of


class Quarantine:
    """Rename to the target the plan names; the only action that takes nothing away for good and costs no copy.

    A file is looked at just before, for a rename hides that it was edited, and once it is in its new place, where
    nobody else changes it; it is put back when it is not the file that was checked.
    """

    same_bytes = False
    undoable = True

    def do(self, unit: Unit, witness: Witness) -> set[str]:
        return self.go_on(unit, witness, 0)

    def go_on(self, unit: Unit, witness: Witness, begun: int) -> set[str]:
        """`do`, where so many files of the unit were moved already."""
        files = [file for file in self._files(unit) if not (file.shared and stays(file))]
        moved = files[:begun]
        changed = folders_of(moved)
        try:
            for file in files[begun:]:
                witness.check(file, "the file")
                changed |= _move(file.path, file.target)
                moved.append(file)
            for file in files:
                if not witness.moved(file.path, file.target):
                    raise Refused(f"{file.path} has changed since the plan was made")
            witness.check(_step(unit).keeper, "the keeper")
        except (OSError, Refused) as error:
            _put_back(moved, error)
            raise
        return changed

    def settle(self, unit: Unit) -> bool:
        self.undo(unit)
        return False

    def undo(self, unit: Unit) -> set[str]:
        """Rename back what is at its target. Refused after all files were tried, naming those that stay away."""
        changed: set[str] = set()
        problems: list[str] = []
        for file in reversed(self._files(unit)):
            try:
                changed |= _bring_back(file)
            except (OSError, Refused) as error:
                of_sidecar = f"{file.path}: " if file.path != unit.step.file.path else ""
                problems.append(of_sidecar + sentence(error))
        if problems:
            raise Refused("; ".join(problems))
        return changed

    def _files(self, unit: Unit) -> Sequence[File]:
        return _step(unit).files


class Delete(Quarantine):
    """Delete for good: first a rename to a hidden name beside, then, with the keeper seen once more, the end."""

    undoable = False

    def do(self, unit: Unit, witness: Witness) -> set[str]:
        changed = super().do(unit, witness)
        try:
            self._remove(unit)
        except OSError as error:
            self._rescue(unit, error)
            raise
        return changed

    def _rescue(self, unit: Unit, error: OSError) -> None:
        """Put everything back while the image is still there."""
        if there(self._files(unit)[0].target) is None:
            raise Stuck(f"deleted, but not all of its sidecars: {sentence(error)}") from error
        try:
            super().undo(unit)
        except Refused as second:
            raise Stuck(f"{sentence(error)}; not put back: {second}") from error

    def settle(self, unit: Unit) -> bool:
        """With the image gone the rest follows it; with the image there everything is put back."""
        image = self._files(unit)[0]
        if there(image.target) or there(image.path):
            return super().settle(unit)
        if any(there(file.path) and not stays(file) for file in self._files(unit)):
            raise Refused("the image is gone, but not by this step; its sidecars are still there")
        self._remove(unit)
        return True

    def undo(self, unit: Unit) -> set[str]:
        image = self._files(unit)[0]
        if not there(image.target) and not there(image.path):
            raise Refused("it was deleted for good")
        return super().undo(unit)

    def _files(self, unit: Unit) -> Sequence[File]:
        hidden = (hidden_name(file.path, unit, part) for part, file in enumerate(_step(unit).files))
        return [replace(file, target=target) for file, target in zip(_step(unit).files, hidden, strict=True)]

    def _remove(self, unit: Unit) -> None:
        for file in self._files(unit):  # the image first: settle goes by it
            if there(file.target):
                os.unlink(file.target)


class Trash:
    """The system's trash; what it says is not believed before the file is gone from its place."""

    same_bytes = False
    undoable = False

    def do(self, unit: Unit, witness: Witness) -> set[str]:
        send = extra("send2trash", "trash").send2trash
        step = _step(unit)
        files = [file for file in step.files if not stays(file)]
        for file in files:
            witness.check(file, "the file")
        witness.check(step.keeper, "the keeper")
        for number, file in enumerate(files):
            try:
                send(file.path)
                if there(file.path):
                    raise Refused(f"the system's trash did not take {file.path}")
            except Exception as error:  # send2trash raises errors of its own and of the desktop
                reason = f"{file.path} cannot be sent to the trash: {sentence(error)}"
                if number:
                    raise Stuck(f"{reason}; {step.file.path} is there already") from error
                raise Refused(reason) from error
        return {os.path.dirname(file.path) for file in files}

    def settle(self, unit: Unit) -> bool:
        """With the image gone its sidecars follow it."""
        if there(unit.step.file.path):
            return False
        send = extra("send2trash", "trash").send2trash
        for file in _step(unit).sidecars:
            if there(file.path) and not stays(file):
                send(file.path)
        return True

    def undo(self, unit: Unit) -> set[str]:
        if there(unit.step.file.path) is None:
            raise Refused("it was sent to the system's trash; restore it from there")
        return set()


def stays(file: File) -> bool:
    """Whether a sidecar still belongs to another image that is there."""
    return any(map(there, file.shared))


def hidden_name(path: str, unit: Unit, part: int = 0) -> str:
    """A name beside a file that no other program has and no scan takes for an image."""
    return os.path.join(os.path.dirname(path), f".oneofeach-{unit.id}-{part}")


def _step(unit: Unit) -> Step:
    assert isinstance(unit.step, Step)
    return unit.step


def folders_of(files: Iterable[File]) -> set[str]:
    """The folders whose names change when these files move to their targets."""
    return {path.rpartition(os.sep)[0] for file in files for path in (file.path, file.target)}


def _move(source: str, target: str) -> set[str]:
    """Rename without overwriting; the folders whose names changed."""
    made: list[str] = []
    try:
        rename_new(source, target)
    except FileNotFoundError:
        made = make_folder(os.path.dirname(target))
        if not made:
            raise
        rename_new(source, target)
    return {source.rpartition(os.sep)[0], target.rpartition(os.sep)[0], *made}


def _put_back(moved: Sequence[File], error: Exception) -> None:
    for file in reversed(moved):
        try:
            rename_new(file.target, file.path)
        except OSError as second:
            message = f"{sentence(error)}; {file.path} could not be put back ({sentence(second)}): it is {file.target}"
            raise Stuck(message) from error


def _bring_back(file: File) -> set[str]:
    """Undo one rename, whatever of it has happened."""
    away, home = there(file.target), there(file.path)
    if away is None:
        if home is None and not file.shared:
            raise Refused("it is neither in its place nor in the quarantine")
        return set()
    if home and (home.st_dev, home.st_ino) == (away.st_dev, away.st_ino) and home.st_nlink > 1:
        os.unlink(file.target)  # a rename made of two links, cut off in between
        return {os.path.dirname(file.target)}
    if (away.st_size, away.st_mtime_ns) != (file.size, file.mtime_ns) or content_of(file.target) != file.content:
        raise Refused(f"{file.target} is not what was put there")
    if home:
        raise Refused(f"something else stands in its place; it is kept as {file.target}")
    return _move(file.target, file.path)
