"""Kills `oneofeach apply` and `oneofeach undo` at every point where they touch the disk, and looks at what is left.

Run as a program: crashing.py FOLDER [thorough] → one JSON object. It imports once and forks a process for every run;
the process counts its own disk operations and sends itself SIGKILL at the chosen one. A record of the journal counts
three times: before it is written, half written, and written.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import sys
from collections import Counter
from concurrent.futures import Executor, Future
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import dataset

from oneofeach.apps.cli import run
from oneofeach.stages.acting import changing, disk, perform
from oneofeach.stages.acting.journal import DONE
from oneofeach.stages.acting.journals import journals
from oneofeach.stages.acting.names import QUARANTINE
from oneofeach.stages.acting.plans import Plan

OPERATIONS = ("fsync", "replace", "link", "symlink", "unlink", "mkdir", "rmdir", "chmod", "utime", "ftruncate", "open")
FILES = {
    "keep.png": "K" * 50,
    "keep.txt": "cat, dog",
    "gone.png": "G",
    "gone.txt": "Dog, bird",
    "gone-masklabel.png": "M",
    "same.png": "K" * 50,
    "point.png": "K" * 50,
    "sub/ünï.png": "U",
    "sub/ünï.json": "{}",
    "sub/bare.png": "B",
    "sub/last.png": "L",
    "sub/last.yaml": "last: 1",
    "two.jpg": "J",
    "two.png": "P",
    "two.txt": "shared",
    "other/fresh.png": "F",
    "other/new.png": "N",
    "other/new.caption": "a word",
}


class Deadly:
    """Counts disk operations, in this process, and ends it at one of them; what a power cut loses is lost first.

    lose: "" for a plain kill, "journal": what was not synced of the journal, "names": renames that were not synced.
    """

    def __init__(self, at: int, lose: str) -> None:
        self._at, self._lose = at, lose
        self.kinds: Counter[str] = Counter()
        self._count = 0
        self._synced: dict[str, int] = {}
        self._renames: list[tuple[str, str]] = []

    def point(self, kind: str) -> None:
        self.kinds[kind] += 1
        self._count += 1
        if self._count == self._at:
            self._cut_power()
            os.kill(os.getpid(), signal.SIGKILL)

    def arm(self) -> None:
        for name in OPERATIONS:
            setattr(os, name, self._around(name, getattr(os, name)))
        os.write = self._in_halves(os.write)
        exclusive, kernel = disk._exclusive_rename(), disk.moving_kernel()
        assert exclusive is not None

        def rename(source: str, target: str) -> int:
            self.point("rename")
            code = exclusive(source, target)
            if not code:
                self._renames.append((source, target))
            self.point("renamed")
            return code

        def moved(moves: list[disk.Move], patience: int) -> tuple[int, int]:
            """One rename a call, so that the process can end between any two."""
            assert kernel is not None
            for number, move in enumerate(moves):
                self.point("rename of many")
                right, begun = kernel([move], patience)
                if not right:
                    return number, begun
                self._renames.append(move[:2])
                self.point("renamed of many")
            return len(moves), 0

        disk._exclusive_rename = lambda: rename  # type: ignore[assignment]
        changing.moving_kernel = lambda: moved if kernel else None  # type: ignore[attr-defined]

    def _around(self, name: str, real: Any) -> Any:
        def around(*args: Any, **options: Any) -> Any:
            self.point(name)
            result = real(*args, **options)
            if name == "fsync":
                self._note_sync(os.readlink(f"/proc/self/fd/{args[0]}"))
            self.point(f"{name} done")
            return result

        return around

    def _in_halves(self, real: Any) -> Any:
        def write(descriptor: int, data: bytes) -> int:
            for line in bytes(data).splitlines(keepends=True):
                self.point("record")
                real(descriptor, line[: len(line) // 2])
                self.point("half a record")
                real(descriptor, line[len(line) // 2 :])
            self.point("records written")
            return len(data)

        return write

    def _note_sync(self, path: str) -> None:
        if os.path.isfile(path):
            self._synced[path] = os.path.getsize(path)
        self._renames = [(a, b) for a, b in self._renames if path not in (os.path.dirname(a), os.path.dirname(b))]

    def _cut_power(self) -> None:
        if self._lose == "journal":
            for journal in journals():
                os.truncate(journal.path, self._synced.get(journal.path, 0))
        if self._lose == "names":
            for source, target in reversed(self._renames):
                os.rename(target, source)


class AtOnce(Executor):
    """Does at once what another thread would do: the n-th disk operation is then the same one in every run."""

    def __init__(self, _: int) -> None:
        pass

    def submit(self, function: Any, /, *args: Any) -> Any:  # type: ignore[override]
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args))
        except Exception as error:
            future.set_exception(error)
        return future


class World:
    """One folder, made anew for every run. threads: let syncs run beside the checks, as they do outside of tests."""

    threads = False

    def __init__(self, folder: Path) -> None:
        self.root, self._template = folder / "photos", dataset.make(folder / "template", FILES)
        self._journals, self._plan_file = folder / "journals", folder / "plan.jsonl"
        os.environ["ONEOFEACH_JOURNALS"] = str(self._journals)
        self.problems: list[str] = []
        self.kinds: Counter[str] = Counter()
        self.runs = 0
        self.reset()
        self.before = dataset.snapshot(self.root)

    def reset(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.rmtree(self._journals, ignore_errors=True)
        shutil.copytree(self._template, self.root)
        self._journals.mkdir()

    def plan(self, *plans: Plan) -> None:
        steps = tuple(step for plan in plans for step in plan.steps)
        replace(plans[0], steps=steps).save(self._plan_file)

    def warm(self) -> None:
        """Let this process import all that the commands import, once for all its children."""
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
            assert run(["apply", str(self._plan_file)]) == run(["undo"]) == 0
        self.reset()
        gc.freeze()  # else the first collection in each child copies all pages

    def apply(self, at: int = 0, lose: str = "") -> bool:
        if any(journal.closed for journal in journals()):
            return True  # killed after the end: a further apply would only find everything gone
        return self._run(["apply", str(self._plan_file)], at, lose)

    def undo(self, at: int = 0, lose: str = "") -> bool:
        found = journals()
        return self._run(["undo", found[0].id], at, lose) if found else True

    def _run(self, command: list[str], at: int, lose: str) -> bool:
        """Run a command in a process of its own, killed at that point; whether it ended by itself."""
        self.runs += 1
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            perform.BATCH = 3
            if not self.threads:
                perform.ThreadPoolExecutor = AtOnce  # type: ignore[misc, assignment]
            deadly = Deadly(at, lose)
            with open(os.devnull, "w") as nowhere:
                os.dup2(nowhere.fileno(), 1)
            write = os.write
            deadly.arm()
            code = run(command)
            write(writer, json.dumps(deadly.kinds).encode())
            os._exit(code)
        os.close(writer)
        with open(reader, "rb") as pipe:
            told = pipe.read()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if told:
            self.kinds.update(json.loads(told))
            self.points = sum(json.loads(told).values())
        if status not in (0, -signal.SIGKILL) or (status == 0) != bool(told):
            self.problems.append(f"{command} at {at} {lose}: exit {status}")
        return status == 0

    def expect(self, what: str, seen: dict[str, dataset.Look], wanted: dict[str, dataset.Look]) -> None:
        for name in sorted(seen.keys() | wanted.keys()):
            if seen.get(name) != wanted.get(name):
                self.problems.append(f"{what}: {name}: {seen.get(name)} instead of {wanted.get(name)}")

    def expect_bytes(self, what: str) -> None:
        """No byte is lost: each is in a file, or in the journal when it was a caption's."""
        now = {data for _, data, _, _ in dataset.snapshot(self.root).values()}
        noted = "".join(Path(journal.path).read_text() for journal in journals())
        for name, (_, data, _, _) in self.before.items():
            if data not in now and json.dumps(data.decode()) not in noted:
                self.problems.append(f"{what}: the bytes of {name} are gone")

    def expect_truth(self, what: str) -> None:
        """Nothing is called done in the journal that is not done on disk."""
        self.expect_bytes(what)
        for journal in journals():
            for unit in journal.units.values():
                file = unit.step.file
                moved = os.path.exists(file.target) and not os.path.exists(file.path)
                if journal.outcomes.get(unit.number) == DONE and unit.step.action == "quarantine" and not moved:
                    self.problems.append(f"{what}: {file.path} is called done")

    def settled(self) -> dict[str, dataset.Look]:
        """The tree without the times of captions, which are written anew."""
        seen = dataset.snapshot(self.root)
        return {
            name: (*look[:2], 0, look[3]) if name.endswith((".txt", ".caption")) else look
            for name, look in seen.items()
        }


