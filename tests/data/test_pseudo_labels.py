import json

import numpy as np
import pytest
import torch
from PIL import Image

from ssgnet_monai.data.label_change import label_change, label_disagreement
from ssgnet_monai.data.label_vote import vote
from ssgnet_monai.data.pseudo_labels import (
    IGNORED,
    PseudoLabelFolder,
    pseudo_labels,
    read_manifest,
    with_pseudo_labels,
    without_unsteady,
)
from ssgnet_monai.data.soft_labels import read_soft_label

FOREGROUND = torch.tensor([[[[0.9, 0.6], [0.4, 0.1]]], [[[0.0, 0.0], [0.0, 1.0]]]])
PROBABILITY = torch.cat([1 - FOREGROUND, FOREGROUND], 1)


def items(tmp_path, n=2):
    return [{"image": str(tmp_path / f"image{i}.png"), "origin": "synthetic"} for i in range(n)]


def publish(folder, items, probability):
    writer = PseudoLabelFolder(folder, "a" * 64)
    todo = writer.begin(items)
    writer.write(todo, items, pseudo_labels(vote([[probability[todo]]])))
    writer.publish(items, {"threshold": 0.5})


def test_labels_of_probabilities_by_hand():
    labels = pseudo_labels(vote([[PROBABILITY]]), confidence_floor=0.7)
    assert labels["mask"].flatten(1).tolist() == [[1, IGNORED, IGNORED, 0], [0, 0, 0, 1]]
    assert labels["confidence"].tolist() == pytest.approx([0.75, 1.0])
    assert labels["classes"].tolist() == [[0.5], [0.25]]


def test_labels_of_three_classes_by_hand():
    """Pixels: class 0 by .8, class 1 by .4 (of three near ones), class 2 by .6, class 2 by 1."""
    probabilities = torch.tensor([[0.8, 0.1, 0.1], [0.3, 0.4, 0.3], [0.2, 0.2, 0.6], [0, 0, 1]]).T.view(1, 3, 2, 2)
    labels = pseudo_labels(vote([[probabilities]]), confidence_floor=0.5)
    assert labels["mask"].flatten().tolist() == [0, IGNORED, 2, 2]
    assert labels["confidence"].tolist() == pytest.approx([0.7])
    assert labels["classes"].tolist() == [[0.25, 0.5]]
    assert pseudo_labels(vote([[probabilities]]))["mask"].flatten().tolist() == [0, 1, 2, 2]


def test_pixels_that_networks_label_differently_are_not_known():
    labels = pseudo_labels(vote([[PROBABILITY], [PROBABILITY.flip(3)]]))
    assert labels["mask"].flatten(1).tolist() == [[1, 1, 0, 0], [0, 0, IGNORED, IGNORED]]


def test_probabilities_are_kept_beside_the_mask_where_it_is_known(tmp_path):
    labels = pseudo_labels(vote([[PROBABILITY]]), confidence_floor=0.7, soft=True)
    assert labels["soft"].flatten(1).tolist() == [[229, IGNORED, IGNORED, 25], [0, 0, 0, 254]]
    pool, folder = items(tmp_path), tmp_path / "pseudo_labels" / "round_00"
    writer = PseudoLabelFolder(folder, "a" * 64)
    writer.write(writer.begin(pool), pool, labels)
    assert PseudoLabelFolder(folder, "a" * 64).begin(pool) == []
    (writer.partial / "soft000001.npz").unlink()
    assert PseudoLabelFolder(folder, "a" * 64).begin(pool) == [1]
    writer.publish(pool, {})
    labelled = with_pseudo_labels(pool, folder, soft=True)
    assert [item["label"] for item in labelled] == [str(folder / f"soft00000{k}.npz") for k in range(2)]
    assert read_soft_label(labelled[0]["label"], 2).flatten().tolist() == [229, IGNORED, IGNORED, 25]
    assert with_pseudo_labels(pool, folder)[0]["label"].endswith("mask000000.png")


def test_a_round_of_hard_labels_has_no_soft_ones(tmp_path):
    pool, folder = items(tmp_path), tmp_path / "pseudo_labels" / "round_00"
    publish(folder, pool, PROBABILITY)
    with pytest.raises(ValueError, match="a soft label for every pool image"):
        with_pseudo_labels(pool, folder, soft=True)


def test_the_steadiest_of_each_origin_are_taken(tmp_path):
    pool, folder = items(tmp_path, 5), tmp_path / "pseudo_labels" / "round_00"
    for item in pool[:2]:
        item["origin"] = "real"
    writer = PseudoLabelFolder(folder, "a" * 64)
    labels = pseudo_labels(vote([[PROBABILITY[:1].expand(5, -1, -1, -1)]]))
    writer.write(writer.begin(pool), pool, {**labels, "stability": torch.tensor([0.2, 0.1, 0.5, 0.4, 0.9])})
    writer.publish(pool, {})
    taken = with_pseudo_labels(pool, folder, steadiest_share=0.5)
    assert [pool.index({"image": item["image"], "origin": item["origin"]}) for item in taken] == [0, 2, 4]
    assert taken[1]["label"].endswith("mask000002.png")
    assert len(with_pseudo_labels(pool, folder)) == 5
    steady = without_unsteady(pool, folder, 0.5)
    assert [pool.index(item) for item in steady] == [0, 1, 2, 4]  # real ones stay
    assert len(without_unsteady(pool, folder, None)) == 5


