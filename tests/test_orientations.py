"""Flips and quarter turns are found when they are asked for, and only then."""

import numpy as np
import pytest
from pictures import picture
from PIL import Image

import oneofeach

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@pytest.mark.parametrize("turn", TURNS)
def test_a_turned_copy_is_a_duplicate_only_when_all_orientations_are_asked_for(turn):
    images = [picture(1), picture(2), picture(1).transpose(TURNS[turn])]
    assert oneofeach.deduplicate(images, keep="first").counts["removed"] == 0
    result = oneofeach.deduplicate(images, keep="first", orientations="all")
    assert result.counts["removed"] == 1
    (pair,) = result.pairs.at(0.95).evidence
    assert TURNS[int(pair["orientation"])] == {6: TURNS[8], 8: TURNS[6]}.get(turn, TURNS[turn])


def test_upright_pairs_stay_what_they_are():
    images = [picture(seed) for seed in range(5)] + [picture(0).resize((200, 150))]
    upright = oneofeach.deduplicate(images)
    every = oneofeach.deduplicate(images, orientations="all")
    assert np.array_equal(every.assignment.keeper, upright.assignment.keeper)
    assert every.pairs.similarity.tolist() == upright.pairs.similarity.tolist()
    assert set(every.pairs.evidence["orientation"].tolist()) == {1}


def test_another_threshold_searches_the_same_orientations():
    images = [picture(1), picture(1).transpose(TURNS[2])]
    assert oneofeach.deduplicate(images, orientations="all").at(0.5).counts["removed"] == 1
    assert oneofeach.deduplicate(images, 0.5).at(0.4).counts["removed"] == 0


def test_mirrored_copies_of_reference_images_go():
    result = oneofeach.deduplicate(
        [picture(1), picture(2)], against=[picture(2).transpose(TURNS[2])], orientations="all"
    )
    assert result.counts["removed"] == 1


def test_an_unknown_name_is_an_error():
    with pytest.raises(oneofeach.OneOfEachError, match=r"^Unknown orientations: some\nChoose one of: upright, all\.$"):
        oneofeach.deduplicate([picture(1)], orientations="some")
