from __future__ import annotations

import json
import re

import pytest
from workflows import SCENES, deduplication, images

from oneofeach.errors import OneOfEachError

KEPT, GONE, REPORT = "3", "4", "5"


def shapes(reply, node):
    return [image["shape"] for image in reply.outputs[node]["images"]]


def report(reply):
    return reply.outputs[REPORT]["texts"][0]


def panel(reply):
    return reply.outputs["2"]["oneofeach"][0]


def done(host, prompt):
    reply = host.submit(prompt)
    assert (reply.status, reply.exception, reply.errors) == ("success", "", {})
    return reply


def test_captions_masks_and_names_stay_with_their_images(host):
    reply = done(host, deduplication(SCENES))
    assert reply.outputs[KEPT]["texts"] == ["a cat, red", "a bird", "a dog, big"]
    assert reply.outputs["6"]["texts"] == ["cats/a.png", "c.png", "dogs/b_large.png"]
    assert shapes(reply, KEPT) == [[1, 128, 192, 3], [1, 96, 64, 3], [1, 128, 192, 3]]
    seeds = [mask["sum"] / (mask["shape"][1] * mask["shape"][2]) for mask in reply.outputs[KEPT]["masks"]]
    assert seeds == pytest.approx([0.001, 0.003, 0.002], abs=1e-4)


def test_removed_images_come_out_with_their_captions(host):
    reply = done(host, deduplication(SCENES))
    assert reply.outputs[GONE]["texts"] == ["a dog", "a cat, sofa"]
    assert shapes(reply, GONE) == [[1, 64, 96, 3], [1, 64, 96, 3]]


def test_a_workflow_of_the_core_node_runs_after_swapping_the_node(host):
    prompt = {
        "1": images(SCENES),
        "2": {"class_type": "OneOfEachImageDeduplication", "inputs": {"images": ["1", 0], "similarity_threshold": 0.9}},
        "3": {"class_type": "ProbeEach", "inputs": {"image": ["2", 0]}},
    }
    seen = done(host, prompt).outputs["3"]["seen"]
    assert [image["shape"] for image, _ in seen] == [[1, 128, 192, 3], [1, 96, 64, 3], [1, 128, 192, 3]]


def test_the_report_says_what_went_for_what(host):
    lines = report(done(host, deduplication(SCENES))).splitlines()
    assert lines[0] == "Kept 3 of 5 images: 2 duplicates in 2 groups."
    assert re.fullmatch(r"Threshold 0\.95; others: 0\.98 -> \d removed, 0\.95 -> 2, 0\.90 -> 2\.", lines[1])
    assert re.fullmatch(r"Group 1: kept 1 cats/a\.png 192x128; removed 3 cats/a_small\.jpg 96x64 \(0\.9\d\)", lines[2])
    assert lines[3].startswith("Group 2: kept 5 dogs/b_large.png 192x128; removed 2 dogs/b.png 96x64")
    assert len(lines) == 4


def test_without_duplicates_everything_comes_out_and_empty_outputs_run_nothing(host):
    reply = done(host, deduplication([SCENES[0], SCENES[3]]))
    assert report_of_panel(reply).startswith("Kept all 2 images: no duplicates.\n")
    assert len(shapes(reply, KEPT)) == 2
    assert GONE not in reply.outputs
    assert REPORT not in reply.outputs  # its images input is the groups output, which is empty


def report_of_panel(reply):
    return panel(reply)["report"]


def test_outputs_of_inputs_that_are_not_connected_run_nothing_and_the_report_says_so(host):
    prompt = deduplication(SCENES, connect="")
    prompt["7"] = {"class_type": "ProbeEach", "inputs": {"image": ["2", 0], "text": ["2", 1]}}
    reply = done(host, prompt)
    assert "7" not in reply.outputs
    for name, kind in (("texts", "captions"), ("masks", "masks"), ("names", "names")):
        assert f"{name} output not used: no {kind} come in." in report(reply)
    if not host.real:
        assert set(reply.blocked) == {"7: No captions come in: connect the texts input"}


def test_an_image_list_may_be_empty_of_anything_but_then_it_is_an_error(host):
    for entries in ([], [{"seed": 1, "batch": 0}]):
        reply = host.submit(deduplication(entries, connect=""))
        assert reply.exception == (
            "2: EmptyImageList: Image list is empty\n"
            "Connect a loader, or check that the folder holds PNG, JPG, JPEG or WEBP images."
        )


HINT = "Use a number from 0.0 (everything matches) to 1.0 (only the most alike)."


