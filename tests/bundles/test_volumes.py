"""Volumes from their files through the segmentation bundle to mask volumes."""

import nibabel
import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data import load_datalist, prepare_folder
from tests.volume_files import SHAPE, ct, f_mask, oblique, stored_as, write

BRIGHT = {"_target_": "tests.bundles.bright_network.BrightNetwork"}


@pytest.fixture
def segment(run_bundle, tmp_path):
    def run(folder, **overrides):
        settings = {"dataset_dir": str(folder), "output_dir": str(tmp_path / "masks"), "image_size": 32}
        run_bundle("segmentation", ["inference"], **{**settings, "network_def": BRIGHT, "initialize": [], **overrides})
        return tmp_path / "masks"

    return run


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PSR", "IRA"])
@pytest.mark.parametrize("name", ["case.nii", "case.nii.gz"])
def test_a_mask_lies_exactly_on_its_volume(segment, tmp_path, codes, name):
    """No resampling at the network's size: every voxel of an asymmetric solid must come back in its place."""
    shape, spacing = (32, 32, 5), (0.7, 0.8, 5.0)
    solid = f_mask(shape)
    solid[2, 5, 0] = solid[30, 7, 4] = 1  # some in every slice: the bright network answers to contrast
    truth, affine = stored_as(codes, solid, oblique(20, spacing))
    source = nibabel.load(write(tmp_path / "in" / name, truth.astype(np.int16) * 1900 - 1000, affine))
    written = nibabel.load(segment(tmp_path / "in", voxel_window=[-1024, 900], batch_size=3) / name)
    np.testing.assert_array_equal(np.asarray(written.dataobj), truth)
    assert written.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(written.affine, source.affine)
    assert written.header.get_zooms() == source.header.get_zooms()
    assert (written.header["sform_code"], written.header["qform_code"]) == (
        source.header["sform_code"],
        source.header["qform_code"],
    )


def test_pictures_and_volumes_in_one_folder_at_other_sizes(segment, tmp_path, caplog):
    write(tmp_path / "in" / "b.nii.gz", ct())
    write(tmp_path / "in" / "sub" / "c.nii", ct(1, (9, 9, 4)), np.diag([1.0, 1, 2, 1]))
    picture = np.zeros((40, 72, 3), np.uint8)
    picture[5:15, 50:70] = 255
    Image.fromarray(picture).save(tmp_path / "in" / "a.png")
    masks = segment(tmp_path / "in")
    assert sorted(path.name for path in masks.iterdir()) == ["a.png", "b.nii.gz", "c.nii"]
    assert np.asarray(Image.open(masks / "a.png"))[8, 60] == 255
    mask = np.asarray(nibabel.load(masks / "b.nii.gz").dataobj)
    assert mask.shape == SHAPE
    inside = f_mask()[..., 1:5] > 0  # slices without bright voxels are stretched by the z-score, as in training
    assert (mask[..., 1:5][inside] == 1).mean() > 0.85
    assert (mask[..., 1:5][~inside] == 1).mean() < 0.1
    assert "b.nii.gz: no voxel_window is set" in caplog.text


def test_two_files_of_one_name_are_refused(segment, tmp_path):
    write(tmp_path / "in" / "one" / "a.nii.gz", ct())
    write(tmp_path / "in" / "two" / "a.nii.gz", ct())
    with pytest.raises(RuntimeError) as error:
        segment(tmp_path / "in")
    assert "found two: one/a.nii.gz and two/a.nii.gz" in str(error.value.__cause__.__cause__ or error.value.__cause__)


def test_prepared_slices_train_and_the_model_masks_volumes(run_bundle, tmp_path):
    for index in range(4):
        write(tmp_path / "images" / f"case{index}.nii.gz", ct(index))
        write(tmp_path / "masks" / f"case{index}.nii.gz", f_mask())
    data = prepare_folder(tmp_path / "images", tmp_path / "masks", tmp_path / "data", size=32, split=(0.5, 0.25, 0.25))
    network = {
        "_target_": "UNet",
        "spatial_dims": 2,
        "in_channels": 1,
        "out_channels": 1,
        "channels": [8, 16],
        "strides": [2],
    }
    shared = {"image_size": 32, "num_channels": 1, "network_def": network, "ckpt_dir": str(tmp_path / "model")}
    training = {
        "dataset_dir": str(data.parent),
        "steps": 40,
        "epoch_length": 20,
        "batch_size": 6,
        "learning_rate": 0.01,
    }
    run_bundle("segmentation", ["train"], output_dir=str(tmp_path / "model"), **shared, **training)
    window = load_datalist(data)["voxel_window"]
    settings = {"dataset_dir": str(tmp_path / "images"), "output_dir": str(tmp_path / "out"), "voxel_window": window}
    run_bundle("segmentation", ["inference"], **shared, **settings)
    for index in range(4):
        mask = np.asarray(nibabel.load(tmp_path / "out" / f"case{index}.nii.gz").dataobj) > 0
        truth = f_mask() > 0
        assert 2 * (mask & truth).sum() / (mask.sum() + truth.sum()) > 0.8