def test_labels_of_one_answer_have_no_stability_to_choose_by(tmp_path):
    pool, folder = items(tmp_path), tmp_path / "pseudo_labels" / "round_00"
    publish(folder, pool, PROBABILITY)
    assert len(with_pseudo_labels(pool, folder, steadiest_share=0.5)) == 2


def test_a_round_is_published_whole_and_read_back(tmp_path):
    pool, folder = items(tmp_path), tmp_path / "pseudo_labels" / "round_00"
    publish(folder, pool, PROBABILITY)
    assert not folder.with_name("round_00.partial").exists()
    assert read_manifest(folder)["masks"][0]["mean_confidence"] == pytest.approx(0.75)
    labelled = with_pseudo_labels(pool, folder)
    with Image.open(labelled[1]["label"]) as mask:
        assert np.asarray(mask).tolist() == [[0, 0], [0, 1]]
    assert all("label" not in item for item in pool)


def test_labelling_goes_on_after_a_kill_only_for_the_same_model(tmp_path):
    pool, folder = items(tmp_path), tmp_path / "pseudo_labels" / "round_00"
    killed = PseudoLabelFolder(folder, "a" * 64)
    killed.write(killed.begin(pool)[:1], pool, pseudo_labels(vote([[PROBABILITY[:1]]])))
    with open(killed.partial / "progress.jsonl", "a", encoding="utf-8") as file:
        file.write('{"image": "half a li')
    assert PseudoLabelFolder(folder, "a" * 64).begin(pool) == [1]
    assert PseudoLabelFolder(folder, "b" * 64).begin(pool) == [0, 1]


def test_manifest_paths_are_relative(tmp_path):
    pool, folder = items(tmp_path), tmp_path / "pseudo_labels" / "round_00"
    publish(folder, pool, PROBABILITY)
    assert str(tmp_path) not in json.dumps(read_manifest(folder))


def test_label_change_by_hand(tmp_path):
    pool = items(tmp_path)
    publish(tmp_path / "p" / "round_00", pool, PROBABILITY)
    changed = PROBABILITY.clone()
    changed[0, :, 1, 0] = torch.tensor([0.2, 0.8])
    publish(tmp_path / "p" / "round_01", pool, changed)
    assert label_change(tmp_path / "p" / "round_00", tmp_path / "p" / "round_01") == pytest.approx(1 / 8)


def test_a_pool_that_grew_is_refused(tmp_path):
    publish(tmp_path / "p" / "round_00", items(tmp_path), PROBABILITY)
    with pytest.raises(ValueError, match="1 have none, the first is .*image2.png"):
        with_pseudo_labels(items(tmp_path, 3), tmp_path / "p" / "round_00")


def test_disagreement_of_two_rounds_by_image(tmp_path):
    """A volume's slices count together; a picture whose name holds a number sign is itself."""
    paths = [str(tmp_path / name) for name in ("patient#1.png", "scan.nii.gz")]
    items = [{"image": paths[0]}, *({"image": paths[1], "axis": 2, "slice": k} for k in range(2))]
    masks = torch.zeros(2, 3, 1, 4, 4, dtype=torch.uint8)
    masks[0, 0, 0, 0] = masks[1, 0, 0, 0, :2] = 1  # Dice 2 * 2 / (4 + 2)
    masks[0, 1, 0, :2] = masks[1, 2, 0, :2] = 1  # another slice of the volume
    folders = [tmp_path / "masks" / f"round_{number:02d}" for number in range(3)]
    for folder, model, drawn in zip(folders, ("aa", "bb", "bb"), (masks[0], masks[1], masks[1]), strict=True):
        labels = PseudoLabelFolder(folder, model * 32)
        certain = {"confidence": torch.ones(3), "classes": torch.ones(3, 1), "stability": torch.ones(3)}
        labels.write(labels.begin(items), items, {"mask": drawn, **certain})
        labels.publish(items, {})
    assert label_disagreement(folders[0], folders[1]) == pytest.approx({paths[0]: 1 / 3, paths[1]: 1})
    assert label_disagreement(folders[1], folders[2]) == {}  # one model: the last round was no gain


def test_disagreement_of_several_classes_is_the_mean_of_those_that_are_shown(tmp_path):
    """Class 1: Dice 2 * 1 / (2 + 2); class 3: 2 * 2 / (2 + 4); class 2 is in neither mask, 255 is no class."""
    items = [{"image": str(tmp_path / "image.png")}]
    rows = ([1, 1, 0, 3, 3, 0, 0, 255], [0, 1, 1, 3, 3, 3, 3, 255])
    folders = [tmp_path / "masks" / f"round_{number:02d}" for number in range(2)]
    for folder, model, row in zip(folders, ("aa", "bb"), rows, strict=True):
        labels = PseudoLabelFolder(folder, model * 32)
        drawn = {"mask": torch.tensor(row, dtype=torch.uint8).view(1, 1, 2, 4), "confidence": torch.ones(1)}
        labels.write(labels.begin(items), items, {**drawn, "classes": torch.ones(1, 3), "stability": torch.ones(1)})
        labels.publish(items, {})
    assert label_disagreement(*folders) == pytest.approx({items[0]["image"]: 1 - (0.5 + 2 / 3) / 2})
    assert label_change(*folders) == pytest.approx(4 / 8)
