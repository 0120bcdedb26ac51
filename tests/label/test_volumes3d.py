"""A model of three dimensions with two organs, served: what Slicer shows, saves and trains."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import nibabel
import numpy as np
import pytest
import torch

from ssgnet_monai.bundle_tools.trained_copy import copy_trained
from ssgnet_monai.networks import VNet
from tests.label.conftest import SEGMENTER, wait_for_training
from tests.volume_files import ct, oblique, stored_as, write

pytestmark = pytest.mark.slow
NAME = "organs_segmentation"
SHAPE = (24, 20, 18)


def classes(index: int) -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    mask[3 + index : 10, 4:9, 3:12], mask[13:20, 8:17, 5:15] = 1, 2
    return mask


@pytest.fixture(scope="module")
def server(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A trained copy of a row of volumes, and studies in other orders of axes than the network's."""
    root = tmp_path_factory.mktemp("server")
    row = root / "run" / "segmentation" / "vnet" / "seed0"
    (root / "run" / "data").mkdir(parents=True)
    row.mkdir(parents=True)
    header = {"labels": {"0": "background", "1": "Liver", "2": "Spleen"}, "classes": ["x"]}
    header |= {"intensity_window": [-1000, 900], "voxel_window": [-1000, 900], "voxel_spacing": [1.0, 1.0, 2.5]}
    (root / "run" / "data" / "datalist.json").write_text(json.dumps({**header, "training": []}))
    (row / "config.yaml").write_text("dataset_dir: data\n")
    settings = {"patch_size": [16, 16, 16], "network_def#width": 2, "steps": 6, "epoch_length": 2, "num_channels": 1}
    (row / "trained_with.json").write_text(json.dumps({"configs": ["train", "volumes"], "settings": settings}))
    torch.manual_seed(0)
    torch.save(VNet(1, 3, 2).state_dict(), row / "model.pt")
    bundle = copy_trained(SEGMENTER, row, root / "bundles" / NAME)
    studies = root / "studies"
    for index in range(4):
        voxels = ct(index, SHAPE) + classes(index) * np.int16(300)
        write(studies / f"case{index}.nii.gz", *stored_as("LPS" if index % 2 else "PSR", voxels, oblique(9, (1, 1, 2))))
    with serve([bundle], studies, "--app", "ssgnet") as running:
        yield SimpleNamespace(**vars(running), root=root, studies=studies, bundle=bundle)


def test_a_mask_lies_on_its_volume(server: Any) -> None:
    assert server.client.info()["models"][NAME]["labels"] == {"liver": 1, "spleen": 2}
    file, _ = server.client.infer(NAME, "case1", {"device": "cpu", "result_extension": ".nii.gz"})
    mask, image = nibabel.load(file), nibabel.load(server.studies / "case1.nii.gz")
    assert mask.shape == image.shape
    np.testing.assert_allclose(mask.affine, image.affine, atol=1e-4)
    assert set(np.unique(np.asarray(mask.dataobj))) <= {0, 1, 2}


def test_saved_segments_are_found_by_name_and_train(server: Any) -> None:
    for index in range(3):
        codes = "LPS" if index % 2 else "PSR"
        order = [0, 2, 1] if index else [0, 1, 2]  # segments of Slicer in another order than the classes
        drawn, affine = stored_as(codes, np.array(order, np.uint8)[classes(index)], oblique(9, (1, 1, 2)))
        label = write(server.root / "label.nii.gz", drawn, affine)
        names = ["Spleen", "Liver"] if index else ["Liver", "Spleen"]
        info = [{"name": name, "idx": place} for place, name in enumerate(names, start=1)]
        server.client.save_label(f"case{index}", str(label), tag="final", params={"label_info": info})
        saved = nibabel.load(server.studies / "labels" / "final" / f"case{index}.nii.gz")
        expected, _ = stored_as(codes, classes(index), oblique(9, (1, 1, 2)))
        np.testing.assert_array_equal(np.asarray(saved.dataobj), expected)
    drawn, affine = stored_as("LPS", (classes(3) > 0).astype(np.uint8), oblique(9, (1, 1, 2)))
    label = write(server.root / "label.nii.gz", drawn, affine)
    with pytest.raises(Exception, match="Expected segments called .*tumour"):
        server.client.save_label(
            "case3", str(label), tag="final", params={"label_info": [{"name": "tumour", "idx": 1}]}
        )
    config = server.client.info()["trainers"][NAME]["config"]
    options = {name: value[0] if isinstance(value, list) else value for name, value in config.items()}
    server.client.train_start(NAME, {**options, "device": "cpu", "max_epochs": 2, "val_split": 0.4})
    status = wait_for_training(server.client)
    assert status["status"] == "DONE", status["details"]
    stats = server.client.info()["train_stats"][NAME]
    assert stats["epoch"] == stats["total_epochs"] == 2
    assert server.client.next_sample("disagreement", {})["id"] == "case3"
