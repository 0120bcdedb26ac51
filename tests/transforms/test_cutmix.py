"""CUT: pairs of images exchange boxes."""

import pytest
import torch

from ssgnet_monai.transforms.cutmix import box_mask, exchange_boxes, pair_boxes


@pytest.mark.parametrize("sides", [(12, 10), (8, 8, 6)])
def test_twice_is_nothing_and_labels_go_with_their_images(sides):
    torch.manual_seed(0)
    images = torch.rand(6, 2, *sides)
    labels = (images[:, :1] * 4).long()
    boxes = pair_boxes(6, len(sides))
    mixed = exchange_boxes(images, boxes)
    assert not torch.equal(mixed, images)
    assert torch.equal(exchange_boxes(mixed, boxes), images)
    assert torch.equal(exchange_boxes(labels, boxes), (mixed[:, :1] * 4).long())
    inside = box_mask(boxes, sides)
    assert torch.equal(mixed[:3], torch.where(inside, images[3:], images[:3]))


def test_shares_of_the_box():
    """Beta(4, 4) of the area, cut off at the border: mean 36 %, 19 to 54 % in most cases; depth is whole."""
    torch.manual_seed(0)
    boxes = pair_boxes(40_000, 3)
    area = (boxes[:, 1] - boxes[:, 0])[:, :2].prod(1)
    assert area.mean().item() == pytest.approx(0.36, abs=0.01)
    assert area.quantile(torch.tensor([0.1, 0.9])).tolist() == pytest.approx([0.19, 0.54], abs=0.02)
    assert (boxes[:, 0, 2] == 0).all()
    assert (boxes[:, 1, 2] == 1).all()


@pytest.mark.parametrize("n", [1, 3])
def test_an_image_without_a_partner(n):
    with pytest.raises(ValueError, match=f"for CutMix, got {n}. Give an even batch_size"):
        pair_boxes(n, 2)
