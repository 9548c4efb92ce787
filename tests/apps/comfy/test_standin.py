"""The stand-in is as strict as the real one, and offers nothing that the real one does not."""

from __future__ import annotations

import inspect
import json
import os
import runpy
import subprocess
from pathlib import Path

import pytest
from hosts import has_advanced_inputs
from standin import Interruption, modules
from standin.api import INPUTS

PATHS = {"new": "COMFYUI_PATH", "old": "COMFYUI_OLD_PATH"}
NAMES = [*(f"{name}.Input" for name in INPUTS), "Image.Output", "String.Output", "Schema", "NodeOutput"]
ASK = """
import inspect, json, sys
sys.argv = ["main.py", "--cpu"]
import comfy.options
comfy.options.enable_args_parsing(True)
from comfy_api.latest import io
from functools import reduce
names = json.loads(sys.stdin.read())
found = {name: list(inspect.signature(reduce(getattr, name.split("."), io)).parameters) for name in names}
print("FOUND" + json.dumps(found))
"""


def parameters(io):
    found = {}
    for name in NAMES:
        value = io
        for part in name.split("."):
            value = getattr(value, part)
        found[name] = list(inspect.signature(value).parameters)
    return found


@pytest.fixture(params=["old", "new"])
def profile(request):
    return request.param


@pytest.fixture
def io(profile, tmp_path):
    return modules(profile, tmp_path, Interruption())["comfy_api.latest"].io


def test_an_unknown_argument_is_a_type_error(io):
    for build in (io.Image.Input, io.Float.Input, io.Combo.Input):
        with pytest.raises(TypeError):
            build("x", surprise=1)
    with pytest.raises(TypeError):
        io.Schema(node_id="x", surprise=1)


def test_the_old_profile_knows_nothing_of_what_came_later(tmp_path):
    old = modules("old", tmp_path, Interruption())
    io = old["comfy_api.latest"].io
    for build in (lambda: io.Combo.Input("x", advanced=True), lambda: io.Schema(node_id="x", search_aliases=[])):
        with pytest.raises(TypeError):
            build()
    assert not hasattr(old["folder_paths"], "is_within_directory")


def test_one_id_for_an_input_and_an_output_is_refused_by_the_old_profile_only(io, profile):
    class Node(io.ComfyNode):
        @classmethod
        def define_schema(cls):
            return io.Schema(node_id="x", inputs=[io.Image.Input("images")], outputs=[io.Image.Output("images")])

    if profile == "old":
        with pytest.raises(ValueError, match="Ids must be unique between inputs and outputs"):
            Node.GET_SCHEMA()
    else:
        assert Node.GET_SCHEMA().outputs[0].id == "images"


def test_the_stand_in_offers_no_more_than_the_real_one(io, profile):
    path = os.environ.get(PATHS[profile])
    if not path:
        pytest.skip(f"{PATHS[profile]} names no ComfyUI: parameter names were not compared")
    version = runpy.run_path(str(Path(path) / "comfyui_version.py"))["__version__"]
    if profile == "new" and not has_advanced_inputs(version):
        pytest.skip(f"ComfyUI {version} is older than what this profile stands for")
    python = os.environ.get("COMFYUI_PYTHON", "python")
    ran = subprocess.run(
        [python, "-c", ASK], input=json.dumps(NAMES), capture_output=True, text=True, cwd=Path(path), check=False
    )
    assert "FOUND" in ran.stdout, ran.stderr
    real = json.loads(ran.stdout.partition("FOUND")[2])
    more = {name: [one for one in ours if one not in real[name]] for name, ours in parameters(io).items()}
    assert {name: extra for name, extra in more.items() if extra} == {}
