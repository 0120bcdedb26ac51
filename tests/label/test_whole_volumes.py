"""A network of three dimensions and three classes, copied from a run: suggestions, training with rounds, strategy."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import nibabel
import numpy as np
import pytest
import torch

from ssgnet_monai.bundle_tools.trained_copy import copy_trained
from ssgnet_monai.data.volumes.segments import read_segments
from tests.label.conftest import SEGMENTER, wait_for_training
from tests.volume_files import oblique, stored_as, write

pytestmark = pytest.mark.slow
NAME = "heart_segmentation"
GREY = np.array([100, 500, 900])
CLASSES = np.zeros((20, 24, 10), np.uint8)
CLASSES[4:16, 3:20, 2:8] = 1
CLASSES[7:12, 8:17, 4:7] = 2
CODES = ("RAS", "PSR", "LIP")


def nearest_grey() -> dict[str, torch.Tensor]:
    """Weights of a 1 x 1 x 1 convolution that finds the nearest of three grey levels in a z-scored volume."""
    values = GREY[CLASSES]
    means = torch.from_numpy((GREY - values.mean()) / values.std()).float()
    return {"weight": 100 * means.view(3, 1, 1, 1, 1), "bias": -50 * means**2}


@pytest.fixture(scope="module")
def server(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("server")
    row = root / "run" / "segmentation" / "vnet" / "seed0"
    (root / "run" / "data").mkdir(parents=True)
    row.mkdir(parents=True)
    labels = {"0": "background", "1": "left atrium", "2": "scar"}
    datalist = {"labels": labels, "intensity_window": [0, 255], "voxel_window": [0, 1000]}
    (root / "run" / "data" / "datalist.json").write_text(json.dumps(datalist))
    (row / "config.yaml").write_text("dataset_dir: data\n")
    network = {"_target_": "torch.nn.Conv3d", "in_channels": 1, "out_channels": 3, "kernel_size": 1}
    settings = {"network_def": network, "patch_size": [16, 16, 8], "size_multiple": 1, "steps": 4, "epoch_length": 2}
    (row / "trained_with.json").write_text(json.dumps({"configs": ["train", "volumes"], "settings": settings}))
    torch.save(nearest_grey(), row / "model.pt")
    bundle = copy_trained(SEGMENTER, row, root / "bundles" / NAME, trust_code=True)
    studies = root / "studies"
    for index, codes in enumerate(CODES):
        write(studies / f"v{index}.nii.gz", *stored_as(codes, GREY[CLASSES].astype(np.int16), oblique()))
    with serve([bundle], studies, "--app", "ssgnet") as running:
        yield SimpleNamespace(**vars(running), root=root, studies=studies, bundle=bundle)


def truth(server: Any, image: str) -> tuple[np.ndarray, np.ndarray]:
    volume = nibabel.load(server.studies / f"{image}.nii.gz")
    return np.digitize(np.asarray(volume.dataobj), [300, 700]).astype(np.uint8), volume.affine


def test_segments_and_dimension_are_listed(server: Any) -> None:
    model = server.client.info()["models"][NAME]
    assert model["labels"] == {"left atrium": 1, "scar": 2}
    assert model["dimension"] == 3


@pytest.mark.parametrize("image", ["v0", "v1", "v2"])
def test_suggestions_lie_on_the_volume(server: Any, image: str) -> None:
    classes, affine = truth(server, image)
    file, _ = server.client.infer(NAME, image, {})
    found = nibabel.load(file)
    np.testing.assert_array_equal(np.asarray(found.dataobj), classes)
    np.testing.assert_allclose(found.affine, affine, atol=1e-5)


def test_saved_segments_train_and_the_rounds_label_whole_volumes(server: Any) -> None:
    client, segments = server.client, {"label_info": [{"name": "scar", "idx": 1}, {"name": "left atrium", "idx": 2}]}
    classes, affine = truth(server, "v0")
    write(server.root / "label.nii.gz", np.choose(classes, [0, 2, 1]).astype(np.uint8), affine)
    client.save_label("v0", str(server.root / "label.nii.gz"), tag="final", params=segments)
    file, _ = client.infer(NAME, "v1", {"result_extension": ".seg.nrrd"})
    assert [part[:2] for part in read_segments(file)] == [("left atrium", 1), ("scar", 2)]
    client.save_label("v1", file, tag="final", params={})

    settings = {"device": "cpu", "val_split": 0.5, "max_epochs": 1, "semi_supervised": True, "rounds": "1"}
    client.train_start(NAME, settings)
    status = wait_for_training(client, 400)
    assert status["status"] == "DONE", server.log.read_text()[-6000:]
    stats = client.info()["train_stats"][NAME]
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
