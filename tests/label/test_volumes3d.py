"""Networks of three dimensions and three classes, copied from runs: suggestions, segments, training with rounds."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nibabel
import numpy as np
import pytest
import torch

from ssgnet_monai.bundle_tools.trained_copy import copy_trained
from ssgnet_monai.data.volumes.segments import read_segments
from ssgnet_monai.networks import VNet
from tests.label.conftest import SEGMENTER, slicer_options, wait_for_training
from tests.volume_files import oblique, stored_as, write

pytestmark = pytest.mark.slow
EXACT, VNET = "heart_segmentation", "vnet_segmentation"
GREY = np.array([100, 500, 900])
CLASSES = np.zeros((20, 24, 10), np.uint8)
CLASSES[4:16, 3:20, 2:8] = 1
CLASSES[7:12, 8:17, 4:7] = 2
CODES = ("RAS", "PSR", "LIP", "LPS")
SEGMENTS = [{"name": "Left atrium", "idx": 1}, {"name": "Scar", "idx": 2}]
SWAPPED = [{"name": "scar", "idx": 1}, {"name": "left atrium", "idx": 2}]


def nearest_grey() -> dict[str, torch.Tensor]:
    """Weights of a 1 x 1 x 1 convolution that finds the nearest of three grey levels in a z-scored volume."""
    values = GREY[CLASSES]
    means = torch.from_numpy((GREY - values.mean()) / values.std()).float()
    return {"weight": 100 * means.view(3, 1, 1, 1, 1), "bias": -50 * means**2}


def trained_bundle(
    root: Path, name: str, settings: dict[str, Any], weights: dict[str, Any], spacing: list[float] | None = None
) -> Path:
    """A trained copy of a row of volumes."""
    run = root / f"run_{name}"
    row = run / "segmentation" / "row" / "seed0"
    (run / "data").mkdir(parents=True)
    row.mkdir(parents=True)
    datalist = {"labels": {"0": "background", "1": "Left atrium", "2": "Scar"}, "classes": ["x"], "training": []}
    datalist |= {"intensity_window": [0, 255], "voxel_window": [0, 1000], "voxel_spacing": spacing}
    (run / "data" / "datalist.json").write_text(json.dumps(datalist))
    (row / "config.yaml").write_text("dataset_dir: data\n")
    (row / "trained_with.json").write_text(json.dumps({"configs": ["train", "volumes"], "settings": settings}))
    torch.save(weights, row / "model.pt")
    return copy_trained(SEGMENTER, row, root / "bundles" / name, trust_code=True)


@pytest.fixture(scope="module")
def server(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A network that is always right, a V-Net on a grid of its own, and studies in several orders of axes."""
    root = tmp_path_factory.mktemp("server")
    network = {"_target_": "torch.nn.Conv3d", "in_channels": 1, "out_channels": 3, "kernel_size": 1}
    settings = {"network_def": network, "patch_size": [16, 16, 8], "size_multiple": 1, "steps": 4, "epoch_length": 2}
    exact = trained_bundle(root, EXACT, settings, nearest_grey())
    torch.manual_seed(0)
    settings = {"patch_size": [16, 16, 16], "network_def#width": 2, "num_channels": 1}
    vnet = trained_bundle(root, VNET, settings, VNet(1, 3, 2).state_dict(), [1.0, 1.0, 2.5])
    studies = root / "studies"
    for index, codes in enumerate(CODES):
        write(studies / f"v{index}.nii.gz", *stored_as(codes, GREY[CLASSES].astype(np.int16), oblique()))
    with serve([exact, vnet], studies, "--app", "ssgnet") as running:
        yield SimpleNamespace(**vars(running), root=root, studies=studies, bundle=exact)


def truth(server: Any, image: str) -> tuple[np.ndarray, np.ndarray]:
    volume = nibabel.load(server.studies / f"{image}.nii.gz")
    return np.digitize(np.asarray(volume.dataobj), [300, 700]).astype(np.uint8), volume.affine


