"""The phantom of volumes: where its organs lie, whose scans they are, and that it is the same each time."""

import nibabel
import numpy as np
import pytest

from ssgnet_monai.cli import main
from ssgnet_monai.data import load_datalist, write_phantom_volumes
from ssgnet_monai.data.phantom_body import ORGANS, draw_anatomy, draw_scan
from ssgnet_monai.data.phantom_volume import plan_patients
from ssgnet_monai.transforms import LoadImageMaskd

LABELS = {"0": "background", "1": ORGANS[0], "2": ORGANS[1]}


def every(datalist):
    return [item for part in ("training", "validation", "test") for item in datalist[part]]


def places(label, number):
    """Mean place of a class in mm from the middle of the volume: right, front, up positive."""
    voxels = np.argwhere(np.asarray(label.dataobj) == number)
    middle = nibabel.affines.apply_affine(label.affine, (np.array(label.shape) - 1) / 2)
    return nibabel.affines.apply_affine(label.affine, voxels).mean(0) - middle


def test_volumes_of_two_organs_and_patients_of_one_or_two_scans(tmp_path):
    assert main(["data", "phantom", "--out", str(tmp_path), "--volumes", "8", "--size", "24"]) == 0
    datalist = load_datalist(tmp_path)
    assert datalist["labels"] == LABELS
    items = every(datalist)
    assert len(items) == 8
    groups = [item["group"] for item in items]
    assert 4 <= len(set(groups)) < 8
    spacings = {}
    for item in items:
        image, label = nibabel.load(item["image"]), nibabel.load(item["label"])
        assert image.shape == label.shape == (24, 24, 12)
        np.testing.assert_allclose(image.affine, label.affine)
        assert nibabel.aff2axcodes(image.affine) == ("L", "P", "S")
        assert image.get_data_dtype() == np.int16
        assert label.get_data_dtype() == np.uint8
        spacings.setdefault(item["group"], set()).add(image.header.get_zooms())
        voxels, classes = np.asarray(image.dataobj), np.asarray(label.dataobj)
        assert np.unique(classes).tolist() == [0, 1, 2]
        assert (classes == 1).sum() > 2 * (classes == 2).sum() > 20
        assert places(label, 1)[0] > 10  # the large organ is on the patient's right
        assert places(label, 2)[0] < -15
        assert places(label, 2)[1] < places(label, 1)[1]  # and the small one behind it
        assert -30 < np.median(voxels[classes == 0][voxels[classes == 0] > -300]) < 30
        assert voxels[classes == 2].mean() > voxels[classes == 1].mean() > 20
        assert voxels[0, 0].max() < -850  # air in the corner
    assert all(len(its) == 1 for its in spacings.values())
    assert len(set.union(*spacings.values())) == len(spacings)  # spacing is the patient's own


def test_the_volumes_as_slices(tmp_path):
    words = ["--out", str(tmp_path), "--volumes", "6", "--size", "24", "--form", "slices"]
    assert main(["data", "phantom", *words]) == 0
    datalist = load_datalist(tmp_path)
    assert (datalist["labels"], datalist["image_size"], datalist["num_channels"]) == (LABELS, [24, 24], 1)
    items = every(datalist)
    assert len(items) == 6 * 12
    loaded = LoadImageMaskd(datalist["intensity_window"], num_channels=1, num_classes=3)
    values = np.concatenate([np.unique(loaded(item)["label"].numpy()) for item in items])
    assert set(values.tolist()) == {0, 1, 2}
    assert len({item["volume"] for item in items}) == 6


def test_the_same_seed_gives_the_same_files(tmp_path):
    one = write_phantom_volumes(tmp_path / "a", 6, 16, seed=3)
    again = write_phantom_volumes(tmp_path / "b", 6, 16, seed=3)
    other = write_phantom_volumes(tmp_path / "c", 6, 16, seed=4)
    files = sorted(path.relative_to(one.parent) for path in one.parent.rglob("*.nii.gz"))
    assert len(files) == 24
    assert all((one.parent / file).read_bytes() == (again.parent / file).read_bytes() for file in files)
    assert all((one.parent / file).read_bytes() != (other.parent / file).read_bytes() for file in files)


def test_a_smaller_phantom_in_the_same_folder_leaves_nothing_of_the_larger_one(tmp_path):
    write_phantom_volumes(tmp_path, 9, 16)
    datalist = load_datalist(write_phantom_volumes(tmp_path, 6, 16))
    assert len(every(datalist)) == 6


def test_a_finer_grid_shows_the_same_organs():
    anatomy = draw_anatomy(np.random.default_rng(7))
    _, coarse, coarse_affine = draw_scan(anatomy, np.random.default_rng(8), 24)
    _, fine, fine_affine = draw_scan(anatomy, np.random.default_rng(8), 48)
    for number in (1, 2):
        sizes = [
            (classes == number).sum() * abs(np.linalg.det(affine[:3, :3]))
            for classes, affine in ((coarse, coarse_affine), (fine, fine_affine))
        ]
        assert sizes[0] == pytest.approx(sizes[1], rel=0.15)
        np.testing.assert_allclose(
            *(places(nibabel.Nifti1Image(c, a), number) for c, a in ((coarse, coarse_affine), (fine, fine_affine))),
            atol=2,
        )


def test_patients_have_one_or_two_scans():
    patients = plan_patients(40, 0)
    counts = np.bincount(patients)
    assert len(patients) == 40
    assert set(counts[:-1].tolist()) == {1, 2}
    assert patients == sorted(patients)
    assert plan_patients(40, 1) != patients


def test_what_cannot_be_drawn_is_refused(tmp_path, capsys):
    with pytest.raises(ValueError, match="at least 6 volumes of at least 16 voxels across, got 5 of 24"):
        write_phantom_volumes(tmp_path, 5, 24)
    with pytest.raises(ValueError, match="got 6 of 8"):
        write_phantom_volumes(tmp_path, 6, 8)
    with pytest.raises(ValueError, match="form 'slices', or 'volumes'"):
        write_phantom_volumes(tmp_path, 6, 16, form="cubes")
    assert main(["data", "phantom", "--out", str(tmp_path), "--form", "slices"]) != 0
    assert "Expected --volumes beside --form slices" in capsys.readouterr().err
