import numpy as np
from pictures import encoded, picture

from oneofeach.stages.sources import items_of


class Tensor:
    """What a tensor offers without its library: a shape, items and __array__."""

    def __init__(self, values):
        self.values = values
        self.shape = values.shape

    def __getitem__(self, number):
        return Tensor(self.values[number])

    def __array__(self, dtype=None, copy=None):
        return self.values


def test_a_list_of_any_mix_keeps_its_order_and_gives_the_inputs_back(tmp_path):
    path = tmp_path / "a.png"
    picture(1).save(path)
    mix = [picture(2), str(path), np.zeros((4, 4, 3)), encoded(picture(3)), path]
    items = items_of(mix)
    assert [item.key for item in items] == ["[0]", str(path), "[2]", "[3]", str(path)]
    assert [items[at].input is mix[at] for at in (0, 2, 3)] == [True] * 3


def test_batches_are_flattened_into_views():
    batch = np.zeros((3, 8, 8, 3), np.float32)
    items = items_of([batch, batch[0]])
    assert [item.key for item in items] == ["[0][0]", "[0][1]", "[0][2]", "[1]"]
    assert all(np.shares_memory(item.input, batch) for item in items)


def test_tensors_are_recognized_by_what_they_can_do():
    assert [item.key for item in items_of(Tensor(np.zeros((2, 8, 8, 3))))] == ["[0]", "[1]"]
    assert [item.key for item in items_of(Tensor(np.zeros((3, 8, 8))))] == ["[0]"]


def test_an_empty_batch_is_an_item_with_a_reason():
    (item,) = items_of([np.zeros((0, 8, 8, 3))])
    assert item.error == "an empty batch: shape (0, 8, 8, 3)"


def test_a_generator_is_a_list():
    assert [item.key for item in items_of(picture(seed) for seed in range(2))] == ["[0]", "[1]"]


def test_items_in_a_list_are_taken_as_they_are():
    items = items_of([picture(0), picture(1)])
    assert items_of(items[::-1]) == items[::-1]