def saved(server: Any, image: str) -> np.ndarray:
    return np.asarray(nibabel.load(server.studies / "labels" / "final" / f"{image}.nii.gz").dataobj)


def test_segments_and_dimension_are_listed(server: Any) -> None:
    for model in (EXACT, VNET):
        listed = server.client.info()["models"][model]
        assert listed["labels"] == {"left atrium": 1, "scar": 2}
        assert listed["dimension"] == 3


@pytest.mark.parametrize("image", ["v0", "v1", "v2", "v3"])
def test_suggestions_lie_on_the_volume(server: Any, image: str) -> None:
    classes, affine = truth(server, image)
    file, _ = server.client.infer(EXACT, image, {})
    found = nibabel.load(file)
    np.testing.assert_array_equal(np.asarray(found.dataobj), classes)
    np.testing.assert_allclose(found.affine, affine, atol=1e-5)


def test_a_mask_of_another_grid_lies_on_its_volume(server: Any) -> None:
    file, _ = server.client.infer(VNET, "v1", {"device": "cpu", "result_extension": ".nii.gz"})
    mask, image = nibabel.load(file), nibabel.load(server.studies / "v1.nii.gz")
    assert mask.shape == image.shape
    np.testing.assert_allclose(mask.affine, image.affine, atol=1e-4)
    assert set(np.unique(np.asarray(mask.dataobj))) <= {0, 1, 2}


def test_saved_segments_are_found_by_name(server: Any) -> None:
    for image, order, listed in (("v0", [0, 2, 1], SWAPPED), ("v3", [0, 1, 2], SEGMENTS)):
        classes, affine = truth(server, image)
        label = write(server.root / "label.nii.gz", np.array(order, np.uint8)[classes], affine)
        server.client.save_label(image, str(label), tag="final", params={"label_info": listed})
        np.testing.assert_array_equal(saved(server, image), classes)
    file, _ = server.client.infer(EXACT, "v1", {"result_extension": ".seg.nrrd"})
    assert [part[:2] for part in read_segments(file)] == [("left atrium", 1), ("scar", 2)]
    server.client.save_label("v1", file, tag="final", params={})
    classes, affine = truth(server, "v2")
    label = write(server.root / "label.nii.gz", (classes > 0).astype(np.uint8), affine)
    with pytest.raises(Exception, match="Expected segments called .*tumour"):
        server.client.save_label("v2", str(label), tag="final", params={"label_info": [{"name": "tumour", "idx": 1}]})
    assert server.client.info()["datastore"]["completed"] == 3


def test_saved_segments_train_and_the_rounds_label_whole_volumes(server: Any) -> None:
    settings = {"val_split": 0.4, "max_epochs": 1, "semi_supervised": True, "rounds": "1"}
    server.client.train_start(EXACT, slicer_options(server.client, EXACT, **settings))
    status = wait_for_training(server.client, 400)
    assert status["status"] == "DONE", server.log.read_text()[-6000:]
    stats = server.client.info()["train_stats"][EXACT]
    assert stats["epoch"] == stats["total_epochs"] == 2  # of the labels alone and of the round
    assert stats["present_metric"] == pytest.approx(1)  # labels and volumes lie on each other, class by class
    assert stats["message"].startswith("The training brought nothing, the model from before is kept")
    round_00 = server.bundle / "output" / "semi_supervised" / "pseudo_labels" / "round_00"
    (mask,) = json.loads((round_00 / "manifest.json").read_text())["masks"]
    found, (classes, affine) = nibabel.load(round_00 / mask["mask"]), truth(server, "v2")
    assert (np.asarray(found.dataobj) == classes).mean() > 0.95
    np.testing.assert_allclose(found.affine, affine, atol=1e-5)


def test_the_volume_without_a_label_is_offered(server: Any) -> None:
    offered = [server.client.next_sample("disagreement", {}) for _ in range(6)]
    assert {sample["id"] for sample in offered} == {"v2"}
    assert any(sample["disagreement"] is not None for sample in offered)
