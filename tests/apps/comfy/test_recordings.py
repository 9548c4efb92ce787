"""What a real ComfyUI answered, as data; the host at hand, stand-in or real, must answer the same.

To record anew: COMFYUI_PATH=... ONEOFEACH_RECORD=1 pytest tests/apps/comfy/test_recordings.py
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hosts import OURS
from workflows import SCENES, deduplication, images

RECORDING = Path(__file__).parent / "recordings" / "comfyui-0.33.0.json"
TOLD = ("input", "input_order", "output", "output_is_list", "output_name", "output_tooltips", "name", "display_name")


def each(values, **inputs):
    return {"1": images(SCENES), "2": {"class_type": "ProbeEach", "inputs": {"image": ["1", 0], **inputs}}, **values}


def linked(numbers):
    prompt = deduplication(SCENES, similarity_threshold=["9", 0])
    return {**prompt, "9": {"class_type": "ProbeNumbers", "inputs": {"numbers": numbers}}}


def blocked_text():
    prompt = deduplication(SCENES, connect="")
    return {**prompt, "7": {"class_type": "ProbeEach", "inputs": {"image": ["2", 0], "text": ["2", 1]}}}


CASES = {
    "aligned lists": deduplication(SCENES),
    "extras not connected": deduplication(SCENES, connect=""),
    "no duplicates: empty outputs": deduplication([SCENES[0], SCENES[3]]),
    "a plain consumer behind a blocked text": blocked_text(),
    "threshold too big": deduplication(SCENES, similarity_threshold=1.5),
    "threshold too small": deduplication(SCENES, similarity_threshold=-0.2),
    "threshold not a number": deduplication(SCENES, similarity_threshold="nan"),
    "threshold not convertible": deduplication(SCENES, similarity_threshold="high"),
    "threshold linked": linked("0.9"),
    "threshold linked, too big": linked("1.5"),
    "thresholds linked, different": linked("0.9 0.95"),
    "an option that is not offered": deduplication(SCENES, keep="worst"),
    "an unknown input": deduplication(SCENES, surprise=1),
    "a missing required input": {"2": {"class_type": "OneOfEachImageDeduplication", "inputs": {}}},
    "nothing that shows a result": {"1": images(SCENES)},
    "a plain node is called once per item": each({}),
    "the last item of a short list is repeated": each({}, text=["3", 1])
    | {"3": images([{"seed": 1, "text": "first"}, {"seed": 2, "text": "last"}])},
    "an empty list beside another": each({}, text=["3", 1]) | {"3": images([{"seed": 1}])},
    "an empty list into our node": deduplication([], connect=""),
    "a constant instead of a list": deduplication(SCENES, connect="", texts="one for all"),
    "an integer where a number is asked": deduplication(SCENES, similarity_threshold=1),
    "decisions that are no object": deduplication(SCENES, decisions="[]"),
}


def told(info):
    """The part of /object_info that our nodes decide, without what differs from installation to installation."""
    kept = json.loads(json.dumps({key: info[key] for key in (*TOLD, "category", "description", "output_node")}))
    for group in kept["input"].values():
        for name, entry in group.items():
            if name == "folder":
                entry[1].pop("options", None)
    return kept


def answer(host, prompt):
    """A reply without what the library, not ComfyUI, decides: panels and reports."""
    reply = host.submit(prompt)
    shown = {key: value for key, value in sorted(reply.outputs.items()) if key not in ("2", "5") or "seen" in value}
    errors = {key: sorted(lines) for key, lines in sorted(reply.errors.items())}
    return {"status": reply.status, "errors": errors, "exception": reply.exception, "outputs": shown}


@pytest.fixture(scope="module")
def recording(host):
    if host.real and os.environ.get("ONEOFEACH_RECORD"):
        found = {
            "comfyui": host.version,
            "object_info": {node_id: told(host.object_info(node_id)) for node_id in OURS},
            "replies": {name: answer(host, prompt) for name, prompt in CASES.items()},
        }
        RECORDING.parent.mkdir(exist_ok=True)
        RECORDING.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return json.loads(RECORDING.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", CASES)
def test_a_workflow_is_answered_as_the_real_server_answered_it(host, recording, name):
    found, expected = answer(host, CASES[name]), recording["replies"][name]
    if name == "an option that is not offered" and found["status"] == "error":  # ComfyUI 0.3.48 leaves it to the node
        (refusal,) = expected["errors"]["2"]
        assert found["exception"] == f"2: OneOfEachError: {refusal}\nChoose one of the list."
        return
    assert found == expected


@pytest.mark.parametrize("node_id", OURS)
def test_a_node_is_described_as_the_real_server_described_it(host, recording, node_id):
    expected = recording["object_info"][node_id]
    if not host.advanced:  # an older ComfyUI than the recorded one
        for group in expected["input"].values():
            for entry in group.values():
                if len(entry) > 1:  # hidden inputs have no options
                    entry[1].pop("advanced", None)
    assert told(host.object_info(node_id)) == expected


def test_nothing_is_recorded_that_is_not_tried(recording):
    assert list(recording["replies"]) == list(CASES)
    assert recording["comfyui"]
