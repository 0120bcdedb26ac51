"""The words of `ssgnet data` that an experiment comes to."""

import pytest

from ssgnet_monai import cli
from ssgnet_monai.data import datasets
from ssgnet_monai.pipeline.experiment import load_experiment
from ssgnet_monai.pipeline.prepare_command import prepare_command
from ssgnet_monai.shipped import CONFIGS

FOLDER = CONFIGS / "experiments" / "folder.yaml"
CLASSIFICATION = CONFIGS / "experiments" / "classification.yaml"


def test_folder_data_needs_its_folders(tmp_path):
    with pytest.raises(ValueError, match="dataset_dir=FOLDER"):
        prepare_command(load_experiment(FOLDER))
    with pytest.raises(ValueError, match="folder of images at .*images, found none"):
        prepare_command(load_experiment(FOLDER, [f"dataset_dir={tmp_path}"]))
    (tmp_path / "images").mkdir()
    with pytest.raises(ValueError, match="folder of masks at .*masks, found none"):
        prepare_command(load_experiment(FOLDER, [f"dataset_dir={tmp_path}"]))
    (tmp_path / "masks").mkdir()
    overrides = [f"dataset_dir={tmp_path}", "prepare.unlabeled_ok=true"]
    words = prepare_command(load_experiment(FOLDER, overrides))
    assert "prepare" in words
    assert words[words.index("--unlabeled-ok") + 1].startswith("--")  # a flag takes no value
    assert "--unlabeled-ok" not in prepare_command(load_experiment(FOLDER, overrides[:1]))


def test_a_classifier_needs_no_masks(tmp_path):
    (tmp_path / "benign").mkdir()
    experiment = load_experiment(CLASSIFICATION, [f"dataset_dir={tmp_path}"])
    words = prepare_command(experiment)
    assert words[words.index("--images") + 1] == str(tmp_path.resolve())
    assert words[words.index("--classes") + 1] == "folders"
    assert "--masks" not in words
    experiment["prepare"]["masks"] = "masks"
    assert "--masks" not in prepare_command(experiment)
    (tmp_path / "masks").mkdir()
    assert "--masks" in prepare_command(experiment)


def test_a_public_dataset_gets_its_name_its_source_and_its_options(tmp_path, monkeypatch):
    told = []
    experiment = load_experiment(CONFIGS / "experiments" / "classification_chest_xray.yaml", ["prepare.seed=3"])
    with pytest.raises(ValueError, match="dataset_dir=FOLDER"):
        prepare_command(experiment)
    monkeypatch.setattr(datasets, "prepare_dataset", lambda *words: told.append(words))
    assert cli.main(prepare_command({**experiment, "dataset_dir": str(tmp_path)})[3:]) == 0
    assert told == [("chest_xray", str(tmp_path), "data", {"classes": "pneumonia", "seed": 3, "size": 64})]
