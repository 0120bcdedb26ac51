import numpy as np
import torch

from ssgnet_monai.data.item_cache import ItemCache


def cache(most_bytes, together=None):
    read = []

    def item(index):
        read.append(index)
        return {"image": torch.full((4,), float(index)), "places": np.zeros(2, np.int64), "name": "text"}  # 32 bytes

    return ItemCache(item, most_bytes, together), read


def test_what_fits_is_read_once():
    items, read = cache(2 * 32)
    for _ in range(3):
        assert [float(items[index]["image"][0]) for index in range(4)] == [0, 1, 2, 3]
    assert read == [0, 1, 2, 3, 2, 3, 2, 3]


def test_what_lies_together_is_read_together_as_far_as_it_fits():
    items, read = cache(2 * 32, {1: [0, 1, 2], 0: [0, 1, 2], 2: [0, 1, 2]})
    items[1]
    assert read == [1, 0, 2]  # there was no room for the last
    items[0]
    assert read == [1, 0, 2]


def test_a_changed_copy_does_not_change_what_is_kept():
    items, _ = cache(1000)
    items[0]["image"] = None
    assert items[0]["image"] is not None
