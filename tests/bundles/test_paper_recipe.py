"""``recipe: paper`` is the method of version 0.1.0: its real-only control, and the same training to rounding."""

import json
from pathlib import Path

import pytest

from ssgnet_monai.shipped import CONFIGS
from tests.bundles.conftest import run_workflow

BEFORE = Path(__file__).parents[1] / "pipeline" / "run_0_1_0" / "segmentation" / "unet" / "seed0" / "rounds.json"


def scores(log, arm):
    return [record["val_dice"] for record in log["arms"][arm]]


def test_it_trains_as_version_0_1_0_did(phantom, tmp_path):
    """The trainings on labelled images alone, since the sample has no generated images."""
    settings = {"image_size": 32, "batch_size": 16, "num_labeled": 24, "steps": 6, "epoch_length": 2}
    settings |= {"recipe": "paper", "num_rounds": 1, "pool": "real"}
    places = {"dataset_dir": str(phantom), "output_dir": str(tmp_path), "ckpt_dir": str(tmp_path)}
    overlays = [str(CONFIGS / "networks" / "unet.yaml")]
    run_workflow("segmentation", ["train", "rounds"], "rounds", overlays, **settings, **places)
    log, before = (json.loads(path.read_text()) for path in (tmp_path / "rounds.json", BEFORE))
    assert set(log["arms"]) == {"pseudo_label", "real_only"}
    assert scores(log, "pseudo_label")[0] == pytest.approx(0.329520697167756, abs=1e-6)
    assert scores(log, "real_only") == pytest.approx(scores(before, "real_only"), abs=1e-6)
    assert log["choice"]["val_dice"] == max(scores(log, "pseudo_label"))
    assert log["control_choice"]["round"] == before["control_choice"]["round"]
