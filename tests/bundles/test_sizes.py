"""Sizes that the segmenter's strides do not divide: padded for the network, cropped back in every use of it."""

import json

import numpy as np
from PIL import Image

from ssgnet_monai.data.pseudo_labels import read_manifest
from tests.bundles.conftest import TINY_SEGMENTER


def test_an_odd_size_trains_labels_evaluates_and_segments_files_at_their_own_size(run_bundle, phantom, tmp_path):
    folder = str(tmp_path / "seg")
    settings = {**TINY_SEGMENTER, "dataset_dir": str(phantom), "output_dir": folder, "ckpt_dir": folder}
    settings |= {"image_size": 33, "steps": 2, "num_rounds": 1, "num_labeled": 12, "pool": "real"}
    run_bundle("segmentation", ["train", "rounds"], "rounds", **settings)
    labels = tmp_path / "seg" / "pseudo_labels" / "round_00"
    with Image.open(labels / read_manifest(labels)["masks"][0]["mask"]) as mask:
        assert mask.size == (33, 33)
    del settings["num_rounds"], settings["pool"]
    run_bundle("segmentation", ["train", "evaluate"], **settings)
    assert json.loads((tmp_path / "seg" / "metrics.json").read_text())["n"] > 0
    with Image.open(tmp_path / "seg" / "examples" / "0_final.png") as picture:
        assert picture.size == (33, 33)
    (tmp_path / "images").mkdir()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (41, 57, 3), np.uint8)).save(
        tmp_path / "images" / "a.png"
    )
    run_bundle(
        "segmentation",
        ["inference"],
        dataset_dir=str(tmp_path / "images"),
        output_dir=str(tmp_path / "masks"),
        ckpt_dir=folder,
        image_size=33,
        network_def=TINY_SEGMENTER["network_def"],
    )
    with Image.open(tmp_path / "masks" / "a.png") as mask:
        assert mask.size == (57, 41)
