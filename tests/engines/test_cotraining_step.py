"""One iteration of co-training."""

import copy

import pytest
import torch
from torch import nn

from ssgnet_monai.engines import CotrainingPlan
from ssgnet_monai.engines.cotraining_step import PairedBatch, cotraining_step, pseudo_labels
from ssgnet_monai.losses import CEDiceLoss, cotraining_loss

LOSSES = {"loss": cotraining_loss(0.5), "pseudo_loss": cotraining_loss(0.5)}


def predict(images, network):
    return network(images)


def pair(outputs=2, axes=2):
    convolution = nn.Conv2d if axes == 2 else nn.Conv3d
    normalisation = nn.BatchNorm2d if axes == 2 else nn.BatchNorm3d
    torch.manual_seed(0)
    networks = [
        nn.Sequential(convolution(1, 4, 3, padding=1), normalisation(4), nn.ReLU(), convolution(4, outputs, 1))
        for _ in range(2)
    ]
    return networks, [torch.optim.SGD(network.parameters(), lr=0.1) for network in networks]


def batch_of(classes=2, sides=(6, 6), shifts=1):
    g = torch.Generator().manual_seed(1)
    offset = torch.tensor([2] + [0] * (len(sides) - 1)).expand(2, shifts, -1)
    return PairedBatch(
        torch.randn(2, 1, *sides, generator=g),
        torch.randint(classes, (2, 1, *sides), generator=g),
        torch.randn(2, 1, *sides, generator=g),
        torch.randn(2, shifts, 1, *sides, generator=g),
        offset,
    )


def test_without_shifts_and_boxes_it_is_cross_pseudo_supervision():
    networks, optimizers = pair()
    others, their_optimizers = copy.deepcopy(networks), None
    their_optimizers = [torch.optim.SGD(network.parameters(), lr=0.1) for network in others]
    batch, plan = batch_of(), CotrainingPlan(dynamic_weight=0, cutmix="none")
    found = cotraining_step(networks, optimizers, batch, 0.7, plan, predict=predict, **LOSSES)
    with torch.no_grad():
        taught = [network.eval()(batch.unlabeled).argmax(1, keepdim=True) for network in others]
    total = 0
    for network, optimizer, label in zip(others, their_optimizers, reversed(taught), strict=True):
        logits = network.train()(torch.cat([batch.image, batch.unlabeled]))
        loss = LOSSES["loss"](logits[:2], batch.label) + 0.7 * LOSSES["loss"](logits[2:], label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    assert found["loss"].item() == pytest.approx(total, rel=1e-6)
    for network, other in zip(networks, others, strict=True):
        for value, expected in zip(network.state_dict().values(), other.state_dict().values(), strict=True):
            torch.testing.assert_close(value, expected)


class Scaled(nn.Module):
    """Logit = weight * voxel."""

    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))

    def forward(self, images):
        return self.weight * images


def test_by_hand_with_two_voxels():
    """Cross-entropy alone: log(1 + exp(-|z|)) where a network agrees with the label, plus |z| where it does not.

    The first says positive voxels are foreground, its partner that negative ones are. The shifted crop, one voxel on,
    shows [-1, 1], so voxel 1 of the fixed crop is the shifted crop's voxel 0.
    """
    networks = (Scaled(1.0), Scaled(-1.0))
    optimizers = [torch.optim.SGD(network.parameters(), lr=0.1) for network in networks]
    voxels = torch.tensor([[[[1.0], [2.0]]]])
    batch = PairedBatch(
        voxels, torch.ones(1, 1, 2, 1), voxels, torch.tensor([[[[[-1.0], [1.0]]]]]), torch.tensor([[[1, 0]]])
    )
    loss = cotraining_loss(1)
    plan = CotrainingPlan(sup_weight=1, fixed_weight=1, dynamic_weight=1, cutmix="none")
    assert pseudo_labels(networks[0], batch, plan, predict)[0].flatten(1).tolist() == [[1, 1, 1, 0]]
    assert pseudo_labels(networks[1], batch, plan, predict)[0].flatten(1).tolist() == [[0, 0, 0, 1]]
    found = cotraining_step(networks, optimizers, batch, 0.5, plan, loss=loss, pseudo_loss=loss, predict=predict)
    agreed, wrong = [0.313261688, 0.126928011], [1.313261688, 2.126928011]
    assert found["supervised"].item() == pytest.approx((sum(agreed) + sum(wrong)) / 2, rel=1e-6)
    assert found["fixed"].item() == pytest.approx(sum(wrong), rel=1e-6)
    assert found["dynamic"].item() == pytest.approx(wrong[0] + agreed[1], rel=1e-6)
    assert found["loss"].item() == pytest.approx(
        (sum(agreed) + sum(wrong)) / 2 + 0.5 * (sum(wrong) + wrong[0] + agreed[1]), rel=1e-6
    )


