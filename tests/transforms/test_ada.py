"""AdaptiveAugment: parity with the published pipeline, exact hand cases, gradients, replay."""

from __future__ import annotations

import math

import pytest
import torch

from ssgnet_monai.transforms.ada import AdaptiveAugment, adjust_probability

OPERATIONS = (
    "xflip", "rotate90", "xint", "scale", "rotate", "aniso", "xfrac",
    "brightness", "contrast", "lumaflip", "hue", "saturation",
)  # fmt: skip
GROUPS = (*OPERATIONS, "blit", "geom", "color", "bg", "bgc")


def only(members: list[str], **options) -> AdaptiveAugment:
    return AdaptiveAugment(**{name: float(name in members) for name in OPERATIONS}, **options)


def at_percentile(augment: AdaptiveAugment, n: int, percentile: float) -> dict[str, torch.Tensor]:
    """The fixture's fixed draws. Its normal 'percentile' is erfinv(2q - 1), without the usual sqrt 2."""
    signed = 2 * torch.tensor(percentile) - 1
    normal = torch.erfinv(signed)
    strength = augment.strengths
    values = {
        "xflip": torch.tensor(percentile * 2).floor(),
        "rotate90": torch.tensor(percentile * 4).floor(),
        "xint": signed.repeat(2) * strength["xint"],
        "scale": torch.exp2(normal * strength["scale"]),
        "rotate_pre": signed * math.pi * strength["rotate_pre"],
        "aniso": torch.exp2(normal * strength["aniso"]),
        "rotate_post": torch.tensor(0.0),
        "xfrac": normal.repeat(2) * strength["xfrac"],
        "brightness": normal * strength["brightness"],
        "contrast": torch.exp2(normal * strength["contrast"]),
        "lumaflip": torch.tensor(percentile * 2).floor(),
        "hue": signed * math.pi * strength["hue"],
        "saturation": torch.exp2(normal * strength["saturation"]),
    }
    return {name: values[name].expand(n, *values[name].shape) for name in augment.sample_parameters(n)}


def test_parity_with_the_published_pipeline(parity):
    fixture = parity("stylegan3_augment.pt")
    compared = 0
    for cases, percentile in ((fixture["cases"], fixture["debug_percentile"]), (fixture["cases_p0.7"], 0.7)):
        for (group, name), expected in cases.items():
            if group in GROUPS:
                augment = only(fixture["groups"][group], p=1.0)
                images = fixture[name][: len(expected)]
                actual = augment.apply(images, at_percentile(augment, len(images), percentile))
                torch.testing.assert_close(actual, expected, atol=1e-5, rtol=1e-4, msg=lambda m: f"{group} {name}: {m}")  # noqa: B023
                compared += 1
    assert compared == 2 * len(GROUPS) + 12


def test_parity_of_gradient_buffers_and_random_draws(parity):
    fixture = parity("stylegan3_augment.pt")
    augment = only(fixture["groups"]["bgc"], p=1.0)
    for name, expected in fixture["buffers"].items():
        torch.testing.assert_close(augment.state_dict()[name], expected, atol=1e-7, rtol=1e-5)
    images = fixture["img3"].clone().requires_grad_()
    out = augment.apply(images, at_percentile(augment, 4, fixture["debug_percentile"]))
    (out * fixture["bgc_grad"]["w"]).sum().backward()
    torch.testing.assert_close(images.grad, fixture["bgc_grad"]["dx"], atol=1e-5, rtol=1e-4)
    for (group, name, seed, p), expected in fixture["random"].items():
        if group in GROUPS:
            augment = only(fixture["groups"][group], p=p)
            actual = augment(fixture[name], torch.Generator().manual_seed(seed))
            torch.testing.assert_close(actual, expected, atol=2e-5, rtol=1e-4, msg=lambda m: f"{group}: {m}")  # noqa: B023


def test_hand_cases_of_single_operations():
    augment = AdaptiveAugment()
    images = torch.rand(2, 3, 16, 24) * 2 - 1
    flip_first = augment.apply(images, {"lumaflip": torch.tensor([1.0, 0.0])})
    luma = images.mean(1, keepdim=True)
    torch.testing.assert_close(flip_first, torch.stack([(images - 2 * luma)[0], images[1]]))
    brighter = augment.apply(images, {"brightness": torch.tensor([0.25, 0.0]), "contrast": torch.tensor([2.0, 1.0])})
    torch.testing.assert_close(brighter, torch.stack([images[0] * 2 + 0.5, images[1]]))
    grey = augment.apply(images, {"saturation": torch.zeros(2)})
    torch.testing.assert_close(grey, luma.expand_as(images))
    third = augment.apply(images, {"hue": torch.full((2,), 2 * math.pi / 3)})  # a third of a turn swaps the channels
    torch.testing.assert_close(third, images.roll(1, dims=1), atol=1e-6, rtol=1e-5)


