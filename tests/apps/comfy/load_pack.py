"""Run on its own: loads a copy of the pack the way ComfyUI loads a folder of custom_nodes, and runs every node once.

load_pack.py PACK BASE: no third-party package but NumPy and Pillow can be imported. Prints what a test checks, as JSON.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
from importlib.abc import MetaPathFinder
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from standin import Interruption, Server, installed
from standin.tensor import from_numpy

ALLOWED = ("numpy", "PIL")


class Nothing(MetaPathFinder):
    """A Python without site-packages, but for what ComfyUI brings and we use."""

    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if path is None and top not in sys.stdlib_module_names and top not in ALLOWED and top in INSTALLED:
            raise ModuleNotFoundError(f"No module named {name!r} (only {', '.join(ALLOWED)} here)", name=name)
        return


INSTALLED = {entry.name.partition(".")[0] for path in sys.path if "site-packages" in path for entry in os.scandir(path)}


def load(pack: str):
    """As ComfyUI 0.33 does: the module's name is the folder's path, in sys.modules before it is executed."""
    name = pack.replace(".", "_x_")
    spec = spec_from_file_location(name, os.path.join(pack, "__init__.py"))
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    extension = module.comfy_entrypoint()
    if inspect.isawaitable(extension):
        extension = asyncio.run(extension)
    return module, asyncio.run(extension.get_node_list())


def pixels(seed: int):
    import numpy as np

    return from_numpy(np.random.default_rng(seed).random((1, 40, 60, 3), np.float32))


def run(nodes, base: Path) -> list[str]:
    """Every node once, on the stand-in's executor; the statuses."""

    class Source(nodes[0].__base__):
        @classmethod
        def define_schema(cls):
            from comfy_api.latest import io

            return io.Schema(node_id="Source", outputs=[io.Image.Output("images", is_output_list=True)])

        @classmethod
        def execute(cls):
            from comfy_api.latest import io

            return io.NodeOutput([pixels(1), pixels(2), pixels(1)])

    folder = {"folder": "set", "similarity_threshold": 0.95}
    prompts = [
        {
            "1": {"class_type": "Source", "inputs": {}},
            "2": {
                "class_type": "OneOfEachImageDeduplication",
                "inputs": {"images": ["1", 0], "similarity_threshold": 0.95},
            },
            "3": {"class_type": "OneOfEachSaveDataset", "inputs": {"images": ["2", 0], "folder_name": "set"}},
        },
        {"1": {"class_type": "OneOfEachCleanFolder", "inputs": {**folder, "action": "move duplicates aside"}}},
        {
            "1": {"class_type": "OneOfEachLoadUniqueImages", "inputs": folder},
            "2": {"class_type": "OneOfEachSaveDataset", "inputs": {"images": ["1", 0], "folder_name": "end"}},
        },
    ]
    server, replies = Server([*nodes, Source]), []
    for prompt in prompts:
        replies.append(server.submit(prompt))
        if (base / "output" / "set").exists():
            os.rename(base / "output" / "set", base / "input" / "set")
    return [f"{reply.status} {reply.exception}{reply.errors or ''}".strip() for reply in replies]


def main(pack: str, base: str) -> None:
    before = set(sys.modules)
    with installed("new", Path(base), Interruption()):
        sys.meta_path.insert(0, Nothing())
        module, nodes = load(pack)
        loaded = sorted(set(sys.modules) - before)
        print(
            json.dumps(
                {
                    "attributes": [name for name in vars(module) if not name.startswith("__")],
                    "ids": [node.GET_SCHEMA().node_id for node in nodes],
                    "loaded": loaded,
                    "files": sorted({getattr(sys.modules[n], "__file__", "") for n in loaded if "oneofeach" in n}),
                    "replies": run(nodes, Path(base)),
                    "compiled": "oneofeach._kernels" in sys.modules,
                }
            )
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
