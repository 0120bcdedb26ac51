"""Whole volumes: what is written is what came, at its place, and MONAI reads the list."""

import json

import nibabel
import numpy as np
import pytest
from monai.data import load_decathlon_datalist
from scipy.ndimage import map_coordinates

from ssgnet_monai.cli import main
from ssgnet_monai.data import load_datalist, prepare_folder
from ssgnet_monai.data.volumes import write_volumes
from tests.volume_files import SHAPE, SPACING, ct, dataset, f_mask, oblique, write

SPLIT = (0.5, 0.25, 0.25)


def prepare(tmp_path, **options):
    images, masks = options.pop("source", None) or dataset(tmp_path)
    return prepare_folder(images, masks, tmp_path / "out", **{"form": "volumes", "split": SPLIT, **options})


def test_voxels_spacing_and_orientation_stay(tmp_path):
    path = prepare(tmp_path)
    datalist = load_datalist(path)
    items = [item for part in ("training", "validation", "test") for item in datalist[part]]
    assert sorted(len(datalist[part]) for part in ("training", "validation", "test")) == [1, 1, 2]
    for item in items:
        number = int(item["image"][-8])
        assert item["image"].endswith(f"images/case{number}.nii.gz")
        image, label = nibabel.load(item["image"]), nibabel.load(item["label"])
        np.testing.assert_array_equal(np.asarray(image.dataobj), ct(number))
        np.testing.assert_array_equal(np.asarray(label.dataobj), np.roll(f_mask(), number, axis=1))
        for one in (image, label):
            np.testing.assert_allclose(one.affine, oblique(), atol=1e-5)
            np.testing.assert_allclose(one.header.get_zooms(), SPACING, atol=1e-5)
    training = np.stack([np.asarray(nibabel.load(item["image"]).dataobj) for item in datalist["training"]])
    np.testing.assert_allclose(datalist["voxel_window"], np.percentile(training, [0.5, 99.5]), atol=2)
    found = json.loads((tmp_path / "out" / "prepare.json").read_text())
    assert found["volumes"]["shape"] == [[length, length] for length in SHAPE]
    assert found["masks"]["median_foreground"] == pytest.approx(f_mask().mean())


def test_monai_reads_the_list(tmp_path):
    path = prepare(tmp_path)
    read = load_decathlon_datalist(str(path), data_list_key="training")
    assert [item["image"] for item in read] == [item["image"] for item in load_datalist(path)["training"]]


def test_another_spacing(tmp_path):
    images, masks = dataset(tmp_path)
    words = ["--images", str(images), "--masks", str(masks), "--out", str(tmp_path / "out")]
    assert main(["data", "prepare", *words, "--form", "volumes", "--spacing", "1", "1", "2.5"]) == 0
    image, label = (nibabel.load(tmp_path / "out" / folder / "case0.nii.gz") for folder in ("images", "labels"))
    np.testing.assert_allclose(image.header.get_zooms(), (1, 1, 2.5), atol=1e-4)
    assert image.shape == label.shape == (14, 19, 11)
    indices = np.indices(image.shape).reshape(3, -1)
    places = image.affine @ np.vstack([indices, np.ones(indices.shape[1])])
    known = map_coordinates(ct().astype(float), (np.linalg.inv(oblique()) @ places)[:3], order=1, mode="nearest")
    np.testing.assert_allclose(np.asarray(image.dataobj).ravel(), known, atol=0.01)
    inside = np.asarray(label.dataobj) == 1
    assert set(np.unique(np.asarray(label.dataobj))) == {0, 1}
    assert np.asarray(image.dataobj)[inside].mean() > 300 > -700 > np.asarray(image.dataobj)[~inside].mean()


def test_header_texts_are_left_behind(tmp_path):
    source = dataset(tmp_path)
    image = nibabel.load(source[0] / "case0.nii.gz")
    image.header["descrip"] = b"DOE JANE"
    nibabel.save(nibabel.Nifti1Image(ct(), oblique(), image.header), source[0] / "case0.nii.gz")
    prepare(tmp_path, source=source)
    assert nibabel.load(tmp_path / "out" / "images" / "case0.nii.gz").header["descrip"].item() == b""


def test_an_interrupted_run_goes_on(tmp_path, monkeypatch):
    source = dataset(tmp_path)
    write(source[1] / "case3_mask.nii", np.full(SHAPE, 3, np.uint8) + f_mask())
    with pytest.raises(ValueError, match=r"got \{3, 4\} in .*case3_mask.nii"):
        prepare(tmp_path, source=source)
    assert not (tmp_path / "out" / "datalist.json").exists()
    write(source[1] / "case3_mask.nii", f_mask())
    written = []
    real = write_volumes._write
    monkeypatch.setattr(write_volumes, "_write", lambda pair, *rest: written.append(pair.stem) or real(pair, *rest))
    prepare(tmp_path, source=source)
    prepare(tmp_path, source=source)
    assert written == ["case3"]


def test_masks_on_another_grid_pictures_and_unusable_options(tmp_path):
    source = dataset(tmp_path)
    with pytest.raises(ValueError, match=r"Expected spacing of three lengths in mm"):
        prepare(tmp_path, source=source, spacing=[1, 1])
    with pytest.raises(ValueError, match=r"Expected form 'slices', or 'volumes' .* got form 'slices' and spacing"):
        prepare(tmp_path, source=source, form="slices", spacing=[1, 1, 1])
    with pytest.raises(ValueError, match=r"Expected clahe and clean_masks with slices only, got True and 0"):
        prepare(tmp_path, source=source, clahe=True)
    with pytest.raises(ValueError, match=r"got form 'volume'"):
        prepare(tmp_path, source=source, form="volume")
    write(source[1] / "case1_mask.nii", f_mask(), oblique(40))
    with pytest.raises(ValueError, match=r"Expected a mask of shape .* in .*case1_mask.nii. Resample it"):
        prepare(tmp_path, source=source)


def test_one_voxel_does_not_take_the_window(tmp_path):
    source = dataset(tmp_path)
    for index in range(4):
        voxels = ct(index) + np.float32(0.25)
        voxels[0, 0, 0] = 1e9
        write(source[0] / f"case{index}.nii.gz", voxels)
    low, high = load_datalist(prepare(tmp_path, source=source))["voxel_window"]
    assert -1024 <= low < -1000
    assert 800 < high < 1000
    warned = str(json.loads((tmp_path / "out" / "prepare.json").read_text())["warnings"])
    assert "2 of 2 volumes hold voxels far from all others" in warned
    assert "nii.gz holds 1e+09 beside" in warned
