import numpy as np
import pytest

from ssgnet_monai.data.cases import case_names, case_spacing, group_names
from tests.volume_files import oblique, stored_as, write


def test_slices_of_one_volume_are_one_case_and_volumes_of_one_file_name_are_two():
    def cut(stem, index):
        return {"image": f"/d/images/{stem}_{index:04d}.png", "volume": "image.nii.gz", "axis": 2, "slice": index}

    items = [
        cut("p1_image", 0),
        cut("p1_image", 1),
        cut("p2_image", 0),
        {"image": "/d/v.nii.gz", "axis": 0, "slice": 0},
        {"image": "/d/v.nii.gz", "axis": 0, "slice": 1},
        {"image": "/d/a.png"},
        {"image": "/d/b.png", "group": "p"},
    ]
    cases = case_names(items)
    assert [cases.index(case) for case in cases] == [0, 0, 2, 3, 3, 5, 6]
    groups = group_names(items)
    assert [groups.index(group) for group in groups] == [0, 0, 2, 3, 3, 5, 6]
    patients = group_names([{**item, "group": "p"} for item in items])
    assert len(set(patients)) == 1


@pytest.mark.parametrize("codes", ["RAS", "PSR", "IRA"])
def test_the_spacing_of_a_case_is_that_of_the_grid_on_which_it_is_scored(tmp_path, codes):
    """A volume of 20 x 24 x 6 voxels of .7, .8 and 5 mm, however its axes are stored, cut axially."""
    spacing = (0.7, 0.8, 5.0)
    voxels, affine = stored_as(codes, np.zeros((20, 24, 6), np.int16), oblique(20, spacing))
    path = write(tmp_path / "v.nii.gz", voxels, affine)
    axis = voxels.shape.index(6)
    cut = {"image": "v_0003.png", "slice": 3, "axis": axis, "affine": affine.tolist(), "shape": list(voxels.shape)}
    assert case_spacing(cut, (4, 24, 20)) == pytest.approx((5, 0.8, 0.7), rel=1e-5)
    assert case_spacing(cut, (6, 48, 10)) == pytest.approx((5, 0.4, 1.4), rel=1e-5)  # resized slices
    in_file = {"image": str(path), "slice": 3, "axis": axis}
    assert case_spacing(in_file, (6, 48, 10)) == pytest.approx((5, 0.4, 1.4), rel=1e-5)
    assert case_spacing({"image": str(path)}, (20, 24, 6)) == pytest.approx(spacing, rel=1e-5)
    assert case_spacing({"image": str(path)}, (10, 24, 30)) == pytest.approx((1.4, 0.8, 1.0), rel=1e-5)


def test_pictures_have_no_known_spacing():
    assert case_spacing({"image": "a.png"}, (4, 4)) is None
    assert case_spacing({"image": "v_0003.png", "slice": 3, "axis": 2}, (1, 4, 4)) is None
