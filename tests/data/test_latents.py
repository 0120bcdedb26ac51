from collections import Counter

import pytest
import torch

from ssgnet_monai.data import LatentDataset, class_counts, class_cycle


def test_latent_and_class_depend_on_the_seed_alone():
    few = LatentDataset(2, 8, seed=10, class_cycle=["a", "b", "a"], classes=["a", "b"])
    many = LatentDataset(30, 8, class_cycle=["a", "b", "a"], classes=["a", "b"])
    assert [(i["seed"], i["class"]) for i in few] == [(10, "b"), (11, "a")]
    assert torch.equal(few[0]["image"], many[10]["image"])
    assert few[0]["condition"].tolist() == many[10]["condition"].tolist() == [0, 1]


def test_existing_seeds_are_skipped_but_stay_listed():
    dataset = LatentDataset(4, 8, seed=0, skip=[1, 2])
    assert [item["seed"] for item in dataset] == [0, 3]
    assert len(dataset.all_items) == 4


def test_a_class_that_the_generator_does_not_know_is_named():
    with pytest.raises(ValueError, match=r"out of \['a'\] to generate, got \['b'\]"):
        LatentDataset(4, 8, class_cycle=["a", "b"], classes=["a"])


def test_classes_take_turns_by_their_shares():
    assert class_cycle({"a": 4, "b": 2}) == ["a", "b", "a"]
    assert class_cycle({"b": 20, "a": 80, "none": 0}) == ["a", "a", "b", "a", "a"]
    assert class_cycle({"a": 9, "b": 1}, "equal") == ["a", "b"]
    with pytest.raises(ValueError, match="'prior' or 'equal', got 'same'"):
        class_cycle({"a": 1}, "same")


@pytest.mark.parametrize("sizes", [{"a": 70, "b": 29, "c": 1}, {"a": 5, "b": 5, "c": 5, "d": 1}, {"x": 3}])
def test_every_beginning_of_the_cycle_is_near_the_shares(sizes):
    cycle, total = class_cycle(sizes), sum(sizes.values())
    for length in range(1, 2 * len(cycle) + 1):
        found = Counter(cycle[k % len(cycle)] for k in range(length))
        assert all(abs(found[name] - length * size / total) < 1 for name, size in sizes.items())


def test_class_counts_add_up():
    training = [{"class": "a"}] * 7 + [{"class": "b"}] * 3
    assert class_counts(training, 10) == {"a": 7, "b": 3}
    assert class_counts(training, 11) == {"a": 8, "b": 3}
    assert class_counts(training, 10, "equal") == {"a": 5, "b": 5}
    with pytest.raises(ValueError, match="'prior' or 'equal', got 'same'"):
        class_counts(training, 10, "same")


def test_synthetic_images_of_a_grown_list_do_not_change_the_proportions():
    training = [{"class": "a"}] * 7 + [{"class": "b"}] * 3 + [{"class": "b", "origin": "synthetic"}] * 4
    assert class_counts(training, 10) == {"a": 7, "b": 3}
