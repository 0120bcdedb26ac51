"""nnU-Net's names, in folders as nnU-Net has them."""

from pathlib import Path

import numpy as np
import pytest

from ssgnet_monai.data import load_datalist, prepare_folder
from ssgnet_monai.data.pair_files import pair_files
from tests.volume_files import ct, f_mask, write


def paths(*names):
    return [Path("f") / name for name in names]


@pytest.mark.parametrize("ending", [".nii.gz", ".png"])
def test_one_channel_is_the_case(ending):
    images = paths(*(f"Case_{index}_0000{ending}" for index in range(3)))
    pairs = pair_files(images, paths(*(f"Case_{index}{ending}" for index in range(3))))
    assert [pair.stem for pair in pairs] == ["Case_0", "Case_1", "Case_2"]
    assert [pair.image.name for pair in pairs] == [image.name for image in images]
    with pytest.raises(ValueError, match="1 of 3 images without: Case_2_0000"):
        pair_files(images, paths(f"Case_0{ending}", f"Case_1{ending}"))
    pairs = pair_files(images, paths(f"Case_0{ending}", f"Case_1{ending}"), unlabeled_ok=True)
    assert [pair.stem for pair in pairs if pair.mask is None] == ["Case_2"]


def test_several_channels_are_refused_by_name():
    images = paths("a_0000.nii.gz", "a_0001.nii.gz", "b_0000.nii.gz", "b_0001.nii.gz")
    said = r"2 cases of several channels .*such as a_0000.nii.gz, a_0001.nii.gz in f\. Copy the files of one channel"
    for masks in (paths("a.nii.gz", "b.nii.gz"), None):
        with pytest.raises(ValueError, match=said):
            pair_files(images, masks)
    assert len(pair_files(images[::2], paths("a.nii.gz", "b.nii.gz"))) == 2  # what it advises


def test_numbered_slices_and_scans_are_no_channels():
    slices = paths("a_0000.png", "a_0001.png", "b_0000.png", "b_0001.png")
    assert [pair.stem for pair in pair_files(slices, None)] == ["a_0000", "a_0001", "b_0000", "b_0001"]
    assert len(pair_files(slices, paths(*(f"{path.stem}_mask.png" for path in slices)))) == 4
    assert len(pair_files(paths(*(f"scan_{index:04d}.nii.gz" for index in range(9))), None)) == 9


def test_a_folder_of_nnu_net(tmp_path):
    for index in range(3):
        write(tmp_path / "imagesTr" / f"case{index}_0000.nii.gz", ct(index))
        write(tmp_path / "labelsTr" / f"case{index}.nii.gz", f_mask())
    datalist = load_datalist(prepare_folder(tmp_path / "imagesTr", tmp_path / "labelsTr", tmp_path / "out", size=None))
    items = [item for part in ("training", "validation", "test") for item in datalist[part]]
    assert {item["group"] for item in items} == {"case0", "case1", "case2"}
    assert all(Path(item["label"]).is_file() for item in items)
    assert np.isfinite(datalist["voxel_window"]).all()
