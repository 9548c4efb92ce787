"""The host that node tests run on: the stand-in in both profiles, or a real ComfyUI when COMFYUI_PATH names one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from hosts import real_host, standin_host

PATH = os.environ.get("COMFYUI_PATH", "")
HOSTS = ["real"] if PATH else ["old", "new"]


@pytest.fixture(scope="module", params=HOSTS)
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    base = tmp_path_factory.mktemp("comfyui")
    opened = real_host(base, PATH) if request.param == "real" else standin_host(base, request.param)
    with opened as running:
        yield running


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real ComfyUI, for what only a real one can show."""
    if not PATH:
        pytest.skip("COMFYUI_PATH names no ComfyUI: nothing was tried against a real one")
    with real_host(tmp_path_factory.mktemp("comfyui"), PATH) as running:
        yield running
