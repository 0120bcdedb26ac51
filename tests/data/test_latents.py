import pytest
import torch

from ssgnet_monai.data import LatentDataset, class_counts


def test_latent_depends_on_its_seed_alone():
    one, other = LatentDataset({"a": 3, "b": 2}, 8, seed=10), LatentDataset({"b": 1}, 8, seed=12, classes=["a", "b"])
    assert torch.equal(one[2]["image"], other[0]["image"])
    assert [(i["seed"], i["class"]) for i in one] == [(10, "a"), (11, "a"), (12, "a"), (13, "b"), (14, "b")]
    assert other[0]["condition"].tolist() == [0, 1]


def test_existing_seeds_are_skipped_but_stay_listed():
    dataset = LatentDataset({"a": 4}, 8, seed=0, skip=[1, 2])
    assert [item["seed"] for item in dataset] == [0, 3]
    assert len(dataset.all_items) == 4


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
