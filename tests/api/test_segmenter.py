"""A segmenter by its folder: the classes that the bundle's inference writes, from paths, arrays and tensors."""

import json

import nibabel
import numpy as np
import pytest
import torch
from monai.bundle import ConfigWorkflow
from monai.networks.nets import UNet
from PIL import Image

from ssgnet_monai import load_segmenter
from ssgnet_monai.bundle_tools.trained_copy import copy_trained
from ssgnet_monai.networks import VNet

NETWORK = {
    "_target_": "UNet", "spatial_dims": 2, "in_channels": "@num_channels", "out_channels": "@num_logits",
    "channels": [4, 8], "strides": [2],
}  # fmt: skip
CUBE = {"voxel_values": "stored", "patch_size": [16, 16, 16], "network_def#width": 2}


def finished_row(root, classes, network, settings, configs=("train",)):
    """A row as `ssgnet run` leaves it."""
    folder = root / "segmentation" / "unet" / "seed0"
    folder.mkdir(parents=True)
    (root / "data").mkdir(exist_ok=True)
    labels = {str(number): f"class {number}" for number in range(classes)}
    datalist = {"labels": labels, "classes": ["all"], "intensity_window": [0, 255], "voxel_window": [0, 100]}
    (root / "data" / "datalist.json").write_text(json.dumps(datalist))
    (folder / "config.yaml").write_text("dataset_dir: data\n")
    (folder / "trained_with.json").write_text(json.dumps({"configs": list(configs), "settings": settings}))
    torch.save(network.state_dict(), folder / "model.pt")
    return folder


@pytest.fixture
def row(tmp_path):
    def make(classes, channels=3):
        torch.manual_seed(classes)
        network = UNet(2, channels, 1 if classes == 2 else classes, [4, 8], [2])
        settings = {"image_size": 32, "num_channels": channels, "network_def": NETWORK}
        return finished_row(tmp_path / "run", classes, network, settings)

    return make


def inferred(row, images, tmp_path):
    """What the bundle writes for a folder of images."""
    bundle = copy_trained("ssgnet_segmentation", row, tmp_path / "bundle")
    workflow = ConfigWorkflow(
        config_file=str(bundle / "configs" / "inference.yaml"), workflow_type="infer", logging_file=False,
        bundle_root=str(bundle), dataset_dir=str(images), output_dir=str(tmp_path / "masks"), device="cpu",
    )  # fmt: skip
    workflow.initialize()
    workflow.run()
    return tmp_path / "masks"


@pytest.mark.parametrize("classes", [2, 4])
def test_a_picture_is_segmented_as_the_bundle_does_it(row, classes, tmp_path):
    folder, images = row(classes), tmp_path / "images"
    images.mkdir()
    picture = np.random.default_rng(0).integers(0, 256, (40, 28, 3), dtype=np.uint8)
    Image.fromarray(picture).save(images / "a.png")
    written = np.asarray(Image.open(inferred(folder, images, tmp_path) / "a.png"))
    segmenter = load_segmenter(folder, "cpu")
    mask, probabilities = segmenter.predict(images / "a.png", probabilities=True)
    assert mask.dtype == np.uint8
    assert len(np.unique(mask)) == classes
    np.testing.assert_array_equal(mask * (255 if classes == 2 else 1), written)
    assert probabilities.shape == (classes, 40, 28)
    np.testing.assert_allclose(probabilities.sum(0), 1, atol=1e-5)
    for same in (picture, torch.from_numpy(picture).permute(2, 0, 1), picture.astype(np.int64)):
        np.testing.assert_array_equal(segmenter.predict(same), mask)
    served = load_segmenter(tmp_path / "bundle", "cpu")
    np.testing.assert_array_equal(served.predict(str(images / "a.png")), mask)


def test_a_volume_is_cut_and_comes_back_in_its_files_order(row, tmp_path):
    folder, images = row(3, channels=1), tmp_path / "images"
    images.mkdir()
    voxels = np.random.default_rng(1).integers(0, 100, (20, 24, 6)).astype(np.int16)
    affine = np.array([[0, -1, 0, 0], [2, 0, 0, 5], [0, 0, -4, 0], [0, 0, 0, 1.0]])
    nibabel.save(nibabel.Nifti1Image(voxels, affine), images / "v.nii.gz")
    written = np.asarray(nibabel.load(inferred(folder, images, tmp_path) / "v.nii.gz").dataobj)
    mask, probabilities = load_segmenter(folder, "cpu").predict(images / "v.nii.gz", probabilities=True)
    assert mask.shape == written.shape == (20, 24, 6)
    assert (mask == written).mean() > 0.999
    np.testing.assert_array_equal(probabilities.argmax(0), mask)


def test_volumes_as_wholes(tmp_path):
    torch.manual_seed(0)
    folder = finished_row(tmp_path / "run", 3, VNet(1, 3, 2), CUBE, ["train", "volumes"])
    segmenter = load_segmenter(folder, "cpu")
    voxels = np.random.default_rng(2).normal(size=(20, 18, 17)).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([2.0, 1, 1, 1])), tmp_path / "v.nii")
    mask = segmenter.predict(tmp_path / "v.nii")
    assert mask.shape == (20, 18, 17)
    assert mask.max() > 0
    for same in (voxels, voxels[None], torch.from_numpy(voxels)[None]):
        np.testing.assert_array_equal(segmenter.predict(same, spacing=(2, 1, 1)), mask)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((8, 8), np.float32), r"whole numbers from 0 to 255 .* got float32 from 0 to 0 of shape \(8, 8\)"),
        (np.full((8, 8), -1), "from -1 to -1"),
        (np.zeros((3, 8, 8), np.uint8), r"an array whose channels come last as \(3, 8, 8\).*moveaxis"),
        (torch.zeros(2, 8, 8, dtype=torch.uint8), r"a tensor whose channels come last as \(8, 8, 2\)"),
        (np.zeros((2, 8, 8, 8)), r"a volume of numbers \(1, X, Y, Z\), got float64 of \(2, 8, 8, 8\)"),
        (np.zeros((8, 8), np.uint16), "got 16-bit values up to 0"),
    ],
)
def test_what_is_no_image_is_told(row, image, message):
    with pytest.raises(ValueError, match=message):
        load_segmenter(row(2), "cpu").predict(image)


def test_paths_that_hold_nothing(row, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"trained bundle .*or a finished row .* found neither"):
        load_segmenter(tmp_path)
    with pytest.raises(FileNotFoundError, match="Expected an image, found no file at none.png"):
        load_segmenter(row(2), "cpu").predict("none.png")


def test_a_bundle_that_names_code_is_refused(row, tmp_path):
    bundle = copy_trained("ssgnet_segmentation", row(2), tmp_path / "bundle")
    with open(bundle / "configs" / "inference.yaml", "a") as file:
        file.write("more: {_target_: os.getcwd}\n")
    with pytest.raises(ValueError, match=r"1 other lines: more::_target_: os.getcwd .*trust_code=True"):
        load_segmenter(bundle)
    assert load_segmenter(bundle, "cpu", trust_code=True).num_classes == 2
