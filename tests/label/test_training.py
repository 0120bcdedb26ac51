"""Train as Slicer sends it: with every trained copy, and never to a worse model."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from monai.networks.nets import UNet
from PIL import Image

from ssgnet_monai.bundle_tools.trained_copy import copy_trained
from tests.label.conftest import SEGMENTER, UNET, draw_studies, picture_mask, slicer_options, wait_for_training

pytestmark = pytest.mark.slow
NAME = "lesion_segmentation"


@pytest.fixture(scope="module")
def server(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A trained copy of a row like the demo's, and studies with a name that configurations take for an id."""
    root = tmp_path_factory.mktemp("server")
    row = root / "run" / "segmentation" / "unet" / "seed0"
    (root / "run" / "data").mkdir(parents=True)
    row.mkdir(parents=True)
    datalist = {"labels": {"0": "background", "1": "lesion"}, "intensity_window": [0, 255]}
    (root / "run" / "data" / "datalist.json").write_text(json.dumps(datalist))
    (row / "config.yaml").write_text("dataset_dir: data\n")
    settings = {
        "image_size": 32, "batch_size": 4, "steps": 20, "epoch_length": 10, "network_def": UNET, "num_labeled": 24,
        "pool": "both", "pool_fraction": 0.5, "num_rounds": 2, "learning_rate": 0.01,
    }  # fmt: skip
    (row / "trained_with.json").write_text(json.dumps({"configs": ["train", "rounds"], "settings": settings}))
    torch.manual_seed(0)
    torch.save(UNet(2, 3, 1, [8, 16], [2]).state_dict(), row / "model.pt")
    bundle = copy_trained(SEGMENTER, row, root / "bundles" / NAME)
    studies = draw_studies(root / "studies #1", 4, 0)
    (studies / "rgb0.png").rename(studies / "rgb #0.png")
    with serve([bundle], studies, "--app", "ssgnet") as running:
        for index, name in enumerate(["rgb #0", "rgb1", "rgb2", "rgb3"]):
            Image.fromarray(picture_mask(index).astype(np.uint8)).save(root / "label.png")
            running.client.save_label(name, str(root / "label.png"), tag="final", params={})
        yield SimpleNamespace(**vars(running), models=bundle / "models", output=bundle / "output", studies=studies)


def options(server: Any, **changed: Any) -> dict[str, Any]:
    chosen = slicer_options(server.client, NAME)
    assert chosen["run_id"] == ""
    return {**chosen, **changed}


def weights(server: Any) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in server.models.glob("*.pt")}


def test_repeated_training_never_lowers_the_score(server: Any) -> None:
    scores = []
    for epochs in (4, 1, 1):
        before = weights(server)
        server.client.train_start(NAME, options(server, max_epochs=epochs, val_split=0.5))
        status = wait_for_training(server.client)
        assert status["status"] == "DONE", status["details"]
        stats = server.client.info()["train_stats"][NAME]
        assert stats["epoch"] == stats["total_epochs"] == epochs
        assert any(stats["message"] in line for line in status["details"])
        if stats["best_metric"] > stats["present_metric"]:
            assert stats["message"].startswith("The model is new: validation Dice improved from")
            assert weights(server)["model_previous.pt"] == before["model.pt"]
        else:
            assert stats["message"].startswith("The training brought nothing, the model from before is kept")
            assert weights(server) == before
        if scores:
            assert stats["present_metric"] == pytest.approx(scores[-1])  # the same images, and the model that was kept
        scores.append(stats["best_metric"])
    assert scores == sorted(scores)


def test_rounds_keep_the_present_model_too(server: Any) -> None:
    before, stats = weights(server), server.client.info()["train_stats"][NAME]
    Image.fromarray(np.full((40, 40), 40_000, np.uint16)).save(server.studies / "deep.png")  # 16 bits: left out
    settings = {"max_epochs": 1, "val_split": 0.5, "semi_supervised": True, "rounds": "1"}
    server.client.train_start(NAME, options(server, **settings))
    status = wait_for_training(server.client)
    assert status["status"] == "DONE", status["details"]
    found = server.client.info()["train_stats"][NAME]
    assert found["present_metric"] == pytest.approx(stats["best_metric"])
    assert found["epoch"] == found["total_epochs"] == 2
    assert found["best_metric"] >= found["present_metric"]
    assert (weights(server) == before) == (found["best_metric"] == found["present_metric"])


def test_two_networks_keep_the_present_model_too(server: Any) -> None:
    before = weights(server)
    settings = {"max_epochs": 1, "val_split": 0.5, "semi_supervised": True, "method": "cotraining"}
    server.client.train_start(NAME, options(server, **settings))
    status = wait_for_training(server.client)
    assert status["status"] == "DONE", status["details"]
    found = server.client.info()["train_stats"][NAME]
    assert found["epoch"] == found["total_epochs"] == 1
    assert found["best_metric"] >= found["present_metric"]
    assert (weights(server) == before) == (found["best_metric"] == found["present_metric"])
    assert "partner.pt" not in weights(server)


def test_a_training_that_cannot_be_is_refused_at_once(server: Any, slicer: Any) -> None:
    before = weights(server)
    for changed, said in (
        ({"model_filename": "../../elsewhere.pt"}, "Expected model_filename among model.pt"),
        ({"max_epochs": "$__import__('os').system('touch evaluated')"}, "Expected max_epochs"),
        ({"val_split": 1.0}, "Expected val_split, the share of the labels that validate, from 0 to below 1"),
        ({"device": "$print(1)"}, "Expected a device among"),
        ({"run_id": "rounds"}, "Expected run_id"),
        ({"method": "supervised"}, "Expected method rounds or cotraining"),
        ({"tracking": "mlflow", "tracking_uri": "file:///elsewhere"}, "Expected tracking None"),
    ):
        with pytest.raises(slicer.MONAILabelClientException) as error:
            server.client.train_start(NAME, options(server, **changed))
        assert "Status: 400" in error.value.msg
        assert said in error.value.msg  # which Slicer shows
    with pytest.raises(slicer.MONAILabelClientException) as error:
        server.client.train_start("other", options(server))
    assert f"Expected a model among {NAME}" in error.value.msg
    assert weights(server) == before
