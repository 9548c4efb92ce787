"""What a node asks of its host besides the API: folders, progress, and whether Cancel was pressed."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType


class InterruptProcessingException(Exception):
    pass


class Interruption:
    """The Cancel button: set `after` to raise at that many checks; counts checks and progress reports."""

    def __init__(self) -> None:
        self.after: int | None = None
        self.checks = 0
        self.progress: list[tuple[int, int]] = []

    def check(self) -> None:
        self.checks += 1
        if self.after is not None and self.checks > self.after:
            self.after = None
            raise InterruptProcessingException


def make_management(interruption: Interruption) -> ModuleType:
    module = ModuleType("comfy.model_management")
    module.throw_exception_if_processing_interrupted = interruption.check  # type: ignore[attr-defined]
    module.InterruptProcessingException = InterruptProcessingException  # type: ignore[attr-defined]
    return module


def make_progress(interruption: Interruption) -> ModuleType:
    class ProgressBar:
        def __init__(self, total: int, node_id: str | None = None) -> None:
            self.total = total

        def update_absolute(self, value: int, total: int | None = None, preview: object = None) -> None:
            self.total = self.total if total is None else total
            interruption.progress.append((min(value, self.total), self.total))

    module = ModuleType("comfy.utils")
    module.ProgressBar = ProgressBar  # type: ignore[attr-defined]
    return module


def make_folder_paths(base: Path, profile: str) -> ModuleType:
    """`base` holds input/, output/ and temp/, which are made."""
    for name in ("input", "output", "temp"):
        (base / name).mkdir(parents=True, exist_ok=True)

    def subfolders() -> list[str]:
        found = [os.path.relpath(root, base / "input") for root, _, _ in os.walk(base / "input")]
        return sorted(name.replace(os.sep, "/") for name in found if name != ".")

    def is_within_directory(directory: str, target: str) -> bool:
        directory, target = os.path.realpath(directory), os.path.realpath(target)
        return os.path.commonpath((directory, target)) == directory

    module = ModuleType("folder_paths")
    module.get_input_directory = lambda: str(base / "input")  # type: ignore[attr-defined]
    module.get_output_directory = lambda: str(base / "output")  # type: ignore[attr-defined]
    module.get_temp_directory = lambda: str(base / "temp")  # type: ignore[attr-defined]
    module.get_input_subfolders = subfolders  # type: ignore[attr-defined]
    if profile == "new":
        module.is_within_directory = is_within_directory  # type: ignore[attr-defined]
    return module
