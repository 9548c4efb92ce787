from __future__ import annotations

import json
import re

import pytest
from hosts import OURS, ROOT
from PIL import Image

EXAMPLES = sorted((ROOT / "example_workflows").glob("*.json"))
PAGES = sorted((ROOT / "web" / "docs").glob("*.md"))
WIDGETS = ("COMBO", "FLOAT", "STRING", "BOOLEAN", "INT")


def widgets(info):
    """The inputs that are widgets, in the order in which a saved workflow lists their values."""
    for group in ("required", "optional"):
        for name in info["input_order"].get(group, []):
            kind, options = info["input"][group][name]
            if kind in WIDGETS and not options.get("forceInput"):
                yield kind, options


def fits(value, kind, options):
    if kind == "COMBO":
        return isinstance(value, str) and (value in options["options"] or value == "my_images")
    if kind == "FLOAT":
        return options["min"] <= value <= options["max"]
    return isinstance(value, {"STRING": str, "BOOLEAN": bool}[kind])


def test_there_are_three_examples_with_thumbnails():
    names = ["compare_thresholds", "dedupe_and_save_with_captions", "folder_to_unique_set"]
    assert [path.stem for path in EXAMPLES] == names
    for path in EXAMPLES:
        with Image.open(path.with_suffix(".jpg")) as thumbnail:
            assert thumbnail.width >= 600
        assert path.with_suffix(".jpg").stat().st_size < 100_000


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_widget_values_of_an_example_fit_the_nodes(host, path):
    nodes = json.loads(path.read_text(encoding="utf-8"))["nodes"]
    ours = [node for node in nodes if node["type"] in OURS]
    assert ours
    for node in ours:
        kinds = list(widgets(host.object_info(node["type"])))
        values = node["widgets_values"]
        assert len(values) == len(kinds)
        assert [pair for pair in zip(values, kinds, strict=True) if not fits(pair[0], *pair[1])] == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_links_of_an_example_join_what_is_there(host, path):
    workflow = json.loads(path.read_text(encoding="utf-8"))
    nodes = {node["id"]: node for node in workflow["nodes"]}
    for _, source, output, target, _, _ in workflow["links"]:
        assert source in nodes
        assert target in nodes
        if nodes[source]["type"] in OURS:
            assert output < len(host.object_info(nodes[source]["type"])["output"])


def test_every_node_has_a_help_page_with_a_picture():
    pages = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "web" / "docs").glob("*.md")}
    assert sorted(pages) == sorted(OURS)
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
        assert pictures, path
        for name in pictures:
            with Image.open(path.parent / name) as picture:
                assert picture.width >= 300
            assert (path.parent / name).stat().st_size < 120_000


def test_help_pages_name_every_input_and_output(host):
    for node_id in OURS:
        text, info = (ROOT / "web" / "docs" / f"{node_id}.md").read_text(encoding="utf-8"), host.object_info(node_id)
        names = [
            *info["input_order"].get("required", []),
            *info["input_order"].get("optional", []),
            *info["output_name"],
        ]
        assert [name for name in names if f"`{name}`" not in text] == []