@pytest.mark.parametrize("value", [1.5, -0.2, "nan"])
def test_a_threshold_typed_in_outside_0_to_1_is_refused(host, value):
    reply = host.submit(deduplication(SCENES, similarity_threshold=value))
    text = "Custom validation failed for node: similarity_threshold - Invalid similarity threshold: "
    assert reply.status == "refused"
    assert reply.errors == {"2": [f"{text}{float(value)}\n{HINT}"]}


@pytest.mark.parametrize(("numbers", "shown"), [("1.5", "1.5"), ("nan", "nan"), ("-0.2", "-0.2")])
def test_a_threshold_through_a_link_is_checked_when_it_is_there(host, numbers, shown):
    prompt = deduplication(SCENES, similarity_threshold=["9", 0])
    prompt["9"] = {"class_type": "ProbeNumbers", "inputs": {"numbers": numbers}}
    assert host.submit(prompt).exception == f"2: InvalidThreshold: Invalid similarity threshold: {shown}\n{HINT}"


def test_a_list_of_equal_thresholds_is_one_and_of_different_ones_an_error(host):
    prompt = deduplication(SCENES, similarity_threshold=["9", 0])
    prompt["9"] = {"class_type": "ProbeNumbers", "inputs": {"numbers": "0.95 0.95"}}
    assert host.submit(prompt).status == "success"
    prompt["9"]["inputs"]["numbers"] = "0.9 0.95"
    expected = f"2: InvalidThreshold: Invalid similarity threshold: 2 different values\n{HINT}"
    assert host.submit(prompt).exception == expected


def test_at_threshold_0_one_image_stays(host):
    assert len(shapes(done(host, deduplication(SCENES, similarity_threshold=0.0)), KEPT)) == 1


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"shape": [64, 64]}, "expected [batch, height, width, channels], got (64, 64)"),
        ({"none": True}, "expected [batch, height, width, channels], got NoneType"),
        ({"shape": [1, 0, 8, 3]}, "expected [batch, height, width, channels], got (1, 0, 8, 3)"),
    ],
)
def test_what_is_no_image_tensor_is_named_by_its_number(host, entry, message):
    reply = host.submit(deduplication([SCENES[0], SCENES[1], entry], connect=""))
    start = "2: UnsupportedInput: Image 3 is not an image tensor: "
    assert reply.exception == f"{start}{message}\nCheck the node that makes this image."


def test_two_channels_are_refused(host):
    reply = host.submit(deduplication([{"shape": [1, 8, 8, 2]}], connect=""))
    assert reply.exception.splitlines()[0] == "2: UnsupportedInput: Image 1 has 2 channels, expected 1, 3 or 4"


@pytest.mark.parametrize("name", ["texts", "names"])
def test_a_list_of_another_length_is_refused_rather_than_guessed(host, name):
    key = name[:-1]
    entries = [{**entry} for entry in SCENES]
    del entries[0][key]
    reply = host.submit(deduplication(entries, connect=name))
    kind, noun = {"texts": ("Captions", "texts"), "names": ("Names", "names")}[name]
    assert reply.exception == (
        f"2: UnsupportedInput: {kind} do not match images: 4 {noun} for 5 images\n"
        "Connect both outputs of the same loader."
    )


def test_batches_are_flattened_with_one_caption_per_image_or_per_batch(host):
    batches = [{"seed": 10, "batch": 2, "text": "one"}, {"seed": 10, "batch": 3, "text": "two"}]
    reply = done(host, deduplication(batches, connect="texts masks"))
    assert shapes(reply, KEPT) == [[1, 64, 96, 3]] * 3
    assert reply.outputs[KEPT]["texts"] == ["one", "one", "two"]
    assert len(reply.outputs[KEPT]["masks"]) == 3
    prompt = deduplication(batches, connect="")
    prompt["8"] = images([{"seed": n, "text": f"caption {n}"} for n in range(5)])
    prompt["2"]["inputs"]["texts"] = ["8", 1]
    prompt["3"]["inputs"]["texts"] = ["2", 1]
    assert done(host, prompt).outputs[KEPT]["texts"] == ["caption 0", "caption 1", "caption 4"]


