"""Libraries that cannot be installed next to ours: each runs in a process and an environment of its own.

An environment is made once, below the cache folder of the user, or below PEERS where the environment says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from platformdirs import user_cache_path

WORKER = """
import os, sys
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # whatever a library prints is no answer
folder, paths = sys.argv[1], sys.argv[2:]
def spent():
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
{code}
print(spent(), file=answers, flush=True)
for _ in sys.stdin:
    find()
    print(spent(), file=answers, flush=True)
"""
IMAGEDEDUP = """
from imagededup.methods import PHash
method, alone = PHash(verbose=False), {"num_enc_workers": 0, "num_dist_workers": 0}
def find():
    return method.find_duplicates(folder, max_distance_threshold=3, recursive=True, **alone)
"""
PERCEPTION = """
from perception import hashers, tools
def find():
    return tools.deduplicate(files=paths, hashers=[(hashers.PHash(), 0.05)], progress=None)
"""


class Peer:
    """Duplicates within 3 of 64 bits among `paths` below `folder`, by code that defines `find`; called once per turn.

    cpu: seconds of CPU spent by that process so far, imports included.
    """

    def __init__(self, package: str, code: str, folder: Path, paths: list[str]) -> None:
        command = [str(environment(package)), "-c", WORKER.format(code=code), str(folder), *paths]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.cpu = self._answer()

    def __call__(self) -> None:
        print(file=self._process.stdin, flush=True)
        self.cpu = self._answer()

    def _answer(self) -> float:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("The peer ended before it answered; see above.")
        return float(line)


def environment(package: str) -> Path:
    """The interpreter of an environment that has this package; made when it is not there yet."""
    root = Path(os.environ.get("PEERS") or user_cache_path("oneofeach") / "benchmarks")
    folder = root / f"{package}-{sys.version_info.major}.{sys.version_info.minor}"
    python, done = folder / "bin" / "python", folder / "done"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        _install(package, folder, python)
        done.touch()
    return python


def _install(package: str, folder: Path, python: Path) -> None:
    uv = shutil.which("uv")
    if uv:
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(folder)], check=True)
        subprocess.run([uv, "pip", "install", "-q", "--python", str(python), package], check=True)
    else:
        venv.create(folder, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", package], check=True)
