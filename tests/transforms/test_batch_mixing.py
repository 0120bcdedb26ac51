"""Boxes of other images in the images of the pool."""

import pytest
import torch

from ssgnet_monai.transforms import BatchMixing


def numbered(n, *shape):
    """Images and labels whose every value tells the image that it comes from."""
    values = torch.arange(float(n)).view(-1, *[1] * (len(shape) + 1)).expand(n, 1, *shape)
    return values.repeat(1, 3, *[1] * len(shape)), values.clone()


@pytest.mark.parametrize("shape", [(24, 40), (12, 10, 14)])
def test_boxes_come_from_other_images_of_the_pool_with_their_labels(shape):
    images, labels = numbered(6, *shape)
    from_pool = torch.tensor([False, True, True, False, True, True])
    torch.manual_seed(1)
    mixed, moved = BatchMixing(cutmix_prob=1, paste_prob=0, share=(0.2, 0.4))(images, labels, from_pool)
    torch.testing.assert_close(mixed, moved.expand_as(mixed))
    assert torch.equal(mixed[[0, 3]], images[[0, 3]])
    for row, donor in ((1, 5), (2, 1), (4, 2), (5, 4)):
        assert set(moved[row].unique().tolist()) == {row, donor}
        share = (moved[row] == donor).float()
        assert 0.1 < share.mean() < 0.5
        # A box: the cells that changed are those of its rows times those of its columns.
        edges = [
            share[0].sum([other for other in range(len(shape)) if other != axis]) > 0 for axis in range(len(shape))
        ]
        assert share.sum() == torch.stack([edge.sum() for edge in edges]).prod()
    assert torch.equal(images, numbered(6, *shape)[0])


def test_an_image_of_the_pool_has_no_partner_when_it_is_alone():
    images, labels = numbered(3, 8, 8)
    mixed, _ = BatchMixing(cutmix_prob=1, paste_prob=0)(images, labels, torch.tensor([False, True, False]))
    assert torch.equal(mixed, images)


def test_foreground_of_a_labelled_image_is_pasted_with_its_surroundings():
    """A lesion in rows 8 to 11 and columns 12 to 15 of 20, a margin of two pixels: a box of 8 x 8."""
    images, labels = numbered(2, 20, 20)
    labels[0], labels[1] = 0, 1
    labels[0, :, 8:12, 12:16], labels[0, :, 0] = 2, 255
    mixed, moved = BatchMixing(cutmix_prob=0, paste_prob=1, margin=0.1)(images, labels, torch.tensor([False, True]))
    expected = torch.ones(20, 20)
    expected[6:14, 10:18] = 0
    assert torch.equal(mixed[1], expected.expand(3, 20, 20))
    assert torch.equal(moved[1, 0, 6:14, 10:18], labels[0, 0, 6:14, 10:18])
    assert (moved[1, 0][expected == 1] == 1).all()
    assert torch.equal(mixed[0], images[0])


def test_of_a_large_foreground_a_part_is_pasted_and_of_none_nothing():
    images, labels = numbered(4, 20, 20)
    labels[:] = 0
    labels[0] = 1
    mix = BatchMixing(cutmix_prob=0, paste_prob=1, largest=0.5)
    mixed, moved = mix(images, labels, torch.tensor([False, False, True, True]))
    assert moved[2].sum() == 100
    assert torch.equal(mixed[2, 0] == 0, moved[2, 0] == 1)
    assert torch.equal(mixed[3], images[3])
    mixed, _ = mix(images, torch.full_like(labels, 255), torch.tensor([False, False, True, True]))
    assert torch.equal(mixed, images)


def test_a_probability_of_none_mixes_nothing():
    images, labels = numbered(4, 8, 8)
    mixed, moved = BatchMixing(cutmix_prob=0, paste_prob=0)(images, labels, torch.tensor([True, True, False, True]))
    assert torch.equal(mixed, images)
    assert torch.equal(moved, labels)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cutmix_prob": 1.5}, r"cutmix_prob in \[0, 1\], got 1.5"),
        ({"paste_prob": -1}, r"paste_prob in \[0, 1\], got -1"),
        ({"share": (0.5, 0.2)}, r"share as \[low, high\] with 0 < low <= high, got \(0.5, 0.2\)"),
        ({"share": (0.5, 1.2)}, "parts of an image, at most 1"),
        ({"largest": 0}, "parts of an image, at most 1"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        BatchMixing(**settings)
