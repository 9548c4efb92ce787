"""Applying quarantine steps, against a bare os.rename of the same files with one fsync per batch of the same size.

python benchmarks/quarantine.py [steps=100000] [bytes=1000] [rounds=3] [folder] → the ratio; see README.md.
Every file that goes has a keeper of its own: both are read and hashed for each step, as in a folder of pairs.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

from turns import Turns, timed

from oneofeach.stages.acting.perform import BATCH, perform
from oneofeach.stages.acting.plans import Plan
from oneofeach.stages.acting.steps import File, Step

PER_FOLDER = 1000


def made(root: Path, steps: int, size: int) -> Plan:
    """A tree of pairs, and the plan that quarantines one of each."""
    source, planned = random.Random(0), []
    for number in range(steps):
        folder = root / f"{number // PER_FOLDER:04d}"
        if number % PER_FOLDER == 0:
            folder.mkdir(parents=True)
        data = source.randbytes(size)
        files = []
        for name in ("keep", "go"):
            path = folder / f"{number:06d}-{name}.jpg"
            path.write_bytes(data)
            target = root / ".oneofeach-quarantine" / "b" / folder.name / path.name
            files.append(File(str(path), size, path.stat().st_mtime_ns, sha256(data).hexdigest(), str(target)))
        planned.append(Step("quarantine", files[1], files[0], (), 1.0, "first", "position 1 over position 2 (first)"))
    os.sync()
    return Plan("b", "quarantine", (str(root),), (), tuple(planned))


def bare(plan: Plan) -> None:
    """What nobody should do: rename, and one fsync per batch."""
    for number, step in enumerate(plan.removals, 1):
        os.rename(step.file.path, step.file.target)
        if number % BATCH == 0 or number == len(plan.steps):
            descriptor = os.open(os.path.dirname(step.file.target), os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)


def back(plan: Plan) -> None:
    for step in plan.removals:
        os.rename(step.file.target, step.file.path)
    os.sync()


def main(steps: int = 100_000, size: int = 1000, rounds: int = 3, folder: str = "") -> None:
    with tempfile.TemporaryDirectory(dir=folder or None) as place:
        plan = made(Path(place) / "root", steps, size)
        for step in plan.removals:
            os.makedirs(os.path.dirname(step.file.target), exist_ok=True)
        journals = Path(place) / "journals"
        taken: list[tuple[float, float, float, float]] = []
        for turn in range(rounds + 1):
            journals.mkdir()
            ours = lambda: perform(plan, str(journals))  # noqa: E731
            them = lambda: bare(plan)  # noqa: E731
            seconds = {}
            for which in (ours, them) if turn % 2 else (them, ours):
                seconds[which] = timed(which)
                back(plan)
            shutil.rmtree(journals)
            if turn:  # the first round warms the caches
                taken.append((seconds[ours][0], seconds[them][0], seconds[ours][1], seconds[them][1]))
        print(f"{steps:,} steps of {size:,} bytes: {Turns(*map(list, zip(*taken, strict=True)))}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]), *sys.argv[4:5])
