import logging
import tempfile

import pytest
import yaml

from ssgnet_monai.data import write_phantom
from ssgnet_monai.pipeline import estimate
from ssgnet_monai.pipeline.experiment import load_experiment
from ssgnet_monai.pipeline.measure import Cost
from ssgnet_monai.pipeline.stages import plan
from ssgnet_monai.pipeline.timing_runs import LARGE, SMALL
from ssgnet_monai.shipped import CONFIGS

DATALIST = {
    "num_channels": 3,
    "classes": ["a", "b"],
    "training": [{"image": f"{i}.png", "class": "a" if i < 30 else "b"} for i in range(40)],
    "validation": [{}] * 10,
    "test": [{}] * 20,
    "unlabeled": [{}] * 5,
}
DEMO = CONFIGS / "experiments" / "demo.yaml"


def test_the_parts_of_the_demo_by_hand(tmp_path):
    demo = load_experiment(DEMO)
    stages = {stage.name: stage for stage in plan(demo, DATALIST, tmp_path, 2)}
    cost = Cost(10.0, 900.0, 0.0)
    kinds = {stage.kind: [cost] * len(stage.commands) for stage in stages.values()}
    large = {
        **kinds,
        "generator": [Cost(10 + 32 * 0.5, 950.0, 0.0)],
        "synthesis": [Cost(13.2, 800.0, 0.0), Cost(16.4, 800.0, 0.0)],
        "segmentation/unet": [Cost(10 + 64 * 0.1, 0.0, 0.0), Cost(10 + 32 * 0.01, 0.0, 0.0)],
    }

    def parts(name):
        return estimate.stage_parts(stages[name], demo, DATALIST, kinds, large)

    (training,) = parts("generator_b")
    assert (training.units, training.per_unit, training.memory) == (1875, 0.5, 950.0)
    assert training.seconds == pytest.approx(9.5 + 0.5 * 1875)
    images, scores = parts("synthesis_b")
    assert images.units == scores.units == 60
    assert images.seconds == pytest.approx(10 - 0.1 * 8 + 0.1 * 60)
    rounds, test = parts("segmentation_unet_seed0")
    assert test.units == 20 * 3
    assert test.seconds == pytest.approx(10 - 0.01 * 8 + 0.01 * 60)
    assert rounds.units == 2400
    looks, pool = 3 * 800 / 80, (40 - 5) + 5 + 240
    assert rounds.seconds == pytest.approx(10 - 0.2 + 240 + 0.01 * (looks * 10 + 3 * 4 * pool))  # from four views
    (page,) = parts("report")
    assert page.seconds == 10

    items = [{**item, "label": "m", "group": f"p{i // 10}"} for i, item in enumerate(DATALIST["training"])]
    named = {**demo["segmentation"]["unet"], "num_labeled": None, "labeled_list": ["p0", "p2"]}
    assert estimate.pool_size(named, "real", demo, {**DATALIST, "training": items}) == 20 + 5


def test_the_parts_of_a_classifier_by_hand(tmp_path):
    whole = load_experiment(CONFIGS / "experiments" / "classification.yaml", ["seeds=[0]"])
    stages = {stage.name: stage for stage in plan(whole, DATALIST, tmp_path, 2)}
    kinds = {stage.kind: [Cost(10.0, 900.0, 0.0)] * len(stage.commands) for stage in stages.values()}
    kinds["report"] = [Cost(7.0, 300.0, 0.0)]
    large = {**kinds, "classification/resnet": [Cost(10 + 32 * 0.1, 0.0, 0.0), Cost(10 + 16 * 0.01, 0.0, 0.0)]}

    def parts(name):
        return estimate.stage_parts(stages[name], whole, DATALIST, kinds, large)

    training, test = parts("classification_resnet_balanced_seed0")
    assert (training.units, test.units) == (250, 20)
    assert training.per_unit == pytest.approx(0.1)
    assert training.seconds == pytest.approx(9.9 + 0.1 * 250 + 0.01 * 10 * 10)  # looks at ten images
    assert test.seconds == pytest.approx(10 - 0.01 * 4 + 0.01 * 20)
    assert [part.seconds for part in parts("grow_balanced")] == [7.0]
    assert [part.units for part in parts("synthesis_b")] == [20 + 15] * 2


@pytest.mark.slow
def test_an_estimate_names_every_stage_and_leaves_nothing(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    text = estimate.estimate_experiment(
        DEMO,
        [
            f"output_dir={tmp_path / 'run'}",
            "prepare.num_images=[42,28]",
            "synthesis.config={channel_max: 8, kimg: 1}",
            "segmentation.unet.config={steps: 50, num_rounds: 1}",
        ],
        cores=2,
    )
    stages = ("prepare", "generator_regular", "generator_irregular", "synthesis_regular", "segmentation_unet_seed0")
    for name in (*stages, "report", "total: about"):
        assert f"\n{name}" in f"\n{text}", text
    assert sorted((tmp_path / "temporary").iterdir()) == []
    assert not (tmp_path / "run").exists()


def test_a_wrong_setting_is_told_before_anything_is_run(tmp_path):
    file = tmp_path / "e.yaml"
    file.write_text(yaml.safe_dump({"datset": "phantom"}))
    with pytest.raises(ValueError, match="Did you mean 'dataset'"):
        estimate.estimate_experiment(file)


def test_the_whole_page_from_measured_costs(tmp_path, monkeypatch):
    data = write_phantom(tmp_path / "run" / "data", num_images=(12, 8), size=16)
    before = sorted(tmp_path.rglob("*"))
    sizes = []

    def time_kinds(experiment, datalist, folder, size, cores):
        sizes.append(size)
        (folder / "generators" / "a" / "images").mkdir(parents=True)
        (folder / "generators" / "a" / "images" / "0.png").write_bytes(b"x" * 100)
        stages = plan(experiment, datalist, folder, cores)
        return {stage.kind: [Cost(10.0 + size.steps, 1024.0, 0.0)] * len(stage.commands) for stage in stages}

    monkeypatch.setattr(estimate, "time_kinds", time_kinds)
    lines = estimate.estimate_experiment(DEMO, [f"output_dir={data.parent.parent}"], cores=2).splitlines()
    assert sizes == [SMALL, LARGE]
    assert [line.split()[0] for line in lines[1:4]] == ["generator_irregular:"] + ["synthesis_irregular:"] * 2
    assert "prepare" not in lines[1]  # the data are there
    assert "1,875" in lines[1]
    assert "31 min" in lines[1]
    assert any(line.startswith("total: about ") and "on 2 cores" in line for line in lines)
    assert sorted(tmp_path.rglob("*")) == before
