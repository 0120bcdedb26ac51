import json

import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data import load_datalist, prepare_folder
from ssgnet_monai.data.volumes import cut
from ssgnet_monai.data.volumes.view import slice_view
from ssgnet_monai.data.volumes.volume import Volume
from ssgnet_monai.transforms import LoadImageMaskd
from tests.volume_files import SHAPE, ct, dataset, f_mask, oblique, write


def prepare(tmp_path, source=None, **options):
    images, masks = source or dataset(tmp_path)
    path = prepare_folder(images, masks, tmp_path / "out", **{"size": None, "split": (0.5, 0.25, 0.25), **options})
    datalist = load_datalist(path)
    return datalist, [item for split in ("training", "validation", "test") for item in datalist[split]]


def test_every_slice_keeps_its_voxels_its_place_and_its_patient(tmp_path):
    datalist, items = prepare(tmp_path)
    assert len(items) == 4 * SHAPE[2]
    assert [len({item["group"] for item in datalist[split]}) for split in ("training", "validation", "test")] == [
        2,
        1,
        1,
    ]
    assert datalist["group_source"] == "volumes"
    assert datalist["num_channels"] == 1
    lowest = min(int(ct(index).min()) for index in range(4))
    for item in items:
        number = int(item["group"].removeprefix("case"))
        assert item["volume"] == f"case{number}.nii.gz"
        np.testing.assert_allclose(item["affine"], oblique(), atol=1e-5)
        assert item["shape"] == list(SHAPE)
        picture, mask = np.asarray(Image.open(item["image"])), np.asarray(Image.open(item["label"]))
        view = slice_view(ct(number), oblique(), item["axis"])
        np.testing.assert_array_equal(picture.astype(int) + lowest, view[item["slice"]])
        truth = slice_view(np.roll(f_mask(), number, axis=1), oblique(), item["axis"])
        np.testing.assert_array_equal(mask, truth[item["slice"]])
    found = json.loads((tmp_path / "out" / "prepare.json").read_text())
    assert found["volumes"]["planes"] == {"axial": 4}
    assert found["volumes"]["grey_level_offset"] == lowest
    assert str(tmp_path) not in json.dumps(found) + (tmp_path / "out" / "datalist.json").read_text()


def test_the_window_in_voxel_values_is_that_of_the_grey_levels(tmp_path):
    datalist, items = prepare(tmp_path)
    loaded = LoadImageMaskd(datalist["intensity_window"], num_channels=1)(items[0])["image"]
    low, high = datalist["voxel_window"]
    assert -1024 <= low < -1000
    assert high > 800
    volume = tmp_path / "images" / items[0]["volume"]
    direct = LoadImageMaskd(num_channels=1, voxel_window=[low, high])({**items[0], "image": str(volume)})["image"]
    np.testing.assert_allclose(direct.numpy(), loaded.numpy(), atol=1e-6)


def test_fractions_share_the_sixteen_bits(tmp_path):
    for index in range(3):
        write(tmp_path / "images" / f"v{index}.nii.gz", (ct(index) / 7).astype(np.float32))
    datalist, items = prepare(tmp_path, (tmp_path / "images", None))
    scale = json.loads((tmp_path / "out" / "prepare.json").read_text())["volumes"]["grey_level_scale"]
    assert 0 < scale < 0.005
    offset = min(float((ct(index) / 7).min()) for index in range(3))
    item = items[0]
    truth = slice_view(ct(int(item["group"][-1])) / 7, oblique(), item["axis"])[item["slice"]]
    np.testing.assert_allclose(np.asarray(Image.open(item["image"])) * scale + offset, truth, atol=scale)
    assert datalist["voxel_window"][0] == pytest.approx(offset + scale * datalist["intensity_window"][0])


def test_slices_without_foreground_can_be_dropped_and_padding_always_is(tmp_path):
    source = dataset(tmp_path)
    voxels = ct()
    voxels[..., 5] = -1024
    write(tmp_path / "images" / "case0.nii.gz", voxels)
    _, items = prepare(tmp_path, source)
    assert len(items) == 4 * 6 - 1
    _, items = prepare(tmp_path, source, empty_slices="drop")
    assert len(items) == 4 * 4
    assert all(np.asarray(Image.open(item["label"])).any() for item in items)
    with pytest.raises(ValueError, match="empty_slices 'keep' or 'drop', got 'some'"):
        prepare(tmp_path, source, empty_slices="some")


def test_groups_and_planes_of_ones_own(tmp_path):
    table = tmp_path / "g.csv"
    table.write_text("case0.nii.gz,a\ncase1,a\ncase2,b\ncase3,c\n")
    _, items = prepare(tmp_path, groups=table, slice_plane="coronal")
    assert {item["group"] for item in items} == {"a", "b", "c"}
    assert len(items) == 4 * SHAPE[1]
    assert {item["axis"] for item in items} == {1}