@pytest.mark.parametrize("entry", [{"c": 1}, {"c": 4}, {"dtype": "float16"}, {"nan": True}])
def test_every_kind_of_tensor_is_compared_and_passes_through_untouched(host, entry):
    smaller = {} if "nan" in entry else {"w": 48, "h": 32}
    entries = [{"seed": 5, **entry}, {"seed": 6}, {"seed": 5, **smaller, **entry}]
    reply = done(host, deduplication(entries, connect=""))
    assert shapes(reply, KEPT) == [[1, 64, 96, entry.get("c", 3)], [1, 64, 96, 3]]
    same = done(host, {"1": images(entries[:1]), "2": {"class_type": "ProbeShow", "inputs": {"images": ["1", 0]}}})
    assert reply.outputs[KEPT]["images"][0] == same.outputs["2"]["images"][0]
    assert ("NaN pixels compare as 0" in report(reply)) == ("nan" in entry)


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        ("highest resolution", ["a cat, red", "a bird", "a dog, big"]),
        ("first", ["a cat, red", "a dog", "a bird"]),
        ("last", ["a cat, sofa", "a bird", "a dog, big"]),
        ("longest caption", ["a cat, sofa", "a bird", "a dog, big"]),
    ],
)
def test_keep_decides_which_member_of_a_group_stays(host, keep, kept):
    assert done(host, deduplication(SCENES, keep=keep)).outputs[KEPT]["texts"] == kept


@pytest.mark.parametrize("name", ["keep", "captions"])
def test_a_value_that_is_not_offered_is_an_error_where_the_server_lets_it_through(host, name):
    if host.real:
        pytest.skip("the node of a running server cannot be reached")
    import numpy as np
    from standin.tensor import from_numpy

    node = host.nodes["OneOfEachImageDeduplication"]
    with pytest.raises(OneOfEachError, match=f"Value not in list: {name}: 'worst' not in "):
        node.execute([from_numpy(np.zeros((1, 8, 8, 3), np.float32))], [0.95], texts=["a"], **{name: ["worst"]})


def test_longest_caption_without_captions_falls_back_and_says_so(host):
    reply = done(host, deduplication(SCENES, connect="", keep="longest caption"))
    assert shapes(reply, KEPT)[0] == [1, 128, 192, 3]
    assert "No captions come in: keep fell back to highest resolution." in report(reply)


@pytest.mark.parametrize(
    ("captions", "texts", "line"),
    [
        ("longest", ["a cat, sofa", "a bird", "a dog, big"], "Captions: 1 merged."),
        ("merge tags", ["a cat, red, sofa", "a bird", "a dog, big"], "Captions: 1 merged."),
    ],
)
def test_the_survivor_gets_the_captions_of_its_duplicates(host, captions, texts, line):
    reply = done(host, deduplication(SCENES, captions=captions))
    assert reply.outputs[KEPT]["texts"] == texts
    assert line in report(reply)
    assert reply.outputs[GONE]["texts"] == ["a dog", "a cat, sofa"]


def test_neighbours_are_compared_with_the_last_kept_image_only(host):
    film = [{"seed": 1}, {"seed": 1, "w": 48, "h": 32}, {"seed": 2}, {"seed": 1}]
    assert len(shapes(done(host, deduplication(film, connect="")), KEPT)) == 2
    assert len(shapes(done(host, deduplication(film, connect="", compare="neighbours")), KEPT)) == 3


REPEATED = [
    {"seed": 1, "text": "a cat", "name": "a.png"},
    {"seed": 1, "text": "a cat", "name": "a.png"},
    {"seed": 1, "text": "a tom", "name": "a.png"},
    {"seed": 2, "text": "a dog", "name": "b.png"},
    {"seed": 1, "w": 48, "h": 32, "text": "a cat", "name": "a.png"},
]


def test_training_repeats_are_kept_only_when_asked(host):
    reply = done(host, deduplication(REPEATED))
    assert reply.outputs[KEPT]["texts"] == ["a cat", "a dog"]
    assert "1 image is an exact repeat; set repeats to keep if they are training repeats." in report(reply)
    reply = done(host, deduplication(REPEATED, repeats="keep"))
    assert reply.outputs[KEPT]["texts"] == ["a cat", "a cat", "a dog"]
    assert "1 image kept as training repeats." in report(reply)


def card_of(reply, index):
    return next(card for group in panel(reply)["groups"] for card in group if card["index"] == index)


def test_choices_made_by_hand_are_obeyed_and_counted(host):
    first = done(host, deduplication(SCENES))
    choices = {card_of(first, 1)["key"]: False, card_of(first, 3)["key"]: True, "0000000000000000:1": True}
    reply = done(host, deduplication(SCENES, decisions=json.dumps(choices)))
    assert reply.outputs[KEPT]["texts"] == ["a cat, sofa", "a bird", "a dog, big"]
    assert "By hand: 1 kept, 1 dropped, 1 choice matches no image." in report(reply)
    assert (card_of(reply, 1)["auto"], card_of(reply, 1)["kept"]) == (True, False)
    assert (card_of(reply, 3)["auto"], card_of(reply, 3)["kept"]) == (False, True)


