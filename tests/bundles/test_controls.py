"""The controls of rounds: one training each, of the rounds' own images and first weights, scored as any model."""

import json
import re

import pytest
import torch

from tests.bundles.conftest import TINY_SEGMENTER, run_workflow

CONTROLS = ("equal_total_steps", "duplicate_real", "oracle")
SMALL = {**TINY_SEGMENTER, "steps": 4, "num_labeled": 12}
ROUNDS = {**SMALL, "num_rounds": 1, "pool": "real"}


def places(phantom, folder):
    return {"dataset_dir": str(phantom), "output_dir": str(folder), "ckpt_dir": str(folder)}


def train(run_id, phantom, folder, **changed):
    return run_workflow("segmentation", ["train", "rounds"], run_id, **{**ROUNDS, **places(phantom, folder), **changed})


def same(one, other):
    one, other = (torch.load(path, weights_only=True) for path in (one, other))
    return all(torch.equal(one[key], other[key]) for key in one)


def names(items):
    return [(item["image"], item.get("label")) for item in items]


@pytest.fixture(scope="module")
def rounds(phantom, tmp_path_factory):
    """Finished rounds: the items of their last training, and their folder."""
    folder = tmp_path_factory.mktemp("rounds")
    return train("rounds", phantom, folder).parser.get_parsed_content("train#dataset").items, folder


@pytest.mark.parametrize("control", CONTROLS)
def test_a_control_learns_from_the_labelled_images_of_the_rounds_and_is_scored_as_the_model(
    control, rounds, phantom, tmp_path
):
    parser = train(control, phantom, tmp_path).parser
    labeled, items = parser.get_parsed_content("labeled"), parser.get_parsed_content("train#dataset").items
    truth = {item["image"]: item["label"] for item in parser.get_parsed_content("datalist")["training"]}
    assert names(items[: len(labeled)]) == names(rounds[0][: len(labeled)]) == names(labeled)
    others, pool = items[len(labeled) :], parser.get_parsed_content("pool_items")
    if control == "oracle":
        assert [item["image"] for item in others] == [item["image"] for item in pool]
        assert all(item["label"] == truth[item["image"]] for item in others)
    else:
        assert names(others) == (names(labeled) if control == "duplicate_real" else [])
    assert not (tmp_path / "rounds.json").exists()
    run_workflow("segmentation", ["train", "evaluate"], **{**SMALL, **places(phantom, tmp_path)})
    record = json.loads((tmp_path / "metrics.json").read_text())
    assert list(record["checkpoints"]) == ["model"]
    assert record["chosen"] == "model"
    assert record["n_training_masks"] == len(labeled) + (len(others) if control == "oracle" else 0)


@pytest.mark.parametrize("control", CONTROLS)
def test_without_its_pool_a_control_is_the_baseline_of_the_rounds(control, rounds, phantom, tmp_path):
    """Bit for bit: first weights, order, augmentation and averaging are those of the rounds' first training."""
    train(control, phantom, tmp_path, finetune_steps=SMALL["steps"])  # every step takes labelled images alone
    assert same(tmp_path / "model.pt", rounds[1] / "models" / "baseline.pt")
    (tmp_path / "mixed").mkdir()
    train(control, phantom, tmp_path / "mixed")
    mixed = same(tmp_path / "mixed" / "model.pt", rounds[1] / "models" / "baseline.pt")
    assert mixed is (control == "equal_total_steps")


def test_a_control_does_not_go_on_from_another_ones_checkpoints(phantom, tmp_path):
    train("duplicate_real", phantom, tmp_path)
    with pytest.raises(RuntimeError) as caught:  # MONAI's, around ours
        train("oracle", phantom, tmp_path)
    assert re.search("Expected control: 'duplicate_real', .* got 'oracle'", str(caught.value.__cause__))


def test_an_oracle_without_hidden_images_is_refused(phantom, tmp_path):
    with pytest.raises(RuntimeError) as error:
        train("oracle", phantom, tmp_path, num_labeled=None)
    assert "so there is no oracle. Set num_labeled or labeled_list" in str(error.value.__cause__)
