"""Experiments, their profiles and dataset files run no code that nobody vouches for."""

import logging

import pytest
import yaml

from ssgnet_monai import cli
from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.pipeline.experiment import load_experiment

SHELL = {"_target_": "os.system", "command": "id"}
ROW = {"segmentation": {"unet": {"config": {}}}}


def written(folder, content, name="e.yaml"):
    (folder / name).write_text(yaml.safe_dump({"dataset": "phantom", **content}), encoding="utf-8")
    return folder / name


def row(config, **more):
    return {"segmentation": {"unet": {"config": config, **more}}}


@pytest.mark.parametrize(
    "content",
    [
        row({"network_def": SHELL}),
        row({"network_def#act": "$__import__('os').system('id')"}),
        row({"network_def#_target_": "os.system"}),
        row({"steps": "$open('x', 'w')"}),
        row({"output_dir": "../../elsewhere"}),
        {"synthesis": {"config": {"train#trainer#_mode_": "callable"}}},
        {"classification": {"r": {"settings": ["original"], "config": {"loss": SHELL}}}},
    ],
)
def test_code_in_an_experiment_is_refused_and_may_be_trusted(tmp_path, content, caplog):
    path = written(tmp_path, content)
    with pytest.raises(ValueError, match="run nothing but what `ssgnet verify` knows.*--trust-code"):
        load_experiment(path)
    caplog.set_level(logging.WARNING)
    load_experiment(path, trust_code=True)
    assert "--trust-code runs what" in caplog.text


def test_numbers_are_no_code_whoever_is_trusted(tmp_path):
    for content in (
        row({}, num_labeled="$exec('x')"),
        {"synthesis": {"classes": "all", "images": "$exec('x')"}},
        {"image_size": "$exec('x')", **ROW},
    ):
        with pytest.raises(ValueError, match="whole number"):
            load_experiment(written(tmp_path, content), trust_code=True)


def test_code_in_a_profile_a_dataset_file_and_a_word_is_refused(tmp_path):
    profile, dataset = tmp_path / "p.yaml", tmp_path / "d.yaml"
    profile.write_text(yaml.safe_dump({"network_def": SHELL}))
    dataset.write_text(yaml.safe_dump({"dataset_name": "d", "num_channels": "$exec('x')"}))
    for content, overrides in (
        (row({}, profile=str(profile)), []),
        ({"dataset": str(dataset), **ROW}, []),
        (ROW, ["segmentation.unet.config.steps=$exec('x')"]),
    ):
        with pytest.raises(ValueError, match="--trust-code"):
            load_experiment(written(tmp_path, content), overrides)


def test_a_network_of_monai_needs_no_trust(tmp_path):
    network = {"_target_": "BasicUNet", "spatial_dims": 2, "in_channels": "@num_channels", "out_channels": 1}
    config = {"network_def": network, "learning_rate": "$0.1 * @batch_size", "network_def#features": [8, 8, 8, 8, 8, 8]}
    load_experiment(written(tmp_path, row(config)))


@pytest.mark.parametrize(
    "content",
    [
        row({"network_def#frozen_statistics": False}, network="unet_pretrained"),
        row({"normalise#nonzero": True, "validate#dataset#cache_num": 9, "plain_augmentation#flip_prob": 0.2}),
        {"prepare": {"form": "volumes"}, **row({"validate#inferer#overlap": 0.5}, network="vnet")},
    ],
)
def test_an_argument_of_what_stands_there_in_the_end_needs_no_trust(tmp_path, content):
    load_experiment(written(tmp_path, {"synthesis": None, **content}))


@pytest.mark.parametrize(
    "content",
    [
        row({"validate#inferer#overlap": 0.5}),  # which whole volumes have
        {"prepare": {"form": "volumes"}, **row({"validate#dataset#slice_plane": "axial"}, network="vnet")},
        row({"normalise#nonzero": True, "normalise": {"_target_": "ScaleIntensityd", "keys": "image"}}),
    ],
)
def test_an_argument_of_what_stands_elsewhere_is_refused(tmp_path, content):
    with pytest.raises(ValueError, match="is not on the list of arguments of"):
        load_experiment(written(tmp_path, {"synthesis": None, **content}))


def test_the_command_runs_no_code_of_a_prepared_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path, {**ROW, "output_dir": str(tmp_path / "run")})
    touch = "$__import__('pathlib').Path('ran').touch()"
    write_json(tmp_path / "run" / "data" / "datalist.json", {"num_channels": touch, "training": [{"image": "a.png"}]})
    assert cli.main(["run", str(path), "--dry-run"]) == 2
    assert "num_channels" in capsys.readouterr().err
    assert not list(tmp_path.rglob("ran"))
