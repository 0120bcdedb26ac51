"""Stages of a diffusion teacher: what a step tells, unlabelled images, the ramp, and masks from few labels."""

import pytest
import torch

from ssgnet_monai.data.label_space import IGNORED
from ssgnet_monai.engines import StudentTeacherTraining, SuperDiffusionPlan, SuperDiffusionTrainer, TeacherPretraining
from ssgnet_monai.losses.ce_dice import CEDiceLoss
from ssgnet_monai.metrics.teacher_masks import look_at_masks
from ssgnet_monai.networks import DiffusionReconstructor, DiffusionSegmenter

CPU = torch.device("cpu")


def plain(batch, device):
    return batch["image"], batch["label"]


def networks(mode="faithful"):
    torch.manual_seed(0)
    student, teacher = (DiffusionSegmenter(in_channels=1, width=4, mode=mode, noises=1, ddim_steps=4) for _ in "st")
    return student, teacher, DiffusionReconstructor(teacher)


def second_stage(mode="faithful", **settings):
    given = {"loss": CEDiceLoss(0.5, 0.5, smooth=1), "prepare_batch": plain, "plan": SuperDiffusionPlan(rounds=1)}
    return StudentTeacherTraining(*networks(mode), **{**given, **settings})


def squares(number, seed):
    """Bright squares on noise, at random places, and their masks."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(number, 1, 16, 16, generator=generator) * 0.1 - 0.5
    masks = torch.zeros(number, 1, 16, 16)
    for image, mask in zip(images, masks, strict=True):
        row, column = torch.randint(0, 9, (2,), generator=generator).tolist()
        image[:, row : row + 7, column : column + 7] += 1
        mask[:, row : row + 7, column : column + 7] = 1
    return images, masks


def train(method, batches, rate, steps):
    optimizer = torch.optim.Adam([p for network in method.networks for p in network.parameters()], rate)
    trainer = SuperDiffusionTrainer("cpu", 1, steps, batches, method, optimizer)
    trainer.run()
    return trainer


def test_a_step_tells_its_losses_and_leaves_no_gradient_behind():
    images, masks = squares(4, 0)
    method = second_stage()
    before = [parameter.clone() for network in method.networks for parameter in network.parameters()]
    trainer = train(method, [{"image": images[:2], "label": masks[:2], "unlabeled": images[2:]}], 1e-3, 1)
    losses = trainer.state.output
    assert set(losses) == {"loss", "agreement", "alignment", "reconstruction"}
    torch.testing.assert_close(losses["loss"], losses["agreement"] + losses["alignment"] + losses["reconstruction"])
    assert not losses["loss"].requires_grad
    after = [parameter for network in method.networks for parameter in network.parameters()]
    assert all(not torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_images_without_masks_are_augmented_with_masks_that_say_nothing():
    seen = []

    def prepare(batch, device):
        seen.append(batch)
        return batch["image"], batch["label"]

    images, masks = squares(4, 0)
    method = second_stage(prepare_batch=prepare)
    list(method.losses({"image": images[:3], "label": masks[:3], "unlabeled": images[3:]}, CPU, 1))
    list(TeacherPretraining(*method.networks[1:], prepare).losses({"image": images}, CPU, 1))
    (both, alone) = seen
    assert torch.equal(both["image"], images)
    assert torch.equal(both["label"][:3], masks[:3])
    for unknown in (both["label"][3:], alone["label"]):
        assert unknown.unique().tolist() == [IGNORED]
        assert unknown.shape[1] == 1


def test_the_weight_of_the_unlabelled_images_rises():
    images, masks = squares(4, 0)
    batch = {"image": images[:2], "label": masks[:2], "unlabeled": images[2:]}

    def agreement(iteration):
        torch.manual_seed(1)
        return next(method.losses(batch, CPU, iteration))["agreement"].item()

    method = second_stage(unsup_weight=0.8, ramp_steps=4)
    first, half, end, later = (agreement(iteration) for iteration in (1, 2, 4, 5))
    assert half - first == pytest.approx((end - half) / 2, rel=1e-4)
    assert later == end > half


def test_a_negative_weight():
    with pytest.raises(ValueError, match="unsup_weight >= 0, got -1"):
        second_stage(unsup_weight=-1)


@pytest.mark.slow
def test_denoising_learns_from_few_masks_where_the_first_stage_says_nearly_nothing():
    images, masks = squares(64, 0)
    unseen, truth = squares(32, 1)
    torch.manual_seed(0)
    picked = [torch.randint(64, (8,)) for _ in range(100)]
    faithful = networks()[1:]
    train(TeacherPretraining(*faithful, plain), [{"image": images[index]} for index in picked], 1e-3, 100)
    assert look_at_masks(faithful[0], [unseen]).foreground_share > 0.9  # of 19 % that are square

    method = second_stage("denoising", ramp_steps=80)
    few = [(torch.randint(8, (4,)), torch.randint(8, 64, (4,))) for _ in range(80)]
    batches = [{"image": images[one], "label": masks[one], "unlabeled": images[other]} for one, other in few]
    train(method, batches, 2e-3, 80)
    for network in method.networks[:2]:
        with torch.no_grad():
            found = (network.eval()(unseen) > 0).float()
        assert 2 * (found * truth).sum() / (found.sum() + truth.sum()) > 0.7
