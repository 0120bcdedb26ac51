import numpy as np
from nibabel.affines import apply_affine

from ssgnet_monai.data.datasets.volume_crop import body_box, cropped_affine, label_box
from tests.volume_files import oblique


def test_the_body_without_specks_and_table():
    body = np.zeros((20, 22, 10), bool)
    body[5:15, 4:17, 2:9] = True
    body[0, 0, 0] = body[6:14, 20, :] = True  # a speck, a table
    box = body_box(body)
    for part, start, stop in zip(box, (5, 4, 2), (15, 17, 9), strict=True):
        assert start - 1 <= part.start <= start
        assert stop <= part.stop <= stop + 1
    assert body_box(np.zeros((3, 4, 5), bool)) == (slice(0, 3), slice(0, 4), slice(0, 5))


def test_the_label_with_a_margin_in_millimetres_and_a_least_size():
    label = np.zeros((20, 22, 10), np.uint8)
    label[8:12, 2:9, 4:6] = 1
    spacing = (0.5, 1.0, 2.0)
    assert label_box(label, spacing, margin=2) == (slice(4, 16), slice(0, 11), slice(3, 7))
    assert label_box(label, spacing, margin=2, axes=(0, 1)) == (slice(4, 16), slice(0, 11), slice(0, 10))
    assert label_box(label, spacing, margin=0, axes=(0,), least=7)[0] == slice(6, 14)
    assert label_box(label * 0, spacing, margin=2) == (slice(0, 20), slice(0, 22), slice(0, 10))


def test_cropped_voxels_keep_their_place():
    affine = oblique()
    box = (slice(3, 9), slice(4, 8), slice(1, 5))
    np.testing.assert_allclose(apply_affine(cropped_affine(affine, box), [2, 1, 3]), apply_affine(affine, [5, 5, 4]))
