"""Soft labels: by hand, exact on disk, beside hard ones in a batch."""

import numpy as np
import pytest
import torch

from ssgnet_monai.data.soft_label_collate import label_collate
from ssgnet_monai.data.soft_labels import class_planes, read_soft_label, soft_planes, to_unit, write_soft_label

KNOWN = torch.zeros(1, 1, 1, dtype=torch.bool)


def of_pixel(*probabilities):
    return soft_planes(torch.tensor(probabilities).view(1, -1, 1), KNOWN)[0, :, 0].tolist()


def test_planes_by_hand():
    assert of_pixel(0.5, 0.5) == [127]
    assert of_pixel(0.0, 1.0) == [254]
    assert of_pixel(0.25, 0.25, 0.5) == [64, 126]  # sums of 63.5 and 190.5, both rounded to even
    planes = soft_planes(torch.full((1, 3, 2), 1 / 3), torch.tensor([[[True, False]]]))
    assert planes.tolist() == [[[255, 85], [255, 84]]]


def test_no_pixel_has_more_than_everything_and_none_is_off_by_a_part():
    probabilities = torch.randn(2, 7, 50, generator=torch.Generator().manual_seed(0)).mul(3).softmax(1)
    planes = soft_planes(probabilities, torch.zeros(2, 1, 50, dtype=torch.bool))
    assert planes.int().sum(1).max() <= 254
    assert (planes / 254 - probabilities[:, 1:]).abs().max() < 1 / 254


@pytest.mark.parametrize("shape", [(1, 5, 6), (3, 5, 6), (3, 4, 5, 6)])
def test_files_hold_what_was_written_and_the_same_bytes(tmp_path, shape):
    planes = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    for name in ("one.npz", "two.npz"):
        write_soft_label(tmp_path / name, planes)
    np.testing.assert_array_equal(read_soft_label(tmp_path / "one.npz", shape[0] + 1), planes)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    with pytest.raises(ValueError, match=r"planes of uint8 for 9 classes.*one\.npz"):
        read_soft_label(tmp_path / "one.npz", 9)
    (tmp_path / "one.npz").write_bytes((tmp_path / "two.npz").read_bytes()[:80])
    with pytest.raises(ValueError, match=r"Expected a soft label with 'planes' in .*one\.npz"):
        read_soft_label(tmp_path / "one.npz", 2)


def test_half_precision_tells_all_parts_apart():
    parts = np.arange(256, dtype=np.uint8)
    half = to_unit(parts, np.float16)
    assert half[255] == 255
    np.testing.assert_array_equal(np.round(half[:255].astype(np.float32) * 254), parts[:255])


def test_hard_labels_become_planes_beside_soft_ones():
    hard = torch.tensor([[0.0, 1, 2, 255]])
    planes = [[0, 1, 0, 255], [0, 0, 1, 255]]
    assert class_planes(hard, 3).tolist() == planes
    assert class_planes(hard.to(torch.uint8), 3).tolist() == planes
    soft = torch.rand(2, 4)
    samples = [{"label": hard, "from_pool": False}, [{"label": soft, "from_pool": True}]]
    batch = label_collate("soft", 3)(samples)
    assert batch["from_pool"].tolist() == [False, True]
    torch.testing.assert_close(batch["label"], torch.stack([torch.tensor(planes).float(), soft]))
    assert label_collate("hard", 3)(samples[:1])["label"].tolist() == [hard.tolist()]
