"""Masks of a pretrained teacher: alike, all foreground, or telling of the image."""

import logging

import pytest
import torch

from ssgnet_monai.metrics.teacher_masks import TeacherMasks, look_at_masks
from ssgnet_monai.networks import DiffusionSegmenter


class Bright(DiffusionSegmenter):
    """Foreground is what is brighter than a threshold."""

    def __init__(self, threshold):
        super().__init__(in_channels=1, width=2)
        self.threshold = threshold

    def mean_logits(self, images, noises=None, steps=None):
        assert not self.training
        assert noises == 1
        return torch.cat([torch.zeros_like(images), images - self.threshold], 1)


BATCHES = [torch.tensor([0.0, 1.0]).reshape(1, 1, 1, 2).expand(3, 1, 4, 2), torch.ones(1, 1, 4, 2)]


def test_masks_that_tell_of_the_images(caplog):
    teacher = Bright(0.5).train()
    found = look_at_masks(teacher, BATCHES)
    # the left half is foreground in one image of four, the right half in all: (sqrt(1/4 3/4) + 0) / 2
    assert found == TeacherMasks(4, pytest.approx(0.625), pytest.approx(0.1875**0.5 / 2))
    assert not found.constant
    assert teacher.training
    assert not caplog.records


@pytest.mark.parametrize(("threshold", "share"), [(-1, 1), (2, 0)])
def test_masks_that_are_all_alike_are_reported_by_name(threshold, share, caplog):
    with caplog.at_level(logging.WARNING):
        found = look_at_masks(Bright(threshold), BATCHES, "pretrain/teacher.pt")
    assert (found.foreground_share, found.deviation, found.constant) == (share, 0, True)
    assert "pretrain/teacher.pt gives nearly the same mask to all of 4 images" in caplog.text
    assert "image_t_range: upper" in caplog.text


@pytest.mark.parametrize(
    ("share", "deviation", "constant"),
    [(0.5, 0.009, True), (0.5, 0.011, False), (0.009, 0.02, True), (0.991, 0.02, True), (0.011, 0.02, False)],
)
def test_where_the_line_is(share, deviation, constant):
    assert TeacherMasks(8, share, deviation).constant is constant


def test_one_image_cannot_be_compared():
    with pytest.raises(ValueError, match="at least two images to compare the masks of teacher, got 1"):
        look_at_masks(Bright(0), BATCHES[1:])