def test_a_choice_outlives_another_threshold_and_another_order(host):
    first = done(host, deduplication(SCENES))
    choices = json.dumps({card_of(first, 3)["key"]: False})
    reply = done(host, deduplication(SCENES[::-1], similarity_threshold=1.0, decisions=choices))
    assert reply.outputs[KEPT]["texts"] == ["a dog, big", "a bird", "a dog", "a cat, red"]
    assert [card["index"] for card in panel(reply)["groups"][0]] == [3]


def test_equal_images_have_keys_of_their_own(host):
    copies = [{"seed": 1}, {"seed": 2}, {"seed": 1}]
    first = done(host, deduplication(copies, connect=""))
    keys = [card["key"] for card in panel(first)["groups"][0]]
    assert [key.split(":")[1] for key in keys] == ["1", "2"]
    assert keys[0].split(":")[0] == keys[1].split(":")[0]
    reply = done(host, deduplication(copies, connect="", decisions=json.dumps({keys[1]: True})))
    assert len(shapes(reply, KEPT)) == 3


def test_the_caption_of_a_keeper_dropped_by_hand_goes_to_who_is_kept(host):
    first = done(host, deduplication(SCENES))
    choices = json.dumps({card_of(first, 1)["key"]: False, card_of(first, 3)["key"]: True})
    reply = done(host, deduplication(SCENES, decisions=choices, captions="merge tags"))
    assert reply.outputs[KEPT]["texts"][0] == "a cat, sofa, red"


@pytest.mark.parametrize("decisions", ["[1]", "{", '"x"', '{"a": 1}'])
def test_decisions_that_are_no_json_object_are_an_error(host, decisions):
    reply = host.submit(deduplication(SCENES, decisions=decisions))
    expected = "Invalid decisions: not a JSON object\nClear the field or press Reset in the panel."
    assert reply.exception == f"2: OneOfEachError: {expected}"


def test_dropping_everything_by_hand_is_an_error(host):
    pair = [SCENES[0], SCENES[2]]
    choices = {card["key"]: False for card in panel(done(host, deduplication(pair)))["groups"][0]}
    reply = host.submit(deduplication(pair, decisions=json.dumps(choices)))
    expected = "No image is left: all 2 were dropped by hand\nPress Reset in the panel, or keep one."
    assert reply.exception == f"2: OneOfEachError: {expected}"


def test_the_panel_gets_thumbnails_that_the_server_can_show(host):
    card = panel(done(host, deduplication(SCENES)))["groups"][0][0]
    path = host.base / "temp" / card["file"]["subfolder"] / card["file"]["filename"]
    assert path.read_bytes()[8:12] == b"WEBP"
    assert (card["w"], card["h"], card["text"]) == (192, 128, "a cat, red")
    if host.real:
        status, body = host.get("/view?" + "&".join(f"{key}={value}" for key, value in card["file"].items()))
        assert (status, body) == (200, path.read_bytes())


def test_a_second_run_with_the_same_inputs_is_cached(host):
    entries = [{"seed": 71}, {"seed": 72}]
    first = done(host, deduplication(entries, connect=""))
    second = done(host, deduplication(entries, connect=""))
    assert "2" in second.cached
    assert second.outputs["2"] == first.outputs["2"]


def test_the_result_is_the_same_on_every_run(host):
    first = done(host, deduplication(SCENES)).outputs
    host.forget()
    assert done(host, deduplication(SCENES)).outputs == first


def test_many_images_give_sheets_and_a_panel_of_bounded_size(host):
    many = [{"seed": n % 205, "w": 24, "h": 16} for n in range(410)]
    many += [{"seed": 0, "w": 24, "h": 16}] * 70
    reply = done(host, deduplication(many, connect=""))
    assert len(reply.outputs[REPORT]["images"]) == 200
    assert len(panel(reply)["groups"]) == 200
    assert panel(reply)["total"] == 205
    assert (len(panel(reply)["groups"][0]), panel(reply)["more"][0]) == (60, 12)
    assert "Panel shows 200 of 205 groups." in report(reply)
    assert "Panel shows 60 of 72 images of group 1." in report(reply)
