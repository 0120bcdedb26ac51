"""Slices of volumes with three classes through the bundle: scored as volumes, by class, in mm."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data.phantom_volume import write_phantom_volumes
from tests.bundles.conftest import TINY_SEGMENTER


@pytest.fixture(scope="module")
def slices(tmp_path_factory):
    return write_phantom_volumes(tmp_path_factory.mktemp("slices"), volumes=8, form="slices", size=32, seed=0).parent


def test_slices_of_three_classes_are_scored_as_volumes(run_bundle, slices, tmp_path):
    folder = str(tmp_path)
    network = {**TINY_SEGMENTER["network_def"], "in_channels": 1, "out_channels": 3}
    settings = {"num_channels": 1, "network_def": network, "dataset_dir": str(slices), "num_labeled": 4}
    settings |= {"output_dir": folder, "ckpt_dir": folder, "learning_rate": 0.01}
    run_bundle("segmentation", ["train"], **{**TINY_SEGMENTER, **settings})
    run_bundle("segmentation", ["train", "evaluate"], **{**TINY_SEGMENTER, **settings})
    record = json.loads((tmp_path / "metrics.json").read_text())
    datalist = json.loads((slices / "datalist.json").read_text())
    volumes = {item["volume"] for item in datalist["test"]}
    assert record["case"] == "volume"
    assert record["n"] == len(volumes) < record["n_images"] == len(datalist["test"])
    assert record["labels"] == list(datalist["labels"].values())
    assert list(record["checkpoints"]["model"]["classes"]) == record["labels"][1:]
    assert list(record["references"]) == ["image_blind"]
    with open(tmp_path / "per_case.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(volumes) * 2 * 2
    assert {row["case"] for row in rows} == {name.removesuffix(".nii.gz") for name in volumes}
    measured = [row for row in rows if row["hd95_voxels"]]
    assert all(float(row["hd95_mm"]) > float(row["hd95_voxels"]) > 0 for row in measured)  # no voxel is below 1 mm
    with Image.open(tmp_path / "examples" / "0_truth.png") as truth:
        assert truth.mode == "P"
        assert set(np.unique(np.asarray(truth)).tolist()) == {0, 1, 2}  # the slice with the most foreground holds both