def test_masks_must_lie_on_the_grid_and_are_binary_as_a_whole(tmp_path):
    images, masks = dataset(tmp_path)
    write(masks / "case1_mask.nii", f_mask(), oblique(25))
    write(masks / "case2_mask.nii", f_mask()[:, :-1])
    with pytest.raises(ValueError, match=r"2 of 4 images: .*shape \(20, 24, 6\).*case1_mask.nii.*\(20, 23, 6\) and"):
        prepare(tmp_path, (images, masks))
    labels = f_mask()
    labels[..., 2] *= 3
    write(masks / "case1_mask.nii", labels)
    write(masks / "case2_mask.nii", f_mask().astype(np.float32) / 2)
    with pytest.raises(ValueError, match=r"fractions such as 0\.5 in .*case2_mask"):
        prepare(tmp_path, (images, masks))
    write(masks / "case2_mask.nii", f_mask().astype(np.float32))
    with pytest.raises(ValueError, match=r"got \{0, 1, 3\} in 4 masks, case1_mask.nii among them.*--labels"):
        prepare(tmp_path, (images, masks))
    assert len(prepare(tmp_path, (images, masks), mask_threshold=1)[1]) == 24


def test_pictures_beside_volumes_are_refused(tmp_path):
    images, masks = dataset(tmp_path)
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(images / "x.png")
    with pytest.raises(
        ValueError, match=r"either pictures or NIfTI volumes, found 1 pictures \(x\.png\) and 8 volumes"
    ):
        prepare(tmp_path, (images, masks), unlabeled_ok=True)
    for index in range(3):
        write(tmp_path / "flat" / f"v{index}.nii", np.full(SHAPE, 7, np.int16))
    with pytest.raises(ValueError, match="nothing but the value 7"):
        prepare(tmp_path, (tmp_path / "flat", None))


def test_what_was_cut_is_not_cut_again(tmp_path, monkeypatch):
    source = dataset(tmp_path)
    prepare(tmp_path, source)
    first = (tmp_path / "out" / "datalist.json").read_bytes()
    voxels = ct(3)
    voxels[0, 0, 0] = -600
    write(tmp_path / "images" / "case3.nii.gz", voxels)
    seen = []
    monkeypatch.setattr(cut, "slice_view", lambda voxels, *rest: seen.append(voxels.dtype) or slice_view(voxels, *rest))
    prepare(tmp_path, source)
    assert len(seen) == 2  # one volume and its mask
    assert (tmp_path / "out" / "datalist.json").read_bytes() == first
    assert Volume(tmp_path / "images" / "case3.nii.gz").stored[0, 0, 0] == -600


@pytest.mark.parametrize("top", [1e6, 1e7, 1e9, -1e9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
def test_one_voxel_does_not_take_the_grey_levels_of_all_volumes(tmp_path, top, dtype):
    for index in range(4):
        voxels = ct(index).astype(dtype) + (dtype(0.25) if dtype != np.int32 else 0)
        if index == 2:
            voxels[0, 0, 0] = top
        write(tmp_path / "images" / f"c{index}.nii.gz", voxels)
    _, items = prepare(tmp_path, (tmp_path / "images", None))
    levels = [len(np.unique(np.asarray(Image.open(item["image"])))) for item in items]
    assert min(levels) > 200
    warned = json.loads((tmp_path / "out" / "prepare.json").read_text())["warnings"]
    assert [f"c2.nii.gz holds {top:g} beside" in warning for warning in warned if "far from all" in warning] == [True]


def test_volumes_of_other_units_are_told(tmp_path):
    for index in range(4):
        write(tmp_path / "images" / f"c{index}.nii.gz", ct(index).astype(np.float32) * (1 if index else 1e5) + 0.5)
    with pytest.raises(ValueError, match=r"one unit\. .* 3 of 4 volumes .* because of c0.nii.gz: c1"):
        prepare(tmp_path, (tmp_path / "images", None))
    write(tmp_path / "images" / "c0.nii.gz", ct().astype(np.float32) * 500 + 0.5)
    prepare(tmp_path, (tmp_path / "images", None))
    warned = json.loads((tmp_path / "out" / "prepare.json").read_text())["warnings"]
    assert [warning for warning in warned if "of 3 of 4 volumes take as few as 1" in warning], warned


def test_mixed_planes_are_told_and_one_plane_mends_it(tmp_path):
    images, masks = dataset(tmp_path)
    coronal = np.diag([-1.0, 3.0, -1.0, 1.0])
    write(images / "case1.nii.gz", ct(1), coronal)
    write(masks / "case1_mask.nii", f_mask(), coronal)
    prepare(tmp_path, (images, masks))
    warned = json.loads((tmp_path / "out" / "prepare.json").read_text())["warnings"]
    said = [warning for warning in warned if "planes" in warning]
    assert len(said) == 1
    assert "3 axial (such as case0.nii.gz) and 1 coronal (such as case1.nii.gz)" in said[0]
    assert "--slice-plane axial" in said[0]
    prepare(tmp_path, (images, masks), slice_plane="axial")
    assert "planes" not in str(json.loads((tmp_path / "out" / "prepare.json").read_text())["warnings"])
