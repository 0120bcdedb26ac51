from pathlib import Path

from ssgnet_monai.pipeline.experiment import load_experiment
from ssgnet_monai.pipeline.stages import plan
from ssgnet_monai.pipeline.timing_runs import SMALL, first_of_each_kind, shrunk
from ssgnet_monai.shipped import CONFIGS

DATALIST = {
    "num_channels": 3,
    "classes": ["a", "b"],
    "training": [{"image": f"{i}.png", "class": "a" if i < 3 else "b"} for i in range(40)],
}


def experiment(*overrides):
    return load_experiment(CONFIGS / "experiments" / "demo.yaml", overrides)


def test_a_timing_run_keeps_what_a_step_costs():
    demo = experiment("seeds=[0,1]")
    small = shrunk(demo, DATALIST, SMALL)
    assert small["seeds"] == [0]
    assert small["synthesis"]["config"]["kimg"] == 0.008  # one batch of eight
    assert small["synthesis"]["images"] == 2 * SMALL.images
    assert small["segmentation"]["unet"]["config"]["num_rounds"] == 1
    assert small["segmentation"]["unet"]["num_labeled"] == 36
    assert small["image_size"] == demo["image_size"]
    assert demo["synthesis"]["images"] == 240


def test_a_classifier_is_timed_on_the_real_images(tmp_path: Path):
    whole = load_experiment(CONFIGS / "experiments" / "classification.yaml")
    small = shrunk(whole, DATALIST, SMALL)
    row = small["classification"]["resnet"]
    assert row["settings"] == ["original"]
    assert (row["config"]["steps"], row["config"]["epoch_length"]) == (1, 1)
    kinds = [stage.kind for stage in first_of_each_kind(plan(small, DATALIST, tmp_path, 2))]
    assert kinds == ["generator", "synthesis", "classification/resnet", "report"]
    stages = plan(whole, DATALIST, tmp_path, 2)
    every = {stage.kind for stage in stages}
    assert every == {*kinds, "grow"}
    assert stages[0].config.content["num_images"] == 37 - 3 + 18  # what the whole experiment asks for


def test_one_stage_of_every_kind_is_timed(tmp_path: Path):
    demo = experiment("seeds=[0,1]")
    demo["segmentation"]["other row"] = {**demo["segmentation"]["unet"], "num_labeled": 12}
    stages = plan(demo, DATALIST, tmp_path, 2)
    assert [stage.kind for stage in first_of_each_kind(stages)] == [
        "generator",
        "synthesis",
        "segmentation/unet",
        "segmentation/unet-equal_total_steps",
        "segmentation/unet-oracle",
        "segmentation/other_row",
        "report",
    ]
    assert first_of_each_kind(stages)[0].name == "generator_a"
