"""What a run of two networks is scored by: both and their mean, controls of one network, and the label server's way."""

import json

import pytest
import torch

from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.data.datalist import load_datalist
from ssgnet_monai.pipeline.methods import METHODS
from tests.bundles.conftest import run_workflow

UNET = {"_target_": "UNet", "spatial_dims": 2, "in_channels": 3, "out_channels": "@num_logits", "num_res_units": 0}
SETTINGS = {
    "image_size": 32, "batch_size": 4, "num_labeled": 12, "pool": "real", "steps": 2, "epoch_length": 1,
    "network_def": {**UNET, "channels": [4, 8], "strides": [2]},
    "partner_def": {**UNET, "channels": [4, 4, 8], "strides": [2, 2]},
}  # fmt: skip


@pytest.fixture
def run(phantom, tmp_path):
    def run(names, run_id="run", name="run", settings=SETTINGS, **given):
        place = {"dataset_dir": str(phantom), "output_dir": str(tmp_path / name), "ckpt_dir": str(tmp_path / name)}
        return run_workflow("segmentation", names, run_id, **{**settings, **place, **given})

    return run


def test_both_networks_and_their_mean_are_scored(run, tmp_path):
    run(["train", "cotraining"], "cotraining")
    run(["train", "cotraining", "evaluate"])
    record = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert (list(record["checkpoints"]), record["chosen"]) == (["model", "partner", "ensemble"], "model")


@pytest.mark.parametrize("control", ["equal_steps", "duplicate_real", "oracle"])
def test_a_control_runs_by_the_same_configurations(control, run, tmp_path):
    planned = METHODS["cotraining"].controls[control]
    method = METHODS[planned.method]
    settings = {**{key: SETTINGS[key] for key in SETTINGS.keys() - planned.unread}, **planned.given}
    run(["train", *method.overlays], method.run_id, control, settings)
    run(["train", *method.overlays, "evaluate"], "run", control, settings)
    record = json.loads((tmp_path / control / "metrics.json").read_text())
    two = control == "duplicate_real"
    assert list(record["checkpoints"]) == (["model", "partner", "ensemble"] if two else ["model"])
    assert (tmp_path / control / "partner.pt").exists() == two


def test_a_control_of_one_network_begins_as_the_first_of_two(run, tmp_path):
    begin: dict = {"partner_def": "%network_def"}
    begin["optimizer"] = {"_target_": "torch.optim.SGD", "params": "$@network.parameters()", "lr": 0.0}
    run(["train", "cotraining"], "cotraining", "two", **begin)
    run(["train", "cotraining"], "run", "one", **begin, partners={})
    one, two = (torch.load(tmp_path / name / "model.pt", weights_only=True) for name in ("one", "two"))
    for key in one:
        torch.testing.assert_close(one[key], two[key], rtol=0, atol=1e-3)  # the schedule ends at 1e-5, not at 0
    partner = torch.load(tmp_path / "two" / "partner.pt", weights_only=True)
    assert not all(torch.allclose(one[key], partner[key], rtol=0, atol=1e-2) for key in one)


def test_the_label_server_trains_its_model_by_two_networks(run, phantom, tmp_path):
    """As ``label_app.semi_supervised`` asks for it: items from a file, epochs for steps, an earlier model to beat."""
    alone = {key: SETTINGS[key] for key in SETTINGS.keys() - {"pool", "partner_def"}}
    run(["train"], "run", "served", alone)
    items = load_datalist(phantom)
    file = tmp_path / "items.json"
    bare = [{"image": item["image"], "origin": "real"} for item in items["training"][12:]]
    write_json(file, {"training": items["training"][:12], "validation": items["validation"], "pool": bare})
    given = {
        name: f"$ssgnet_monai.data.served_items('{file}', '{name}')" for name in ("training", "validation", "pool")
    }
    run(
        ["train", "cotraining"], "cotraining", "again", labeled=given["training"], hidden=[], choose="best",
        unlabeled_items=given["pool"], ramp_steps="$round(0.4 * @train#trainer#max_epochs * @epoch_length)",
        to_beat=str(tmp_path / "served" / "model.pt"),
        **{"validate#dataset#data": given["validation"], "train#trainer#max_epochs": 3},
    )  # fmt: skip
    record = json.loads((tmp_path / "again" / "state" / "train" / "training.json").read_text())
    assert record["result"] in ("kept", "improved")
    assert record["steps"] == 3
    assert record["earlier_score"] is not None
