"""Plan + apply + undo is the identity: on any folder, with any action that can be undone, whatever goes wrong."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

import dataset
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from oneofeach.stages.acting import disk, links
from oneofeach.stages.acting.journal import Journal
from oneofeach.stages.acting.perform import perform
from oneofeach.stages.acting.plan import plan
from oneofeach.stages.acting.undo import undo

LONG = "x" * 240 + "é"  # 242 bytes: no room for more than an extension
FOLDERS = st.sampled_from(["", "sub/", "sub/deep/", "Ünïcode ✓/", ".oneofeach-not/", "with space /"])
STEMS = st.sampled_from(
    ["a", "A", "b", "b.c", "ü", "u\u0308", "名前", "emoji 🖼", "-rf", "con", "new\nline", LONG, "\udcff"]
)
IMAGES = st.sampled_from([".png", ".jpg", ".webp"])
BESIDE = st.sampled_from([".txt", ".caption", ".json", "-masklabel.png", ".png.txt", "_0512x0512_sd.npz"])
BYTES = st.sampled_from([b"", b"one", b"two", "ünï, tags".encode(), b"\xff\xfe not text", b"x" * 3000])
UNDOABLE = st.sampled_from(["quarantine", "quarantine", "hardlink", "symlink", "reflink"])
TROUBLE = (errno.EXDEV, errno.ENOSPC, errno.EACCES, errno.EROFS, errno.ENAMETOOLONG)


class Acting(RuleBasedStateMachine):
    """A folder of images and sidecars that is cleaned, undone, and cleaned again."""

    @initialize(
        images=st.sets(st.tuples(FOLDERS, STEMS, IMAGES), min_size=2, max_size=8),
        sidecars=st.sets(st.tuples(FOLDERS, STEMS, BESIDE), max_size=10),
        data=st.data(),
    )
    def make(self, images: set[tuple[str, ...]], sidecars: set[tuple[str, ...]], data: st.DataObject) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.root, self.journals = self.folder / "root", str(self.folder / "journals")
        os.mkdir(self.journals)
        names = sorted({"".join(parts) for parts in images | sidecars if len(os.fsencode("".join(parts[1:]))) <= 255})
        dataset.make(self.root, {name: data.draw(BYTES) for name in names})
        self.before = dataset.snapshot(self.root)
        self.applied: list[Journal] = []

    def teardown(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    @rule(data=st.data(), action=UNDOABLE, captions=st.sampled_from(["own", "longest", "merge-tags"]))
    def clean(self, data: st.DataObject, action: str, captions: str) -> None:
        self._apply(data, action, captions, lambda: None)

    @rule(data=st.data(), action=UNDOABLE, code=st.sampled_from(TROUBLE), after=st.integers(0, 6))
    def clean_on_a_failing_disk(self, data: st.DataObject, action: str, code: int, after: int) -> None:
        self._apply(data, action, "merge-tags", lambda: None, code, after)

    @rule(data=st.data())
    def edit_between_plan_and_apply(self, data: st.DataObject) -> None:
        def edit() -> None:
            name = data.draw(st.sampled_from([name for name, look in self.before.items() if look[0] == "file"]))
            path = self.root / name
            if path.is_file() and not path.is_symlink() and not self.applied:
                path.write_bytes(b"edited")
                self.before = dataset.snapshot(self.root)

        self._apply(data, "quarantine", "own", edit)

    def _apply(
        self,
        data: st.DataObject,
        action: str,
        captions: str,
        meanwhile: Callable[[], None],
        code: int = 0,
        after: int = 0,
    ) -> None:
        goes = data.draw(duplicates(self.root))
        if action in ("hardlink", "symlink", "reflink"):
            content = {name: look[1] for name, look in dataset.snapshot(self.root).items()}
            goes = {name: keeper for name, keeper in goes.items() if content[name] == content[keeper]}
        made = plan(dataset.outcome(self.root, goes), action, captions=captions)
        assert len(made.removals) + len(made.left) == len(goes)
        meanwhile()
        with failing(code, after):
            journal = perform(made, self.journals)
        counts = journal.counts
        assert sum(counts.values()) == journal.planned == len(made.steps)
        assert counts["open"] == 0
        if not code:
            assert counts["failed"] == counts["stuck"] == 0, journal.refused
        for step in made.removals:
            assert os.path.exists(step.keeper.path), "the last copy is gone"
        self.applied.append(journal)

    @precondition(lambda self: self.applied)
    @rule(code=st.sampled_from(TROUBLE), after=st.integers(0, 3))
    def undo_on_a_failing_disk(self, code: int, after: int) -> None:
        with failing(code, after):
            undo(self.applied[-1])

    @precondition(lambda self: self.applied)
    @rule()
    def undo_the_last(self) -> None:
        journal = undo(self.applied.pop())
        assert journal.not_restored == []

    @precondition(lambda self: not self.applied)
    @invariant()
    def everything_is_as_before(self) -> None:
        if hasattr(self, "root"):
            assert dataset.snapshot(self.root) == self.before

    @invariant()
    def no_byte_is_lost(self) -> None:
        if hasattr(self, "root"):
            now = {look[1] for look in dataset.snapshot(self.root).values()}
            captions = {caption.before.encode("utf-8", "surrogateescape") for caption in written(self.applied)}
            assert {look[1] for look in self.before.values()} <= now | captions


def written(applied: list[Journal]) -> Iterator[dataset.Caption]:
    """The captions that an apply may have replaced."""
    for journal in applied:
        for unit in journal.units.values():
            if isinstance(unit.step, dataset.Caption) and unit.step.before is not None:
                yield unit.step


@st.composite
def duplicates(draw: st.DrawFn, root: Path) -> dict[str, str]:
    """Some images of the folder, each with one that stays."""
    items = list(dataset.FolderSource().items(str(root)))
    names = [item.key for item in items if not os.path.islink(item.input)]
    going = draw(st.sets(st.sampled_from(names), max_size=len(names) - 1)) if len(names) > 1 else set()
    staying = sorted(set(names) - going)
    return {name: draw(st.sampled_from(staying)) for name in sorted(going)}


@contextmanager
def failing(code: int, after: int) -> Iterator[None]:
    """A disk whose changes fail with this error, from the one after so many on, for a while."""
    count = 0

    def tick() -> bool:
        nonlocal count
        count += 1
        return after < count <= after + 3

    def wrapped(real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **options: object) -> object:
            if tick():
                raise OSError(code, os.strerror(code), args[0] if args else None)
            return real(*args, **options)

        return call

    exclusive = disk._exclusive_rename()
    with ExitStack() as stack:
        stack.enter_context(patch.object(links, "clone", shutil.copyfile))
        if code:
            if exclusive is not None:
                stack.enter_context(
                    patch.object(disk, "_exclusive_rename", lambda: lambda a, b: code if tick() else exclusive(a, b))
                )
            for name in ("mkdir", "link", "symlink", "replace"):
                stack.enter_context(patch.object(os, name, wrapped(getattr(os, name))))
        yield


TestActing = Acting.TestCase
TestActing.settings = settings(
    max_examples=25,
    stateful_step_count=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

if sys.platform == "darwin":  # its file system takes no name that is not Unicode
    STEMS = STEMS.filter(str.isprintable)
