from __future__ import annotations

import os
from pathlib import Path

import dataset
import pytest

from oneofeach import kernels
from oneofeach.errors import Refused
from oneofeach.stages.acting import disk, witness
from oneofeach.stages.acting.witness import SMALL, Witness, look, mark_of

compiled = pytest.mark.skipif(not hasattr(kernels.compiled, "read_files"), reason="made by the kernels of Linux alone")


@compiled
def test_files_read_together_are_what_each_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"empty": 0, "one": 1, "large": SMALL, "larger": SMALL + 1}
    dataset.make(tmp_path, {name: b"x" * size for name, size in sizes.items()})
    (tmp_path / "link").symlink_to("one")
    (tmp_path / "broken").symlink_to("none")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    names = [*sizes, "link", "broken", "folder", "pipe", "missing"]
    found = witness.read_together([str(tmp_path / name) for name in names])
    monkeypatch.setattr(witness, "PATIENCE", 0)
    assert list(witness.read_together([str(tmp_path / name) for name in names])) == [str(tmp_path / "empty")]
    assert [os.path.basename(path) for path in found] == ["empty", "one", "large"]
    for path, sight in found.items():
        assert sight == witness._seen_now(look(path))


@compiled
def test_marks_and_renames_are_those_of_the_standard_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset.make(tmp_path, {"a": "A", "b": "B", "udc\udcff": "C"})
    (tmp_path / "link").symlink_to("a")
    names = [str(tmp_path / name) for name in ("a", "udc\udcff", "link", ".")]
    marks = list(map(mark_of, names))
    with monkeypatch.context() as patch:
        patch.setattr(kernels, "compiled", None)
        assert list(map(mark_of, names)) == marks
        disk._exclusive_rename.cache_clear()
        assert renamed(tmp_path) == ["FileExistsError", "FileNotFoundError", "NotADirectoryError"]
    disk._exclusive_rename.cache_clear()
    assert renamed(tmp_path) == ["FileExistsError", "FileNotFoundError", "NotADirectoryError"]
    with pytest.raises(FileNotFoundError) as caught:
        mark_of(str(tmp_path / "none"))
    assert caught.value.filename == str(tmp_path / "none")


def renamed(folder: Path) -> list[str]:
    problems = []
    for source, target in (("a", "b"), ("none", "c"), ("a", "b/c")):
        with pytest.raises(OSError, match=source) as caught:
            disk.rename_new(str(folder / source), str(folder / target))
        problems.append(type(caught.value).__name__)
    assert (folder / "b").read_text() == "B"
    disk.rename_new(str(folder / "a"), str(folder / "moved"))
    disk.rename_new(str(folder / "moved"), str(folder / "a"))
    return problems


@pytest.mark.parametrize("together", [True, False])
def test_a_file_counts_as_it_was_when_it_was_read_and_is_seen_to_have_changed_after(
    tmp_path: Path, together: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not together:
        monkeypatch.setattr(kernels, "compiled", None)
    dataset.make(tmp_path, {"a": "A", "b": "B"})
    a, b = (look(str(tmp_path / name)) for name in ("a", "b"))
    seen = Witness()
    seen.ahead = seen.look_ahead([a, b])
    assert seen.check(a, "the file").content == a.content
    seen.ahead = {}
    (tmp_path / "b").write_text("X")
    os.utime(tmp_path / "b", ns=(b.mtime_ns, b.mtime_ns))
    with pytest.raises(Refused, match=r"the file .*b has changed since the plan was made"):
        seen.check(b, "the file")
    (tmp_path / "a").write_text("X")
    os.utime(tmp_path / "a", ns=(a.mtime_ns, a.mtime_ns))
    with pytest.raises(Refused, match=r"the file .*a has changed since the plan was made"):
        seen.check(a, "the file")
