import pytest
import torch

from ssgnet_monai.engines import flip_disagreement

HALF = torch.zeros(1, 1, 4, 4)
HALF[..., :2] = 1  # the left half; its mirror image has no pixel of it


def logits_of(classes, number):
    if number == 2:
        return 20 * classes - 10
    return 20 * torch.nn.functional.one_hot(classes[:, 0].long(), number).movedim(-1, 1).float()


def fixed(answer):
    """A network that is sure of one place, whatever it sees: flips along the last axis disagree."""
    return lambda images: answer


def test_two_classes():
    # unflipped and flipped up-down agree, both disagree with the mirrored two: 2 of 6 pairs agree
    assert flip_disagreement(fixed(logits_of(HALF, 2)), HALF).tolist() == pytest.approx([4 / 6])
    assert flip_disagreement(fixed(logits_of(0 * HALF, 2)), HALF).tolist() == [0]


def test_the_mean_over_the_classes_that_are_shown():
    classes = HALF.clone()
    classes[..., 1:3] = 2  # in the middle: the same when mirrored; class 1 is at the left, class 3 nowhere
    assert flip_disagreement(fixed(logits_of(classes, 4)), HALF).tolist() == pytest.approx([4 / 6 / 2])
    assert flip_disagreement(fixed(logits_of(0 * classes, 4)), HALF).tolist() == [0]


@pytest.mark.parametrize("number", [2, 3])
def test_volumes(number):
    volume = torch.zeros(2, 1, 4, 4, 3)
    volume[0, :, :, :2] = number - 1
    found = flip_disagreement(fixed(logits_of(volume, number)), volume)
    assert found.tolist() == pytest.approx([4 / 6, 0])
    assert found.dtype == torch.float32


def test_what_follows_the_image_is_sure():
    image = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert flip_disagreement(lambda images: images[:, :1] - 0.5, image).item() == 0
