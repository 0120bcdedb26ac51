import itertools

import pytest
import torch

from ssgnet_monai.transforms.view import image_views


@pytest.mark.parametrize(("dims", "mirror", "number"), [(2, True, 8), (2, False, 4), (3, True, 8), (3, False, 4)])
def test_views_differ_and_are_turned_back_exactly(dims, mirror, number):
    image = torch.rand(2, 3, *(4, 5, 6)[:dims])
    views = image_views(dims, number, mirror)
    seen = [view.apply(image) for view in views]
    assert torch.equal(seen[0], image)
    for a, b in itertools.combinations(seen, 2):
        assert a.shape != b.shape or not torch.equal(a, b)
    for view, turned in zip(views, seen, strict=True):
        assert torch.equal(view.undo(turned), image)


def test_four_views_are_mirrored_along_both_axes():
    image = torch.tensor([[1, 2], [3, 4]]).view(1, 1, 2, 2)
    assert [view.apply(image).flatten().tolist() for view in image_views(2, 4)] == [
        [1, 2, 3, 4], [2, 1, 4, 3], [3, 4, 1, 2], [4, 3, 2, 1],
    ]  # fmt: skip


def test_without_mirror_images_there_are_turns_alone():
    """Corners of a square in the order in which one walks round it: a turn keeps the order, a reflection does not."""
    image = torch.tensor([[1, 2], [4, 3]]).view(1, 1, 2, 2)
    for view in image_views(2, 4, mirror=False):
        a, b, d, c = view.apply(image).flatten().tolist()
        walk = [a, b, c, d]
        start = walk.index(1)
        assert walk[start:] + walk[:start] == [1, 2, 3, 4]


def test_a_volume_is_turned_without_mirroring():
    """Three basis vectors keep their handedness."""
    for view in image_views(3, 4, mirror=False):
        assert len(view.flips) in (0, 2)
        assert not view.transposed


@pytest.mark.parametrize(("number", "mirror"), [(0, True), (9, True), (5, False)])
def test_more_views_than_there_are_are_refused(number, mirror):
    with pytest.raises(ValueError, match=rf"1 to {8 if mirror else 4} views .* got {number}"):
        image_views(2, number, mirror)
