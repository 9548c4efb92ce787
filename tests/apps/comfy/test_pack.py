from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hosts import OURS, ROOT
from PIL import Image

import oneofeach

HERE = Path(__file__).parent
PARTS = ("__init__.py", "pyproject.toml", "src", "web", "locales", "example_workflows")
CORE = ("ImageDeduplication", "LoadImageTextDataSetFromFolder", "SaveImageTextDataSetToFolder")
HEAVY = (
    "oneofeach.flow",
    "oneofeach.tables",
    "oneofeach.stages.",
    "oneofeach.index",
    "sqlite3",
    "typer",
    "rich",
    "torch.",
)


@pytest.fixture(scope="module", params=["one-of-each", "one of each", "oneofeach.v1.0"])
def loaded(request, tmp_path_factory):
    """What `load_pack.py` found in a copy of the pack, without compiled kernels, in a folder of that name."""
    base = tmp_path_factory.mktemp("comfyui")
    pack = base / "custom_nodes" / request.param
    pack.mkdir(parents=True)
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        ignore = {"ignore": shutil.ignore_patterns("*.so", "*.pyd", "__pycache__")} if copy is shutil.copytree else {}
        copy(ROOT / part, pack / part, **ignore)
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "ONEOFEACH_KERNELS")}
    command = [sys.executable, str(HERE / "load_pack.py"), str(pack), str(base)]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=base, check=False)
    assert ran.returncode == 0, ran.stderr
    return pack, json.loads(ran.stdout)


def test_a_clone_loads_as_comfyui_loads_it(loaded):
    pack, found = loaded
    assert found["attributes"] == ["WEB_DIRECTORY", "comfy_entrypoint"]
    assert found["ids"] == list(OURS)
    assert (pack / "web").is_dir()


def test_a_clone_uses_its_own_library_before_an_installed_one(loaded):
    pack, found = loaded
    ours = [path for path in found["files"] if path and "/standin/" not in path]
    assert len(ours) > 10
    assert [path for path in ours if not path.startswith(str(pack))] == []


def test_loading_a_clone_imports_nothing_heavy(loaded):
    assert [name for name in found_modules(loaded) if name.startswith(HEAVY)] == []


def found_modules(loaded):
    return loaded[1]["loaded"]


def test_a_clone_without_compiled_kernels_runs_on_numpy_and_pillow_alone(loaded):
    assert loaded[1]["replies"] == ["success"] * 3
    assert not loaded[1]["compiled"]


def schema_calls():
    for path in sorted((ROOT / "src/oneofeach/apps/comfy").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for cls in [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]:
            for call in [node for node in ast.walk(cls) if isinstance(node, ast.Call)]:
                if ast.unparse(call.func) == "io.Schema":
                    yield cls, call


def test_node_ids_are_literals_in_classes_derived_from_the_node_class_and_none_is_a_core_id():
    found = {}
    for cls, call in schema_calls():
        value = next(keyword.value for keyword in call.keywords if keyword.arg == "node_id")
        assert [ast.unparse(base) for base in cls.bases] == ["io.ComfyNode"]
        assert isinstance(value, ast.Constant)
        assert re.fullmatch(r"[A-Za-z0-9_]+", value.value)
        found[cls.name] = value.value
    assert sorted(found.values()) == sorted(OURS)
    assert all(name == node_id for name, node_id in found.items())
    assert not set(found.values()) & set(CORE)


def metadata():
    if sys.version_info < (3, 11):
        pytest.skip("this Python cannot read TOML")
    import tomllib

    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_no_requirement_names_the_hosts_packages_and_versions_agree():
    project = metadata()["project"]
    extras = [line for lines in project.get("optional-dependencies", {}).values() for line in lines]
    assert not [line for line in [*project["dependencies"], *extras] if line.lower().startswith(("torch", "comfy"))]
    assert project["version"] == oneofeach.__version__
    assert not (ROOT / "requirements.txt").exists()


def test_the_registry_finds_what_it_needs():
    data = metadata()
    comfy = data["tool"]["comfy"]
    assert comfy["PublisherId"]
    assert comfy["DisplayName"]
    raw = data["project"]["urls"]["Repository"].replace("https://github.com/", "https://raw.githubusercontent.com/")
    assert comfy["Icon"].startswith(f"{raw}/main/")
    with Image.open(ROOT / comfy["Icon"].removeprefix(f"{raw}/main/")) as icon:
        assert icon.size == (400, 400)  # the largest that the registry takes
    assert "web" not in comfy
    assert re.fullmatch(r">=\d+\.\d+\.\d+", comfy["requires-comfyui"])
    assert "comfyui" not in data["project"]["name"].lower()
    assert data["project"]["urls"]["Repository"].startswith("https://")
