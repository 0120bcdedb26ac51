import zipfile

import numpy as np
import pytest

from ssgnet_monai.data.datasets.npz_rows import open_rows


@pytest.mark.parametrize("shape", [(5,), (5, 1), (5, 3, 4)])
@pytest.mark.parametrize("dtype", ["uint8", ">i4"])
def test_rows_are_those_of_numpy(tmp_path, shape, dtype):
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    np.savez_compressed(tmp_path / "a.npz", x=values, y=values + 1)
    with open_rows(tmp_path / "a.npz", ["y", "x"]) as (y, x):
        assert (x.shape, x.dtype) == (shape, values.dtype)
        assert all(np.array_equal(one, two + 1) for one, two in zip(y, x, strict=True))
    with open_rows(tmp_path / "a.npz", ["x"]) as (x,):
        assert np.array_equal(np.stack(list(x)), values)


def test_an_array_cut_short(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((4, 10), np.uint8))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", (tmp_path / "x.npy").read_bytes()[:-15])
    with open_rows(tmp_path / "a.npz", ["x"]) as (x,):
        rows = iter(x)
        assert [next(rows).sum() for _ in range(2)] == [0, 0]
        with pytest.raises(ValueError, match=r"got EOFError \(row 2 of 4 is cut short\) in x in .*a.npz"):
            next(rows)


def test_damaged_pixels_are_noticed(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros((4, 1000), np.uint8))
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[2000] = 7
    (tmp_path / "a.npz").write_bytes(content)
    with open_rows(tmp_path / "a.npz", ["x"]) as (x,), pytest.raises(ValueError, match="BadZipFile .*Bad CRC"):
        list(x)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([{}], object), "got object of shape"),
        (np.asfortranarray(np.zeros((2, 3), np.uint8)), "by columns"),
        (np.uint8(1), r"of shape \(\)"),
    ],
)
def test_arrays_that_are_no_rows_of_integers(tmp_path, values, message):
    np.savez(tmp_path / "a.npz", x=values)
    with pytest.raises(ValueError, match=message), open_rows(tmp_path / "a.npz", ["x"]):
        pass


def test_no_array_and_no_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", b"<html>")
    with pytest.raises(ValueError, match="Expected a NumPy array"), open_rows(tmp_path / "a.npz", ["x"]):
        pass
    (tmp_path / "a.npz").write_bytes(b"<html>")
    with (
        pytest.raises(ValueError, match=r"Expected a whole .npz file, got BadZipFile"),
        open_rows(tmp_path / "a.npz", ["x"]),
    ):
        pass
