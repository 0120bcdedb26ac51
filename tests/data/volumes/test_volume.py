import gzip
import re

import nibabel
import numpy as np
import pytest

from ssgnet_monai.data.volumes import volume as module
from ssgnet_monai.data.volumes.volume import Volume
from tests.volume_files import SHAPE, SPACING, ct, oblique, write


@pytest.mark.parametrize("name", ["v.nii", "v.nii.gz"])
def test_voxels_come_in_their_stored_type_and_values_in_their_unit(tmp_path, name):
    volume = Volume(write(tmp_path / name, ct()))
    assert volume.shape == SHAPE
    assert volume.spacing == pytest.approx(SPACING)
    assert volume.stored.dtype == np.int16
    np.testing.assert_array_equal(volume.values(volume.stored), ct())
    path = write(tmp_path / f"scaled_{name}", np.full(SHAPE, 3, np.int16), slope=2, inter=-1024)
    scaled = Volume(path)
    assert scaled.stored.max() == 3
    assert scaled.values(scaled.stored).max() == -1018 == nibabel.load(path).get_fdata().max()


@pytest.mark.parametrize(
    ("voxels", "message"),
    [
        (np.zeros((4, 5, 6, 2), np.int16), r"three dimensions, got shape \(4, 5, 6, 2\) in .*v\.nii\. Save one volume"),
        (np.zeros((4, 5, 1, 2), np.int16), r"three dimensions, got shape \(4, 5, 1, 2\)"),
        (np.zeros((4, 5, 6), np.complex64), "one real number a voxel, got voxels of type complex64 in .*v.nii"),
        (np.zeros((4, 5, 6), [("R", "u1"), ("G", "u1"), ("B", "u1")]), "one real number a voxel, got RGB voxels"),
    ],
)
def test_other_volumes_are_refused(tmp_path, voxels, message):
    with pytest.raises(ValueError, match=message):
        Volume(write(tmp_path / "v.nii", voxels))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_voxels_that_are_no_numbers_are_counted(tmp_path, value):
    voxels = ct().astype(np.float32)
    voxels[3, 4, 2] = value
    volume = Volume(write(tmp_path / "v.nii.gz", voxels))
    with pytest.raises(ValueError, match=r"got NaN or infinity in 1 of 2880 voxels of .*v\.nii\.gz.*nan_to_num"):
        _ = volume.stored


@pytest.mark.parametrize("name", ["v.nii", "v.nii.gz"])
def test_broken_files_are_named(tmp_path, name):
    path = write(tmp_path / name, np.random.default_rng(0).integers(-9999, 9999, SHAPE).astype(np.int16))
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=f"readable NIfTI volume, got .*{name}. Copy it"):
        _ = Volume(path).stored
    path.write_bytes(b"junk" * 200)
    with pytest.raises(ValueError, match=f"readable NIfTI volume, got .*{name}. Copy it"):
        Volume(path)
    with pytest.raises(ValueError, match=r"FileNotFoundError .*absent\.nii"):
        Volume(tmp_path / "absent.nii")


def test_a_huge_volume_and_a_flat_affine_are_refused_by_the_header(tmp_path, monkeypatch):
    path = write(tmp_path / "v.nii.gz", ct())
    monkeypatch.setattr(module, "MAX_GIGABYTES", 1e-6)
    with pytest.raises(ValueError, match=r"at most 1e-06 GB, got shape \(20, 24, 6\) of int16"):
        Volume(path)
    monkeypatch.undo()
    header = bytearray(gzip.decompress(path.read_bytes()))
    header[280:312] = header[296:312] * 2  # srow_x = srow_y
    (tmp_path / "flat.nii").write_bytes(header)
    assert nibabel.load(tmp_path / "flat.nii").shape == SHAPE
    with pytest.raises(ValueError, match=r"three independent directions, got \[\[.*flat\.nii"):
        Volume(tmp_path / "flat.nii")


def test_a_picture_is_one_slice_and_axes_of_length_one_are_dropped(tmp_path):
    for shape in [(4, 5), (4, 5, 1), (4, 5, 1, 1), (20, 24, 6, 1), (20, 24, 6, 1, 1)]:
        for name in ("v.nii", "v.nii.gz"):
            voxels = np.random.default_rng(0).integers(0, 99, shape).astype(np.int16)
            volume = Volume(write(tmp_path / name, voxels))
            assert volume.shape == (*shape, 1)[:3]
            np.testing.assert_array_equal(volume.stored, voxels.reshape(volume.shape))


@pytest.mark.parametrize("name", ["v.nii", "v.nii.gz"])
@pytest.mark.parametrize("change", [lambda b: b + b"x", lambda b: b[:-1], lambda b: b[:500] + b"xyz" + b[500:]])
def test_inserted_and_missing_bytes_are_refused(tmp_path, name, change):
    path = write(tmp_path / name, ct())
    packed = name.endswith("gz")
    content = change(gzip.decompress(path.read_bytes()) if packed else path.read_bytes())
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(ValueError, match=rf"bytes, where its header announces 6112\) in .*{name}"):
        _ = Volume(path).stored


def test_a_flipped_bit_in_a_compressed_file_is_refused(tmp_path):
    path = write(tmp_path / "v.nii.gz", ct())
    content = bytearray(gzip.compress(gzip.decompress(path.read_bytes()), compresslevel=0))
    content[3000] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"CRC check failed.* in .*v\.nii\.gz"):
        _ = Volume(path).stored


def test_what_the_message_advises_for_voxels_that_are_no_numbers(tmp_path):
    voxels = ct().astype(np.float32)
    voxels[0, 0, :3] = np.nan, np.inf, -np.inf
    with pytest.raises(ValueError, match="NaN or infinity in 3 of 2880") as error:
        _ = Volume(write(tmp_path / "v.nii", voxels)).stored
    found = re.search(r"nan=(\S+), neginf=\1, posinf=([^)]+)\)", str(error.value))
    low, high = float(found[1]), float(found[2])
    finite = voxels[np.isfinite(voxels)]
    assert (low, high) == (finite.min(), finite.max())
    mended = np.nan_to_num(voxels, nan=low, neginf=low, posinf=high)
    np.testing.assert_array_equal(Volume(write(tmp_path / "v.nii", mended)).stored[0, 0, :3], [low, high, low])


@pytest.mark.parametrize("dtype", [">i2", ">f4", "<u2"])
def test_byte_orders(tmp_path, dtype):
    header = nibabel.Nifti1Header(endianness=dtype[0])
    header.set_data_dtype(dtype)
    for name in ("v.nii", "v.nii.gz"):
        nibabel.save(nibabel.Nifti1Image(np.abs(ct()).astype(dtype), oblique(), header), tmp_path / name)
        volume = Volume(tmp_path / name)
        np.testing.assert_array_equal(volume.values(volume.stored), np.abs(ct()))
