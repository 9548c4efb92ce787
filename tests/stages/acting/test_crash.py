"""Nothing is lost wherever an apply or an undo is killed; see tests/crashing.py for how."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from oneofeach import kernels

TESTS = Path(__file__).parents[2]


@pytest.mark.skipif(sys.platform != "linux", reason="the harness forks, and reads /proc")
def test_a_kill_at_any_point_loses_nothing_and_can_be_resumed_or_undone(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "OPENBLAS_NUM_THREADS": "1"}
    ended = subprocess.run(
        [sys.executable, str(TESTS / "crashing.py"), str(tmp_path)], env=environment, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    report = json.loads(ended.stdout)
    assert report["problems"] == []
    assert report["apply"] >= 200
    many = {"rename of many", "renamed of many"} if hasattr(kernels.compiled, "move_files") else set()
    assert report["kinds"].keys() >= many | {
        "record",
        "half a record",
        "records written",
        "rename",
        "renamed",
        "replace",
    }
