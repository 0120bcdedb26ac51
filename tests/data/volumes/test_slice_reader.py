import logging
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ssgnet_monai.data.volumes.slice_reader import SliceReader
from ssgnet_monai.data.volumes.view import slice_view
from tests.volume_files import ct, oblique, write


def test_the_window_becomes_zero_to_one_and_is_clipped(tmp_path):
    path = str(write(tmp_path / "v.nii.gz", ct()))
    values = SliceReader([-1000, 1000]).read(path, 2, 1)
    expected = (slice_view(ct(), oblique(), 2)[1] + 1000) / 2000
    np.testing.assert_allclose(values, expected.clip(0, 1), atol=1e-6)
    assert values.dtype == np.float32
    with pytest.raises(ValueError, match=r"low < high, got \[3, 3\]"):
        SliceReader([3, 3])


def test_without_a_window_each_volume_has_its_own_and_says_so_once(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    paths = [str(write(tmp_path / f"{name}.nii", ct() * factor)) for name, factor in (("a", 1), ("b", 3))]
    reader = SliceReader()
    one, other = ([reader.read(path, 2, index) for index in range(6)] for path in paths)
    np.testing.assert_allclose(one, other, atol=1e-6)
    low, high = np.percentile(ct(), [0.5, 99.5])
    np.testing.assert_allclose(one[2], ((slice_view(ct(), oblique(), 2)[2] - low) / (high - low)).clip(0, 1), atol=1e-6)
    assert len(caplog.messages) == 2
    flat = str(write(tmp_path / "flat.nii", np.full((4, 5, 6), 9, np.int16)))
    assert reader.read(flat, 2, 0).max() == 0


def test_a_file_that_was_replaced_is_read_again(tmp_path):
    reader = SliceReader([0, 100])
    path = write(tmp_path / "case.nii", np.full((4, 5, 6), 50, np.int16))
    assert reader.read(path, 2, 0).max() == 0.5
    path.unlink()
    write(path, np.full((4, 5, 7), 100, np.int16))
    assert reader.read(path, 2, 6).min() == 1


def test_threads_share_a_reader(tmp_path):
    paths = [write(tmp_path / f"{index}.nii", np.full((8, 8, 8), 10 * index, np.int16)) for index in range(4)]
    reader = SliceReader([0, 100])
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda k: reader.read_all(paths[k % 4])[0], range(400)))
    for k, values in enumerate(found):
        np.testing.assert_allclose(values, (k % 4) / 10)
