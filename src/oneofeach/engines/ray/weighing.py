"""What the tasks of a job take, measured as a worker would: in a process of its own, on images of the source."""

from __future__ import annotations

import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from oneofeach import plugins
from oneofeach.describe import describe_chunk
from oneofeach.engines.ray.density import choose_dense
from oneofeach.engines.ray.identical import gather_identical
from oneofeach.engines.ray.keys import COLUMNS as KEYS
from oneofeach.engines.ray.keys import gather_keys
from oneofeach.engines.ray.match import find_candidates
from oneofeach.engines.ray.parts import encoded
from oneofeach.engines.ray.scan import CHUNK, COLUMNS, columns_of
from oneofeach.engines.ray.settings import Settings, scan_part
from oneofeach.errors import OneOfEachError
from oneofeach.plugins import Fingerprint
from oneofeach.seen import Seen
from oneofeach.tables import Item

ROWS = 200_000  # of each of the two blocks that are joined: enough to tell what a row takes
_CHILD = "from oneofeach.engines.ray.weighing import _answer; _answer()"


class Scanned(NamedTuple):
    """seconds: of a core. read, stored, keys: bytes of the images, of their parts and of their keys.

    memory: bytes that reading took at most, beside what the process had.
    """

    seconds: float
    read: int
    stored: int
    keys: int
    memory: int


class Joined(NamedTuple):
    """process: bytes of an idle worker. row: bytes that a row of two blocks takes in their join."""

    process: int
    row: float


def weighed(function: Callable[..., Any], *args: Any) -> Any:
    """function(*args) in a new process. OneOfEachError when that process dies."""
    ended = subprocess.run([sys.executable, "-c", _CHILD], input=pickle.dumps((function, args)), capture_output=True)
    if ended.returncode:
        said = ended.stderr.decode(errors="replace").strip().splitlines() or [f"it ended with {ended.returncode}"]
        hint = "Try `oneofeach find` on a few of the images, with --isolated if one takes its process down."
        raise OneOfEachError(f"The sample cannot be measured: {said[-1]}\n{hint}")
    return pickle.loads(ended.stdout)


def _answer() -> None:
    function, args = pickle.load(sys.stdin.buffer)
    sys.stdout.buffer.write(pickle.dumps(function(*args)))


def scan_cost(sample: Sequence[Item], fingerprint: str) -> Scanned:
    """Describe images as a scan does, in chunks."""
    method: Fingerprint = plugins.load("fingerprints", fingerprint)()
    describe_chunk(sample[:1], method=method, seen=Seen())  # what happens once per worker is not per image
    describe, before = partial(describe_chunk, method=method, seen=Seen()), resident("VmRSS")
    began = time.process_time()
    rows = [row for at in range(0, len(sample), CHUNK) for row in describe(sample[at : at + CHUNK])]
    seconds, memory = time.process_time() - began, resident("VmHWM") - before
    columns = columns_of(method, sample, rows)
    whole, keys = (len(encoded({name: columns[name] for name in names}, {})) for names in (COLUMNS, KEYS))
    return Scanned(seconds, sum(int(row.facts["bytes"]) for row in rows), whole, keys, memory)


def join_cost(fingerprint: str, floor: float) -> Joined:
    """Join two blocks of random rows: what they take does not depend on the images, but for few candidates."""
    with suppress(ModuleNotFoundError):
        import_module("ray")  # a worker has it loaded
    _join(fingerprint, floor, 100)
    before = resident("VmRSS")
    _join(fingerprint, floor, ROWS)
    return Joined(before, (resident("VmHWM") - before) / (2 * ROWS))


def _join(fingerprint: str, floor: float, rows: int) -> None:
    with tempfile.TemporaryDirectory(prefix="oneofeach-") as root:
        settings, rng = Settings(root, fingerprint, floor, block_rows=rows), np.random.default_rng(0)
        settings.store.write_json("scan.json", {"parts": {scan_part(block): {"rows": rows} for block in (0, 1)}})
        for block in (0, 1):
            settings.store.write(scan_part(block), _scanned(settings.method.bits // 8, rows, rng))
            gather_keys(settings, block)
        gather_identical(settings, 0)
        choose_dense(settings, ())
        find_candidates(settings, 0, 1)


def _scanned(width: int, rows: int, rng: np.random.Generator) -> memoryview:
    """What of the part of a scan is gathered."""
    columns = {
        "key": [""] * rows,
        "bits": rng.integers(0, 256, (rows, width), np.uint8),
        "digest": rng.integers(0, 256, (rows, 16), np.uint8),
        "error": [""] * rows,
    }
    return encoded(columns, {})


def resident(name: str) -> int:
    """Bytes of memory of this process: VmRSS, now, or VmHWM, at most. Only the latter where there is no /proc."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(next(line.split()[1] for line in status.read_text().splitlines() if line.startswith(name))) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
