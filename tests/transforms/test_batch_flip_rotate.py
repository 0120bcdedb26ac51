import pytest
import torch

from ssgnet_monai.transforms import BatchFlipRotate


def batch(n=8, height=32, width=32):
    image = torch.rand(n, 3, height, width)
    label = torch.zeros(n, 1, height, width)
    label[:, :, 8:20, 10:16] = 1
    return {"image": image, "label": label}


def test_nothing_to_do_leaves_the_batch_as_it_is():
    data = batch()
    image, label = BatchFlipRotate(flip_prob=0, rotate_prob=0)(data, "cpu")
    assert torch.allclose(image, data["image"], atol=1e-5)
    assert torch.equal(label, data["label"])


def test_flips_are_exact_on_images_that_are_not_square():
    data = batch(height=24, width=40)
    image, label = BatchFlipRotate(flip_prob=1, rotate_prob=0)(data, "cpu")
    assert torch.allclose(image, data["image"].flip(-1, -2), atol=1e-5)
    assert torch.equal(label, data["label"].flip(-1, -2))


def test_a_quarter_turn_by_hand():
    augment = BatchFlipRotate()
    quarter = torch.tensor([[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]])
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert torch.allclose(augment.apply(image, quarter, "nearest"), torch.rot90(image, 1, (-2, -1)), atol=1e-4)


def test_image_and_label_move_together_and_labels_stay_whole():
    torch.manual_seed(0)
    label = (torch.rand(16, 1, 8, 8) > 0.5).float().repeat_interleave(8, -1).repeat_interleave(8, -2)
    image, moved = BatchFlipRotate(rotate_prob=1)({"image": label.clone(), "label": label}, "cpu")
    assert set(moved.unique().tolist()) <= {0.0, 1.0}
    assert ((image > 0.5).float() == moved).float().mean() > 0.99
    assert not torch.equal(moved, label)


def test_draws_follow_torchs_seed():
    augment, data = BatchFlipRotate(), batch()
    torch.manual_seed(5)
    first = augment(data, "cpu")[0]
    torch.manual_seed(5)
    assert torch.equal(first, augment(data, "cpu")[0])


def test_class_numbers_stay_and_one_direction_alone_may_flip():
    data = {**batch(), "label": torch.arange(8)}
    image, label = BatchFlipRotate(flip_prob=[1, 0], rotate_prob=0)(data, "cpu")
    assert torch.allclose(image, data["image"].flip(-1), atol=1e-5)
    assert torch.equal(label, data["label"])


def test_an_enlargement_by_hand():
    """Twice as large about the centre of the right half: columns 2 and 3 of 4, each seen twice."""
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    found = BatchFlipRotate().apply(image, torch.tensor([[[0.5, 0.0, 0.5], [0.0, 0.5, 0.0]]]), "nearest")
    rows = torch.tensor([1, 1, 2, 2])
    assert torch.equal(found[0, 0], image[0, 0][rows][:, torch.tensor([2, 2, 3, 3])])


def test_scaled_images_stay_within_the_image_or_hold_all_of_it():
    maps = BatchFlipRotate(0, 0, scale=(0.7, 1.4), scale_prob=0.5).sample_parameters(400)
    reach, shift = maps[:, 0, 0], maps[:, :, 2].abs().amax(1)
    assert (maps[:, 1, 1] == reach).all()
    scaled = reach != 1
    assert 150 < scaled.sum() < 250
    assert (shift[~scaled] == 0).all()
    assert (shift <= (1 - reach).abs() + 1e-6).all()
    assert 0.7 < (1 / reach).min() < 0.75
    assert 1.3 < (1 / reach).max() < 1.4
    assert 0.4 < (reach[scaled] < 1).float().mean() < 0.6


def test_scaling_keeps_image_and_label_together_and_draws_of_the_rest():
    torch.manual_seed(0)
    label = (torch.rand(16, 1, 8, 8) > 0.5).float().repeat_interleave(8, -1).repeat_interleave(8, -2)
    augment = BatchFlipRotate(scale=(0.7, 1.4), scale_prob=1)
    image, moved = augment({"image": label.clone(), "label": label}, "cpu")
    assert set(moved.unique().tolist()) <= {0.0, 1.0}
    assert ((image > 0.5).float() == moved).float().mean() > 0.99
    torch.manual_seed(1)
    plain = BatchFlipRotate().sample_parameters(8)
    torch.manual_seed(1)
    assert torch.equal(BatchFlipRotate(scale=(0.7, 1.4), scale_prob=0).sample_parameters(8), plain)


def test_a_scale_that_is_none_is_named():
    with pytest.raises(ValueError, match=r"scale as \[low, high\] with 0 < low <= high, got \[1.4, 0.7\]"):
        BatchFlipRotate(scale=[1.4, 0.7])


def test_bad_probability_is_named():
    with pytest.raises(ValueError, match=r"flip_prob in \[0, 1\], got 2"):
        BatchFlipRotate(flip_prob=2)
