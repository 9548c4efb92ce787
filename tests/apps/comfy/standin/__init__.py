"""A small ComfyUI for tests: the node API, the folders and the executor, as far as recordings of a real one vouch.

`installed(profile, base)` puts the modules a node may import into sys.modules; `Server` runs API-format workflows.
Profile "old" is ComfyUI 0.3.48, the first with this node API; "new" is 0.33.0.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Literal

from standin.api import make_io
from standin.host import Interruption, make_folder_paths, make_management, make_progress
from standin.server import ExecutionBlocker, Server
from standin.tensor import make_torch

__all__ = ["Interruption", "Profile", "Server", "installed", "modules"]
Profile = Literal["old", "new"]
OURS = ("oneofeach.apps.comfy",)


def modules(profile: Profile, base: Path, interruption: Interruption) -> dict[str, ModuleType]:
    """The modules of a ComfyUI of that profile whose folders lie in `base`."""
    io, extension = make_io(profile)
    comfy = ModuleType("comfy")
    comfy.utils = make_progress(interruption)  # type: ignore[attr-defined]
    comfy.model_management = make_management(interruption)  # type: ignore[attr-defined]
    latest = ModuleType("comfy_api.latest")
    latest.io, latest.ComfyExtension = io, extension  # type: ignore[attr-defined]
    graph = ModuleType("comfy_execution.graph_utils")
    graph.ExecutionBlocker = ExecutionBlocker  # type: ignore[attr-defined]
    return {
        "comfy": comfy,
        "comfy.utils": comfy.utils,
        "comfy.model_management": comfy.model_management,
        "comfy_api": ModuleType("comfy_api"),
        "comfy_api.latest": latest,
        "comfy_execution": ModuleType("comfy_execution"),
        "comfy_execution.graph_utils": graph,
        "folder_paths": make_folder_paths(base, profile),
        "torch": make_torch(),
    }


def _node_modules() -> list[str]:
    return [name for name in sys.modules if name.startswith(OURS)]


@contextmanager
def installed(profile: Profile, base: Path, interruption: Interruption | None = None) -> Iterator[None]:
    """While open, imports find the stand-in; our node modules are imported anew against it."""
    added = modules(profile, base, interruption or Interruption())
    hidden = {name: sys.modules.pop(name) for name in [*_node_modules(), *added] if name in sys.modules}
    sys.modules.update(added)
    try:
        yield
    finally:
        for name in [*_node_modules(), *added]:
            sys.modules.pop(name, None)
        sys.modules.update(hidden)