def test_geometry_moves_a_smooth_image_as_said():
    x = torch.linspace(-1, 1, 32).view(1, 1, 1, 32).expand(1, 1, 20, 32)
    y = torch.linspace(-1, 1, 20).view(1, 1, 20, 1).expand(1, 1, 20, 32)
    images = torch.cat([x, y, 0 * x], dim=1)  # one pixel is 0.065 across and 0.105 down
    augment, inner = AdaptiveAugment(), (..., slice(5, 15), slice(8, 24))
    flipped = augment.apply(images, {"xflip": torch.ones(1)})
    torch.testing.assert_close(flipped[inner], images.flip(3)[inner], atol=2e-2, rtol=0)
    half_turn = augment.apply(images, {"rotate90": torch.tensor([2.0])})
    torch.testing.assert_close(half_turn[inner], images.flip(2, 3)[inner], atol=2e-2, rtol=0)
    moved = augment.apply(images, {"xint": torch.tensor([[0.125, 0.1]])})  # 4 pixels right, 2 down
    torch.testing.assert_close(moved[inner], images.roll((2, 4), (2, 3))[inner], atol=2e-2, rtol=0)
    zoomed = augment.apply(images, {"scale": torch.tensor([2.0])})
    torch.testing.assert_close(zoomed[inner], images[inner] / 2, atol=2e-2, rtol=0)


def test_draws_replay_follow_p_and_leave_the_rest_alone():
    augment = AdaptiveAugment(p=0.5)
    parameters = augment.sample_parameters(4000, torch.Generator().manual_seed(3))
    again = augment.sample_parameters(4000, torch.Generator().manual_seed(3))
    assert all(torch.equal(parameters[name], again[name]) for name in parameters)
    drawn = {name: (value.view(4000, -1)[:, 0] != float(name in ("scale", "aniso", "contrast", "saturation")))
             for name, value in parameters.items()}  # fmt: skip
    assert drawn["hue"].float().mean() == pytest.approx(0.5, abs=0.03)
    assert drawn["xflip"].float().mean() == pytest.approx(0.25, abs=0.03)
    either = drawn["rotate_pre"] | drawn["rotate_post"]
    assert either.float().mean() == pytest.approx(0.5, abs=0.03)
    assert parameters["scale"].log2().std() == pytest.approx(0.2 * 0.5**0.5, rel=0.1)
    images = torch.randn(8, 1, 16, 16)
    torch.manual_seed(5)
    first = augment(images)
    torch.manual_seed(5)
    assert torch.equal(first, augment(images))
    assert not torch.equal(first, images)


def test_an_image_that_no_operation_hits_stays_itself():
    augment = AdaptiveAugment()
    images = torch.randn(2, 3, 16, 16)
    assert augment(images) is images
    assert all(torch.equal(augment.apply(images, augment.sample_parameters(2)), part) for part in [images])
    moved = augment.apply(images, {"rotate_pre": torch.tensor([0.0, 1.0])})
    torch.testing.assert_close(moved[0], images[0], atol=2e-6, rtol=1e-5)
    assert (moved[1] - images[1]).abs().max() > 0.1


def test_gradient_penalty_through_the_pipeline():
    augment = AdaptiveAugment(p=1.0)
    parameters = augment.sample_parameters(2, torch.Generator().manual_seed(0))
    images = torch.randn(2, 3, 12, 10, requires_grad=True)
    slope = torch.randn(2, 3, 12, 10, requires_grad=True)
    out = augment.apply(images, parameters)
    (gradient,) = torch.autograd.grad((out.square() * slope).sum(), images, create_graph=True)
    gradient.square().sum().backward()
    # The map is affine, A x + b: half the penalty's derivative in the slope direction is known by perturbation.
    step = 1e-2 * torch.randn_like(slope)

    def penalty(s):
        x = images.detach().requires_grad_()
        return torch.autograd.grad((augment.apply(x, parameters).square() * s).sum(), x)[0].square().sum()

    expected = (penalty(slope + step) - penalty(slope - step)).item() / 2
    assert (slope.grad * step).sum().item() == pytest.approx(expected, rel=1e-3)
    assert images.grad.abs().sum() > 0


def test_grey_safe_half_precision_and_module_apply():
    safe = AdaptiveAugment(grey_safe=True, p=1.0)
    assert {"lumaflip", "hue", "saturation"}.isdisjoint(safe.sample_parameters(3))
    images = torch.rand(3, 1, 16, 16, dtype=torch.float16)
    assert safe(images, torch.Generator().manual_seed(0)).dtype is torch.float16
    visited = []
    torch.nn.Sequential(safe).apply(visited.append)
    assert visited[0] is safe


def test_probability_moves_by_the_published_amount_and_stays_in_range():
    options = {"target": 0.6, "images": 4 * 16, "ramp": 500_000}
    p = torch.tensor(0.5)
    torch.testing.assert_close(adjust_probability(p, 0.7, **options), torch.tensor(0.5 + 64 / 500_000))
    torch.testing.assert_close(adjust_probability(p, torch.tensor(0.2), **options), torch.tensor(0.5 - 64 / 500_000))
    assert adjust_probability(torch.tensor(0.0), -1.0, **options) == 0
    assert adjust_probability(torch.tensor(1.0), 1.0, **options) == 1


def test_bad_input_says_what_came():
    with pytest.raises(ValueError, match=r"p in \[0, 1\], got 1.5"):
        AdaptiveAugment(p=1.5)
    with pytest.raises(ValueError, match="multipliers >= 0"):
        AdaptiveAugment(hue=-1)
    augment = AdaptiveAugment()
    with pytest.raises(ValueError, match=r"got \(2, 2, 8, 8\)"):
        augment.apply(torch.zeros(2, 2, 8, 8), {})
    with pytest.raises(ValueError, match=r"for 2 images, got \{'xflip': 3\}"):
        augment.apply(torch.zeros(2, 3, 8, 8), {"xflip": torch.zeros(3)})
    with pytest.raises(ValueError, match=r"got \['cutout'\]"):
        augment.apply(torch.zeros(2, 3, 8, 8), {"cutout": torch.zeros(2)})
