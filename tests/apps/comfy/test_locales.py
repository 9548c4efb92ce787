from __future__ import annotations

import json

import pytest
from hosts import OURS, ROOT

LOCALES = ROOT / "locales"
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