@pytest.mark.parametrize(("outputs", "classes", "sides"), [(1, 2, (6, 6)), (4, 4, (6, 6)), (2, 2, (4, 4, 4))])
@pytest.mark.parametrize("source", ["shifted_crop", "second_pass"])
def test_any_number_of_classes_and_both_dimensions_train(outputs, classes, sides, source):
    networks, optimizers = pair(outputs, len(sides))
    before = copy.deepcopy(networks)
    plan = CotrainingPlan(dynamic_source=source)
    found = cotraining_step(networks, optimizers, batch_of(classes, sides, 4), 1.0, plan, predict=predict, **LOSSES)
    assert all(value.isfinite() and not value.requires_grad for value in found.values())
    assert found["loss"].item() == pytest.approx(sum(found[k].item() for k in ("supervised", "fixed", "dynamic")))
    for network, old in zip(networks, before, strict=True):
        assert any(not torch.equal(*both) for both in zip(network.parameters(), old.parameters(), strict=True))


def test_labels_move_neither_weights_nor_running_means_and_carry_no_gradient():
    networks, _ = pair()
    before = copy.deepcopy(networks[0].state_dict())
    for source in ("shifted_crop", "second_pass"):
        labels, outputs = pseudo_labels(networks[0], batch_of(), CotrainingPlan(dynamic_source=source), predict)
        assert (labels.shape, labels.dtype, outputs) == ((2, 2, 6, 6), torch.uint8, 2)
    for key, value in networks[0].state_dict().items():
        assert torch.equal(value, before[key]), key
    assert all(parameter.grad is None for parameter in networks[0].parameters())


def test_the_first_network_sees_whole_crops_and_only_its_partner_boxes():
    networks, optimizers = pair()
    seen = []

    def watched(images, network):
        if network.training:
            seen.append(images[2:].clone())
        return network(images)

    batch = batch_of()
    cotraining_step(networks, optimizers, batch, 1.0, CotrainingPlan(), predict=watched, **LOSSES)
    assert torch.equal(seen[0], batch.unlabeled)
    assert not torch.equal(seen[1], batch.unlabeled)
    assert torch.equal(seen[1].sum(0), batch.unlabeled.sum(0))


def test_an_empty_label_costs_no_dice():
    logits = torch.randn(2, 2, 6, 6)
    empty = torch.zeros(2, 1, 6, 6)
    assert cotraining_loss(0.5)(logits, empty) == 0.5 * cotraining_loss(1)(logits, empty)
    single = CEDiceLoss(0.5, 0.5, include_background=False)
    z = torch.randn(2, 1, 6, 6)
    truth = torch.randint(2, (2, 1, 6, 6))
    torch.testing.assert_close(single(z, truth), single(torch.cat([torch.zeros_like(z), z], 1), truth))


def test_a_partner_of_other_classes():
    (first, _), _ = pair(2)
    (_, second), _ = pair(3)
    optimizers = [torch.optim.SGD(network.parameters(), lr=0.1) for network in (first, second)]
    with pytest.raises(ValueError, match="Expected a partner of 2 output channels, as the network has, got one of 3"):
        cotraining_step((first, second), optimizers, batch_of(), 1.0, CotrainingPlan(), predict=predict, **LOSSES)


@pytest.mark.parametrize(
    ("settings", "told"),
    [({"cutmix": "both"}, "cutmix out of partner, none"), ({"fixed_weight": -1}, "fixed_weight >= 0")],
)
def test_bad_plans(settings, told):
    with pytest.raises(ValueError, match=f"Expected {told}"):
        CotrainingPlan(**settings)
