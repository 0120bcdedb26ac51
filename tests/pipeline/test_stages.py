import json

import pytest

from ssgnet_monai.data import write_phantom
from ssgnet_monai.data.atomic_write import sha256_file
from ssgnet_monai.data.datalist import load_datalist
from ssgnet_monai.pipeline.experiment import load_experiment
from ssgnet_monai.pipeline.run import run_experiment
from ssgnet_monai.pipeline.stages import plan, write
from ssgnet_monai.shipped import CONFIGS

DATALIST = {
    "num_channels": 3,
    "classes": ["in situ/early", "late"],
    "training": [{"image": f"{i}.png", "class": "in situ/early" if i < 3 else "late"} for i in range(10)],
}


def demo(*overrides):
    return load_experiment(CONFIGS / "experiments" / "demo.yaml", overrides)


def test_stages_form_one_chain_from_data_to_report(tmp_path):
    stages = plan(demo("seeds=[0,1]"), DATALIST, tmp_path, cores=2)
    write(stages, tmp_path)
    made = {"data/datalist.json"} | {output for stage in stages for output in stage.outputs.files()}
    configs = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("config.yaml")}
    assert {str(name) for stage in stages for name in stage.inputs} <= made | configs
    assert [stage.name for stage in stages] == [
        "generator_in_situ_early",
        "synthesis_in_situ_early",
        "generator_late",
        "synthesis_late",
        "segmentation_unet_seed0",
        "segmentation_unet_seed1",
        "segmentation_unet-equal_total_steps_seed0",
        "segmentation_unet-equal_total_steps_seed1",
        "segmentation_unet-oracle_seed0",
        "segmentation_unet-oracle_seed1",
        "report",
    ]
    assert set(stages[-1].inputs) == {s.outputs.metrics for s in stages if s.outputs.metrics}


def test_classifiers_hang_on_generators_by_the_lists_of_their_settings(tmp_path):
    experiment = load_experiment(CONFIGS / "experiments" / "classification.yaml", ["seeds=[0]"])
    stages = plan(experiment, DATALIST, tmp_path, cores=2)
    write(stages, tmp_path)
    made = {"data/datalist.json"} | {output for stage in stages for output in stage.outputs.files()}
    configs = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("config.yaml")}
    assert {str(name) for stage in stages for name in stage.inputs} <= made | configs
    (grow,) = (stage for stage in stages if stage.name == "grow_balanced")
    assert grow.as_dict()["inputs"][2:] == ["generators/in_situ_early/synthetic.json", "generators/late/synthetic.json"]
    assert sum("classification/resnet" in str(name) for name in stages[-1].inputs) == 4
    assert len({stage.name for stage in stages}) == len(stages)


def test_what_a_stage_resumes_from_is_never_a_declared_output(tmp_path):
    for stage in plan(demo(), DATALIST, tmp_path, cores=2):
        assert not any("state" in output or "rounds.json" in output for output in stage.outputs.files())


def test_an_unchanged_setting_keeps_its_file_and_a_changed_one_does_not(tmp_path):
    write(plan(demo(), DATALIST, tmp_path, cores=2), tmp_path)
    file = tmp_path / "segmentation" / "unet" / "seed0" / "config.yaml"
    before = file.stat().st_mtime_ns
    write(plan(demo(), DATALIST, tmp_path, cores=1), tmp_path)
    assert file.stat().st_mtime_ns == before
    write(plan(demo("segmentation.unet.config.steps=7"), DATALIST, tmp_path, cores=2), tmp_path)
    assert file.stat().st_mtime_ns != before


def test_stages_are_plain_data(tmp_path):
    stages = plan(demo(), DATALIST, tmp_path, cores=2)
    assert json.loads(json.dumps([stage.as_dict() for stage in stages]))[0]["name"] == stages[0].name


def test_a_dry_run_changes_no_file_whatever_it_is_asked(tmp_path):
    write_phantom(tmp_path / "data", num_images=(12, 8), size=16)
    experiment, path = demo(f"output_dir={tmp_path}"), CONFIGS / "experiments" / "demo.yaml"
    datalist = load_datalist(tmp_path / "data")
    write(plan(experiment, datalist, tmp_path, cores=2), tmp_path)
    (tmp_path / "generators" / "regular" / "state").mkdir()
    (tmp_path / "generators" / "regular" / "state" / "checkpoint_000000001.pt").touch()

    def files():
        found = (file for file in sorted(tmp_path.rglob("*")) if file.is_file())
        return {file: (sha256_file(file), file.stat().st_mtime_ns) for file in found}

    before = files()
    for more in ([], ["segmentation.unet.config.steps=7"], ["synthesis.config.kimg=999"], ["seeds=[0,4]"]):
        assert run_experiment(path, [f"output_dir={tmp_path}", *more], cores=2, dry_run=True) == 0
        assert files() == before
    with pytest.raises(ValueError, match=r"r1_gamma: .*generators/regular has been trained"):
        run_experiment(path, [f"output_dir={tmp_path}", "synthesis.config.r1_gamma=9"], cores=2, dry_run=True)
    assert files() == before
