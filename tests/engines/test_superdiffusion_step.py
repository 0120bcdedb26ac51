"""Iterations of teacher and student: who learns from what, rounds, chaining, both modes, what is computed how often."""

from types import SimpleNamespace

import pytest
import torch

from ssgnet_monai.engines.superdiffusion_step import SuperDiffusionPlan, cotraining_losses, pretraining_loss
from ssgnet_monai.losses.ce_dice import CEDiceLoss
from ssgnet_monai.networks import DiffusionReconstructor, DiffusionSegmenter

LOSS = CEDiceLoss(0.5, 0.5, smooth=1)


def trio(mode="faithful", classes=1, spatial_dims=2):
    torch.manual_seed(0)
    settings = {"in_channels": 1, "width": 4, "spatial_dims": spatial_dims}
    student, teacher = (DiffusionSegmenter(out_channels=classes, mode=mode, **settings) for _ in range(2))
    return student, teacher, DiffusionReconstructor(teacher)


def batch(classes=2, sides=(16, 16)):
    generator = torch.Generator().manual_seed(1)
    labeled, unlabeled = torch.rand(2, 3, 1, *sides, generator=generator) * 2 - 1
    masks = torch.randint(classes, (3, 1, *sides), generator=generator)
    masks[:, :, 0] = 255
    return labeled, masks, unlabeled


def parts(networks, given=None, unsup_weight=0.7, **plan):
    return cotraining_losses(*networks, given or batch(), LOSS, unsup_weight, SuperDiffusionPlan(**plan))


def learns(network):
    return any(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def calls(module):
    """Counts a network's forward passes and keeps what went in."""
    seen = []
    module.register_forward_pre_hook(lambda _, given: seen.append(given))
    return seen


def test_pretraining_moves_both_pathways_of_the_teacher():
    _, teacher, reconstructor = trio()
    pretraining_loss(teacher, reconstructor, batch()[0]).backward()
    assert learns(teacher)
    assert learns(reconstructor)


@pytest.mark.parametrize("mode", ["faithful", "denoising"])
def test_who_learns_from_what(mode):
    expected = {
        "agreement": (True, True, False),
        "alignment": (False, True, False),
        "reconstruction": (False, False, True),
    }
    networks, names = trio(mode), []
    for part in parts(networks, rounds=2):
        for name, value in part.items():
            value.backward()
            assert tuple(map(learns, networks)) == expected[name], name
            names.append(name)
            for network in networks:
                network.zero_grad()
    assert names == ["agreement", "alignment", "reconstruction", "alignment", "reconstruction"]


@pytest.mark.parametrize("classes", [2, 3])
def test_no_round_is_cross_pseudo_supervision_under_noise(classes):
    networks, (labeled, masks, unlabeled) = trio(classes=classes), batch(classes)
    torch.manual_seed(5)
    ((name, found),) = [item for part in parts(networks, batch(classes), rounds=0) for item in part.items()]
    torch.manual_seed(5)
    s, q = (network.class_logits(torch.cat([labeled, unlabeled])) for network in networks[:2])
    expected = LOSS(s[:3], masks) + LOSS(q[:3], masks)
    expected = expected + 0.7 * (LOSS(s[3:], q[3:].argmax(1)) + LOSS(q[3:], s[3:].argmax(1)))
    assert name == "agreement"
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("chain", [True, False])
def test_rounds_go_on_from_each_other_where_they_are_chained(chain):
    networks = trio()
    given, made = calls(networks[2]), []
    networks[1].denoiser.register_forward_hook(lambda _, __, logits: made.append(logits.detach()))
    list(parts(networks, rounds=3, chain=chain))
    assert len(made) == 4
    for number, (images, logits) in enumerate(given):
        assert torch.equal(logits, made[number if chain else 0])
        assert torch.equal(images, torch.cat([batch()[0], batch()[2]]))


def test_what_is_segmented_again_is_the_image_made_from_the_mask():
    networks, made = trio(), []
    networks[2].register_forward_hook(lambda _, __, found: made.append(found[1]))
    seen = calls(networks[1].denoiser)
    list(parts(networks, rounds=2))
    for image, (inputs, _) in zip(made, seen[1:], strict=True):
        assert torch.equal(inputs[:, 2:], image)


@pytest.mark.parametrize(("mode", "refining"), [("faithful", 0), ("denoising", 4)])
def test_nothing_is_computed_twice(mode, refining):
    networks = trio(mode)
    student, teacher, reconstructor = calls(networks[0].denoiser), calls(networks[1].denoiser), calls(networks[2])
    list(parts(networks, rounds=3))
    assert (len(student), len(teacher), len(reconstructor)) == (1 + refining, 4 + refining, 3)


def test_weights_of_the_rounds_and_of_the_unlabelled_images():
    def total(**settings):
        torch.manual_seed(2)
        found = {}
        for part in parts(trio(), **settings):
            found |= {name: value.item() + found.get(name, 0) for name, value in part.items()}
        return SimpleNamespace(**found)

    without, half, whole = (total(unsup_weight=weight) for weight in (0, 0.5, 1))
    for name in ("agreement", "alignment", "reconstruction"):
        middle = (getattr(without, name) + getattr(whole, name)) / 2
        assert getattr(half, name) == pytest.approx(middle, rel=1e-5)
        assert getattr(without, name) < getattr(whole, name)
    doubled = total(unsup_weight=1, gamma=2.0)
    assert doubled.agreement == pytest.approx(whole.agreement)
    assert doubled.alignment == pytest.approx(2 * whole.alignment)
    # one round of three weighs a third
    torch.manual_seed(2)
    _, one_of_three, *_ = parts(trio(), unsup_weight=1, rounds=3)
    torch.manual_seed(2)
    _, alone = parts(trio(), unsup_weight=1, rounds=1)
    assert one_of_three["alignment"].item() == pytest.approx(alone["alignment"].item() / 3)


def test_denoising_begins_at_the_mask_that_is_sought():
    networks, (_, masks, unlabeled) = trio("denoising"), batch()
    for network in networks[:2]:
        network.timesteps = 1  # nearly no noise: what goes in is nearly the code
    refined = networks[1].eval().mean_logits(unlabeled, 1, 1).argmax(1)
    networks[1].train()
    seen = calls(networks[0].denoiser)
    list(parts(networks, rounds=0, ddim_steps=1))
    code = seen[-1][0][:, 1]
    known = masks[:, 0] != 255
    assert ((code[:3] > 0) == (masks[:, 0] == 1))[known].all()
    assert code[:3][~known].abs().max() < 0.2
    assert torch.equal(code[3:] > 0, refined == 1)
    assert networks[0].training
    assert networks[1].training


@pytest.mark.parametrize("mode", ["faithful", "denoising"])
def test_volumes_of_three_classes(mode):
    networks = trio(mode, classes=3, spatial_dims=3)
    total = sum(value for part in parts(networks, batch(3, (16, 16, 16)), rounds=1) for value in part.values())
    total.backward()
    assert torch.isfinite(total)
    assert all(map(learns, networks))


@pytest.mark.parametrize("settings", [{"rounds": -1}, {"gamma": -0.1}, {"ddim_steps": 0}])
def test_plans_that_make_no_sense(settings):
    with pytest.raises(ValueError, match="rounds and gamma of at least 0 and ddim_steps of at least 1, got"):
        SuperDiffusionPlan(**settings)
