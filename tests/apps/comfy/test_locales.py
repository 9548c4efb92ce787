from __future__ import annotations

import json
import re

import pytest
from hosts import OURS, ROOT

LOCALES = ROOT / "locales"
DOCS = ROOT / "web" / "docs"
SHAPES = ("##", "| ", "![", "* ", "1.", "2.", "3.")  # how lines of a help page begin
LANGUAGES = ("en", "zh", "zh-TW", "ja", "ko", "de", "fr", "es")


def definitions(language):
    return json.loads((LOCALES / language / "nodeDefs.json").read_text(encoding="utf-8"))


def shape(node, found=()):
    """All paths of keys in a nested object."""
    if not isinstance(node, dict):
        return [found]
    return [path for key in sorted(node) for path in shape(node[key], (*found, key))]


def test_the_promised_languages_are_there():
    assert sorted(path.name for path in LOCALES.iterdir()) == sorted(LANGUAGES)
    assert [path.name for path in LOCALES.glob("*/*") if path.name != "nodeDefs.json"] == []


def test_the_english_texts_are_those_of_the_schemas(host):
    english = definitions("en")
    assert sorted(english) == sorted(OURS)  # a foreign id would rename a node of somebody else
    for node_id in OURS:
        info, texts = host.object_info(node_id), english[node_id]
        inputs = {**info["input"]["required"], **info["input"].get("optional", {})}
        assert (texts["display_name"], texts["description"]) == (info["display_name"], info["description"])
        assert list(texts["inputs"]) == [
            name for group in ("required", "optional") for name in info["input_order"].get(group, [])
        ]
        assert {key: entry["tooltip"] for key, entry in texts["inputs"].items()} == {
            key: entry[1]["tooltip"] for key, entry in inputs.items()
        }
        assert [texts["outputs"][str(slot)]["name"] for slot in range(len(info["output"]))] == info["output_name"]
        for key, entry in texts["inputs"].items():
            options = inputs[key][1].get("options", [])
            assert list(entry.get("options", options)) == options


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_language_says_everything_that_english_says(language):
    assert shape(definitions(language)) == shape(definitions("en"))
    said = json.dumps(definitions(language), ensure_ascii=False)
    assert "dataset_2" in said
    assert "10_cat" in said


@pytest.mark.parametrize("node_id", OURS)
@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_help_page_is_there_in_every_language_with_its_picture(language, node_id):
    english = (DOCS / f"{node_id}.md").read_text(encoding="utf-8")
    page = (DOCS / node_id / f"{language}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {definitions(language)[node_id]['display_name']}\n")
    assert f"]({node_id}.jpg)\n" in page  # the frontend looks for pictures beside the English page
    assert [line[:2] for line in page.splitlines() if line[:2] in SHAPES] == [
        line[:2] for line in english.splitlines() if line[:2] in SHAPES
    ]
    told = set(re.findall(r"`([a-z_]+)`", english)) - {"name"}
    assert told <= set(re.findall(r"`([a-z_]+)`", page))


@pytest.mark.parametrize("page", sorted(DOCS.glob("*/*.md")), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_emphasis_is_seen_as_such_where_words_have_no_spaces(page):
    """Markdown takes no `**` for an end that stands between punctuation and a letter."""
    for line in page.read_text(encoding="utf-8").splitlines():
        _, *parts = line.split("**")
        for strong, after in zip(parts[::2], parts[1::2], strict=True):
            assert strong[-1].isalnum() or not after[:1].isalnum()
