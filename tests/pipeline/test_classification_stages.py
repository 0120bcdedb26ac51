import shlex

import pytest
import yaml

from ssgnet_monai import cli
from ssgnet_monai.data import grow
from ssgnet_monai.pipeline.classification_stages import classification_stages
from ssgnet_monai.pipeline.experiment import load_experiment
from ssgnet_monai.pipeline.stages import write
from ssgnet_monai.shipped import CONFIGS

DATALIST = {
    "num_channels": 1,
    "classes": ["a", "b"],
    "training": [{"image": f"{i}.png", "class": "a" if i < 3 else "b"} for i in range(10)],
}
SYNTHETIC = ["generators/a/synthetic.json", "generators/b/synthetic.json"]


def build(tmp_path, *overrides, datalist=DATALIST):
    experiment = load_experiment(CONFIGS / "experiments" / "classification.yaml", overrides)
    stages = classification_stages(experiment, datalist, tmp_path, 4, SYNTHETIC)
    write(stages, tmp_path)
    return {stage.name: stage for stage in stages}


def config(tmp_path, *parts):
    return yaml.safe_load(tmp_path.joinpath(*parts, "config.yaml").read_text())


def test_a_list_a_setting_and_a_training_for_each_row_setting_and_seed(tmp_path):
    stages = build(tmp_path, "seeds=[0,4]", "classification.resnet.settings=[original,extra_20]")
    assert list(stages) == [
        "grow_extra_20",
        "classification_resnet_original_seed0",
        "classification_resnet_original_seed4",
        "classification_resnet_extra_20_seed0",
        "classification_resnet_extra_20_seed4",
    ]
    assert stages["grow_extra_20"].as_dict()["inputs"] == [
        "data/datalist.json",
        "grown/extra_20/config.yaml",
        *SYNTHETIC,
    ]
    original = stages["classification_resnet_original_seed4"]
    folder = "classification/resnet/original/seed4"
    assert original.as_dict()["inputs"] == ["data/datalist.json", f"{folder}/config.yaml"]  # it waits for no generator
    assert original.outputs.files() == [
        f"{folder}/{name}" for name in ("metrics.json", "per_image.csv")
    ]  # no weights: training keeps them
    assert [len(stage.commands) for stage in stages.values()] == [1, 2, 2, 2, 2]
    larger = stages["classification_resnet_extra_20_seed4"]
    assert larger.as_dict()["inputs"][0] == "grown/extra_20/datalist.json"
    assert larger.as_dict()["inputs"][2] == f"{folder}/per_image.csv"


def test_settings_differ_in_their_list_alone_and_are_compared_with_the_real_images_of_the_same_seed(tmp_path):
    build(tmp_path, "seeds=[4]", "classification.resnet.settings=[original,balanced]")
    one, other = (config(tmp_path, "classification", "resnet", name, "seed4") for name in ("original", "balanced"))
    assert {key for key in one if one[key] != other[key]} == {
        "dataset_dir",
        "output_dir",
        "ckpt_dir",
        "reference",
        "config_sha256",
    }
    assert (one["dataset_dir"], other["dataset_dir"]) == ("data/datalist.json", "grown/balanced/datalist.json")
    assert (one["reference"], other["reference"]) == (None, "classification/resnet/original/seed4/per_image.csv")
    assert one["early_stop"] is None


def test_without_the_original_there_is_nothing_to_compare_with(tmp_path):
    stages = build(tmp_path, "classification.resnet.settings=[balanced]")
    assert "original" not in " ".join(stages)
    assert config(tmp_path, "classification", "resnet", "balanced", "seed0")["reference"] is None


def test_a_changed_share_changes_the_file_that_the_list_depends_on(tmp_path):
    row = "classification.resnet.settings=[original,mine]"
    build(tmp_path, row, "growth.mine={target: 20, extra: 0.2}")
    before = (tmp_path / "grown" / "mine" / "config.yaml").read_text()
    build(tmp_path, row, "growth.mine={target: 20, extra: 0.3}")
    assert (tmp_path / "grown" / "mine" / "config.yaml").read_text() != before


def test_the_command_of_a_list_is_one_that_ssgnet_takes(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(grow, "grow_datalist", lambda *words, **options: told.append((words, options)))
    command = build(tmp_path, "seeds=[7]")["grow_extra_50"].commands[0]
    assert cli.main(shlex.split(command)[4:]) == 0
    options = {"target": "balanced", "extra": 0.5, "seed": 7}
    assert told == [(("data", SYNTHETIC, "grown/extra_50/datalist.json"), options)]


def test_one_class_cannot_be_classified(tmp_path):
    with pytest.raises(ValueError, match=r"at least two classes to classify, got \['all'\].*prepare\.classes"):
        build(tmp_path, datalist={**DATALIST, "classes": ["all"]})


def test_a_class_without_training_images_is_refused_before_anything_trains(tmp_path):
    with pytest.raises(ValueError, match=r"training images of every class, got none of \['c'\].*another output_dir"):
        build(tmp_path, datalist={**DATALIST, "classes": ["a", "b", "c"]})