def main(folder: str, thorough: bool) -> None:
    world = World(Path(folder))
    root = world.root
    moves = {"gone.png": "keep.png", "sub/ünï.png": "keep.png", "two.jpg": "keep.png", "two.png": "keep.png"}
    moves["sub/last.png"] = "sub/bare.png"
    quarantine = dataset.planned(root, {**moves, "other/new.png": "other/fresh.png"}, captions="merge-tags")
    links = dataset.planned(root, {"same.png": "keep.png"}, "hardlink")
    points = dataset.planned(root, {"point.png": "keep.png"}, "symlink")
    world.plan(quarantine, links, points)
    assert len(quarantine.captions) == 2
    world.warm()
    world.apply()
    applied = world.points
    after = world.settled()
    world.undo()
    world.expect("undo", dataset.snapshot(root), world.before)
    undone = world.points

    for at in range(1, applied + 1):
        for lose in ("", "journal") if thorough else ("",) if at % 2 else ("journal",):
            world.reset()
            world.apply(at, lose)
            world.expect_truth(f"killed at {at} {lose}")
            if (at // 2 + bool(lose)) % 2:
                world.apply()
                world.expect(f"resumed after {at} {lose}", world.settled(), after)
            world.undo()
            world.expect(f"undone after {at} {lose}", dataset.snapshot(root), world.before)
    for at in range(1, undone + 1, 1 if thorough else 8):
        world.reset()
        world.apply()
        world.undo(at)
        world.expect_bytes(f"undo killed at {at}")
        world.undo()
        world.expect(f"undone again after {at}", dataset.snapshot(root), world.before)
    world.threads = True
    for at in range(1, applied + 1, 5 if thorough else 40):
        world.reset()
        world.apply(at)
        world.apply(at * 13 % applied + 1)
        world.expect_truth(f"killed at {at} and again")
        world.undo(at * 7 % undone + 1)
        world.undo()
        world.expect(f"killed at {at}, again, and undone", dataset.snapshot(root), world.before)

    world.reset()
    world.plan(quarantine)
    world.apply()
    for at in range(1, world.points + 1, 1 if thorough else 12):
        world.reset()
        world.apply(at, "names")
        world.expect_truth(f"power cut at {at}")
        world.undo()
        world.expect(f"undone after a power cut at {at}", dataset.snapshot(root), world.before)

    deletion = dataset.planned(root, moves, "delete")
    world.reset()
    world.plan(deletion)
    world.apply()
    final, points_of_delete = world.settled(), world.points
    for at in range(1, points_of_delete + 1, 1 if thorough else 16):
        world.reset()
        world.apply(at)
        world.apply()
        world.expect(f"deletion resumed after {at}", world.settled(), final)
    assert QUARANTINE not in "".join(final)
    report = {"apply": applied, "undo": undone, "delete": points_of_delete, "runs": world.runs}
    print(json.dumps({**report, "kinds": world.kinds, "problems": world.problems}))


if __name__ == "__main__":
    main(sys.argv[1], "thorough" in sys.argv)
