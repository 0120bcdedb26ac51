import json

import pytest
import yaml

from ssgnet_monai.pipeline.experiment import load_experiment
from ssgnet_monai.pipeline.stages import build_stages, prepare_command
from ssgnet_monai.shipped import CONFIGS

DATALIST = {
    "num_channels": 3,
    "training": [{"image": f"{i}.png", "class": "in situ/early" if i < 3 else "late"} for i in range(10)],
}


def demo(*overrides):
    return load_experiment(CONFIGS / "experiments" / "demo.yaml", overrides)


def test_stages_form_one_chain_from_data_to_report(tmp_path):
    stages = build_stages(demo("seeds=[0,1]"), DATALIST, tmp_path, cores=2)
    made = {"data/datalist.json"} | {output for stage in stages for output in stage.outputs}
    configs = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("config.yaml")}
    assert {name for stage in stages for name in stage.inputs} <= made | configs
    assert [stage.name for stage in stages] == [
        "generator_in_situ_early",
        "synthesis_in_situ_early",
        "generator_late",
        "synthesis_late",
        "segmentation_unet_seed0",
        "segmentation_unet_seed1",
        "report",
    ]
    assert set(stages[-1].inputs) == {o for s in stages for o in s.outputs if o.endswith("metrics.json")}


def test_what_a_stage_resumes_from_is_never_a_declared_output(tmp_path):
    for stage in build_stages(demo(), DATALIST, tmp_path, cores=2):
        assert not any("state" in output or "rounds.json" in output for output in stage.outputs)


def test_generators_get_their_class_and_distinct_seeds(tmp_path):
    build_stages(demo("synthesis.images=10"), DATALIST, tmp_path, cores=2)
    configs = [yaml.safe_load(path.read_text()) for path in sorted(tmp_path.glob("generators/*/config.yaml"))]
    assert [(c["class_name"], c["num_images"], c["first_seed"]) for c in configs] == [
        ("in situ/early", 3, 0),
        ("late", 7, 3),
    ]


def test_an_unchanged_setting_keeps_its_file_and_a_changed_one_does_not(tmp_path):
    build_stages(demo(), DATALIST, tmp_path, cores=2)
    file = tmp_path / "segmentation" / "unet" / "seed0" / "config.yaml"
    before = file.stat().st_mtime_ns
    build_stages(demo(), DATALIST, tmp_path, cores=1)
    assert file.stat().st_mtime_ns == before
    build_stages(demo("segmentation.unet.config.steps=7"), DATALIST, tmp_path, cores=2)
    assert file.stat().st_mtime_ns != before


def test_stages_are_plain_data(tmp_path):
    stages = build_stages(demo(), DATALIST, tmp_path, cores=2)
    assert json.loads(json.dumps([stage.as_dict() for stage in stages]))[0]["name"] == stages[0].name


def test_folder_data_needs_its_folders(tmp_path):
    folder = CONFIGS / "experiments" / "folder.yaml"
    with pytest.raises(ValueError, match="dataset_dir=FOLDER"):
        prepare_command(load_experiment(folder))
    with pytest.raises(ValueError, match="folder of images at .*images, found none"):
        prepare_command(load_experiment(folder, [f"dataset_dir={tmp_path}"]))
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    overrides = [f"dataset_dir={tmp_path}", "prepare.unlabeled_ok=true"]
    words = prepare_command(load_experiment(folder, overrides))
    assert "prepare" in words
    assert words[words.index("--unlabeled-ok") + 1].startswith("--")  # a flag takes no value
    assert "--unlabeled-ok" not in prepare_command(load_experiment(folder, overrides[:1]))
