"""Teacher and student through the bundle: both stages, the test, a resumed run, other settings, volumes."""

import json

import pytest
import torch

from ssgnet_monai.data.phantom_volume import write_phantom_volumes
from ssgnet_monai.shipped import CONFIGS
from tests.bundles.conftest import run_workflow

NETWORK = str(CONFIGS / "networks" / "diffusion_segmenter.yaml")
TINY = {"image_size": 32, "batch_size": 2, "steps": 4, "epoch_length": 1, "num_labeled": 12, "width": 4, "noises": 2,
    "rounds": 1}  # fmt: skip


def run(folder, data, names=("train", "superdiffusion"), run_id="superdiffusion", network=NETWORK, **overrides):
    places = {"dataset_dir": str(data), "output_dir": str(folder), "ckpt_dir": str(folder)}
    networks = [network] if network else []
    return run_workflow("segmentation", list(names), run_id, networks, **{**TINY, **places, **overrides})


def last(folder, stage="train"):
    return torch.load(sorted((folder / "state" / stage).glob("checkpoint_*.pt"))[-1], weights_only=True)


def equal(one, other):
    assert one.keys() == other.keys()
    for key, value in one.items():
        assert torch.equal(value, other[key]), key


def test_student_and_teacher_are_trained_and_scored(phantom, tmp_path):
    run(tmp_path, phantom)
    masks = json.loads((tmp_path / "teacher_masks.json").read_text())
    assert set(masks) == {"images", "foreground_share", "deviation", "constant"}
    assert masks["images"] == 32
    student, teacher = (torch.load(tmp_path / f"{name}.pt", weights_only=True) for name in ("model", "teacher"))
    assert student.keys() == teacher.keys()
    first = last(tmp_path, "pretrain")
    assert first["iteration"] == 4
    pretrained, trained = (state["session"]["objects"] for state in (first, last(tmp_path)))
    for name in ("teacher", "reconstructor"):
        key = "denoiser.last.weight"
        assert not torch.equal(pretrained[name][key], trained[name][key])
    run(tmp_path, phantom, ("train", "superdiffusion", "evaluate"), "run")
    record = json.loads((tmp_path / "metrics.json").read_text())
    assert record["chosen"] == "model"
    assert {"model", "teacher", "ensemble"} <= set(record["checkpoints"])


def test_a_run_in_parts_equals_a_whole_one(phantom, tmp_path):
    rates = {"lr_scheduler": "$ssgnet_monai.engines.halving_schedule(@optimizer, 4)"}
    run(tmp_path / "whole", phantom)
    run(tmp_path / "parts", phantom, run_id="pretrain", **{"pretraining#trainer#max_epochs": 2})
    assert last(tmp_path / "parts", "pretrain")["iteration"] == 2
    run(tmp_path / "parts", phantom, **{"train#trainer#max_epochs": 2, **rates})
    assert last(tmp_path / "parts")["iteration"] == 2
    run(tmp_path / "parts", phantom)
    for stage in ("pretrain", "train"):
        whole, parts = (last(tmp_path / name, stage)["session"]["objects"] for name in ("whole", "parts"))
        for name in set(whole) - {"optimizer", "lr_scheduler"}:
            equal(whole[name], parts[name])
    masks = [json.loads((tmp_path / name / "teacher_masks.json").read_text()) for name in ("whole", "parts")]
    assert masks[0] == masks[1]


def test_a_random_teacher_has_no_first_stage(phantom, tmp_path):
    run(tmp_path, phantom, teacher="random", steps=1, rounds=0)
    assert (tmp_path / "model.pt").is_file()
    assert not (tmp_path / "state" / "pretrain").exists()
    teacher, student = (torch.load(tmp_path / f"{name}.pt", weights_only=True) for name in ("teacher", "model"))
    assert (teacher["denoiser.last.weight"] - student["denoiser.last.weight"]).abs().max() > 0.01


def test_the_control_trains_the_student_alone(phantom, tmp_path):
    run(tmp_path, phantom, run_id="run", steps=1)
    assert (tmp_path / "model.pt").is_file()
    assert not (tmp_path / "state" / "pretrain").exists()


def test_another_network_is_refused(phantom, tmp_path):
    with pytest.raises(RuntimeError) as refused:
        run(tmp_path, phantom, network=str(CONFIGS / "networks" / "unet.yaml"), steps=1)
    assert "Expected a DiffusionSegmenter as network, got UNet" in str(refused.value.__cause__)


@pytest.mark.parametrize("teacher", ["pretrained", "random"])
def test_volumes_by_true_denoising(teacher, tmp_path):
    data = write_phantom_volumes(tmp_path / "data", volumes=8, size=24).parent
    settings = {"patch_size": [16, 16, 16], "steps": 1, "num_labeled": 1, "mode": "denoising", "ddim_steps": 2,
        "pseudo_label_steps": 1, "noises": 1, "teacher": teacher}  # fmt: skip
    run(tmp_path / "run", data, ("train", "volumes", "superdiffusion"), **settings)
    assert (tmp_path / "run" / "teacher.pt").is_file()
