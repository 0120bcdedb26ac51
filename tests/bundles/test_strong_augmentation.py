"""The strong augmentation by its keys: in trainings, in rounds, and part by part."""

import json

import pytest
import torch

from ssgnet_monai.transforms import BatchFlipRotate, BatchMixing, StrongAugmentation
from tests.bundles.conftest import REPOSITORY, TINY_SEGMENTER
from tests.bundles.test_mirror import parsed

CONFIGS = REPOSITORY / "configs" / "datasets"


def augmentation(phantom, dataset="kvasir_seg", **settings):
    return parsed("segmentation", CONFIGS / f"{dataset}.yaml", phantom, **settings).get_parsed_content(
        "train#augmentation"
    )


def test_it_is_chosen_by_one_key_and_each_part_by_its_own(phantom):
    assert isinstance(augmentation(phantom), BatchFlipRotate)
    found = augmentation(
        phantom,
        strong_augmentation=True,
        cutmix_prob=0.25,
        **{
            "student_augmentation#geometry#scale_prob": 0.0,
            "student_augmentation#mixing#margin": 0.2,
            "student_augmentation#intensity#hue": 0.0,
            "student_augmentation#blur_noise": None,
        },
    )
    assert isinstance(found, StrongAugmentation)
    assert (found.geometry.scale, found.geometry.scale_prob) == ((0.7, 1.4), 0)
    assert (found.mixing.cutmix_prob, found.mixing.margin) == (0.25, 0.2)
    assert found.intensity.hue == 0
    assert found.blur_noise is None


@pytest.mark.parametrize("dataset", ["kvasir_seg", "chest_xray"])
def test_nothing_is_mirrored_where_left_and_right_differ(phantom, dataset):
    geometry = augmentation(phantom, dataset, strong_augmentation=True).geometry
    mirrored = torch.linalg.det(geometry.sample_parameters(200)[:, :, :2]) < 0
    assert bool(mirrored.any()) is (dataset == "kvasir_seg")


def test_rounds_mix_the_images_of_the_pool(run_bundle, phantom, tmp_path, monkeypatch):
    mixed = []
    original = BatchMixing.__call__

    def watched(self, images, labels, from_pool):
        found = original(self, images, labels, from_pool)
        changed = (found[0] != images).flatten(1).any(1)
        mixed.append((int(from_pool.sum()), int(changed[from_pool].sum()), int(changed[~from_pool].sum())))
        return found

    monkeypatch.setattr(BatchMixing, "__call__", watched)
    settings = {
        **TINY_SEGMENTER,
        "dataset_dir": str(phantom),
        "output_dir": str(tmp_path),
        "ckpt_dir": str(tmp_path),
        "num_labeled": 12,
        "pool": "real",
        "num_rounds": 1,
        "pool_fraction": 0.5,
        "strong_augmentation": True,
    }
    run_bundle("segmentation", ["train", "rounds"], "rounds", **settings)
    baseline, first = mixed[: settings["steps"]], mixed[settings["steps"] : 2 * settings["steps"]]
    assert {row[0] for row in baseline} == {0}
    assert {row[0] for row in first} == {2}
    assert sum(row[1] for row in first) > 0
    assert sum(row[2] for row in mixed) == 0
    assert json.loads((tmp_path / "rounds.json").read_text())["choice"]
