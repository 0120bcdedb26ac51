"""A stage that has begun to train goes on under its own settings only."""

import pytest

from ssgnet_monai.pipeline.experiment import load_experiment
from ssgnet_monai.pipeline.stages import check, plan, write
from ssgnet_monai.shipped import CONFIGS

DATALIST = {
    "num_channels": 3,
    "classes": ["a", "b"],
    "training": [{"image": f"{i}.png", "class": "a" if i < 3 else "b"} for i in range(10)],
}
GENERATOR, SEGMENTER = "generators/a/state", "segmentation/unet/seed0/state/baseline"
CLASSIFIER = "classification/resnet/original/seed0/state/train"


def build(tmp_path, *overrides, name="classification"):
    experiment = load_experiment(CONFIGS / "experiments" / f"{name}.yaml", ["seeds=[0]", *overrides])
    stages = plan(experiment, DATALIST, tmp_path, 2)
    check(stages, tmp_path)
    write(stages, tmp_path)
    return stages


def train(tmp_path, state):
    (tmp_path / state).mkdir(parents=True)
    (tmp_path / state / "checkpoint_000000001.pt").touch()


@pytest.mark.parametrize(
    ("name", "state", "change", "message"),
    [
        ("classification", CLASSIFIER, "classification.resnet.config.steps=400", "steps: 250, .*original/seed0.*400"),
        (
            "classification",
            CLASSIFIER,
            "classification.resnet.config.learning_rate=0.1",
            "rate: the default, .*rate: 0.1",
        ),
        ("classification", CLASSIFIER, "classification.resnet.profile=null", "resnet18.*another output_dir, or remove"),
        ("classification", GENERATOR, "synthesis.config.r1_gamma=9", "r1_gamma: .*generators/a .*r1_gamma: 9"),
        ("classification", GENERATOR, "synthesis.config.kimg=0.1", "Expected kimg: .*got kimg: 0.1"),
        ("demo", SEGMENTER, "segmentation.unet.config.gate=false", "gate: the default, .*unet/seed0 .*gate: False"),
        ("demo", SEGMENTER, "budget=0.5", "steps"),
    ],
)
def test_other_settings_than_those_of_the_checkpoints_are_refused(tmp_path, name, state, change, message):
    build(tmp_path, name=name)
    build(tmp_path, change, name=name)  # nothing is trained yet
    build(tmp_path, name=name)
    train(tmp_path, state)
    before = (tmp_path / state.split("/state")[0] / "config.yaml").read_text()
    build(tmp_path, name=name)
    with pytest.raises(ValueError, match=message):
        build(tmp_path, change, name=name)
    assert (tmp_path / state.split("/state")[0] / "config.yaml").read_text() == before


def test_what_no_training_depends_on_may_change(tmp_path):
    build(tmp_path, "classification.resnet.settings=[original,balanced]")
    for state in (GENERATOR, CLASSIFIER, CLASSIFIER.replace("original", "balanced")):
        train(tmp_path, state)
    more = ["growth.mine={target: 20}", "classification.resnet.settings=[original,balanced,mine,extra_50]"]
    stages = build(tmp_path, *more, "classification.resnet.config.num_workers=1")
    assert any(stage.name.startswith("classification_resnet_mine") for stage in stages)
    build(tmp_path, "classification.resnet.settings=[balanced]")  # without a reference


def test_a_longer_training_of_a_generator_and_more_rounds_go_on(tmp_path):
    build(tmp_path, name="demo")
    train(tmp_path, GENERATOR)
    train(tmp_path, SEGMENTER)
    build(tmp_path, "synthesis.config.kimg=999", "segmentation.unet.config.num_rounds=9", name="demo")


def test_more_rounds_than_the_default_go_on_and_fewer_do_not(tmp_path):
    unnamed = ["segmentation.unet.config={}", "controls=[]"]
    build(tmp_path, *unnamed, name="demo")
    train(tmp_path, SEGMENTER)
    with pytest.raises(ValueError, match=r"num_rounds: the default, .*got num_rounds: 1"):
        build(tmp_path, *unnamed, "segmentation.unet.config.num_rounds=1", name="demo")
    build(tmp_path, *unnamed, "segmentation.unet.config.num_rounds=3", name="demo")
    with pytest.raises(ValueError, match=r"num_rounds: 3, .*got num_rounds: the default"):
        build(tmp_path, *unnamed, name="demo")
