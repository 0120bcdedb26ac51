"""One training iteration of two networks that teach each other with a fixed and a dynamic pseudo-label."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.optim import Optimizer

from ssgnet_monai.ops.ranks import average_gradients
from ssgnet_monai.transforms.combine_labels import combine_labels
from ssgnet_monai.transforms.cutmix import exchange_boxes, pair_boxes

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Predict = Callable[[torch.Tensor, nn.Module], torch.Tensor]
Augment = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


@dataclass(frozen=True)
class CotrainingPlan:
    """What of a training of two networks does not change.

    Args:
        sup_weight: of the loss of labelled images.
        fixed_weight: of the labels that the other network gives to the very crop.
        dynamic_weight: of those in which a shifted crop has its say; 0: the shifted crops are not looked at.
        cutmix: "partner": the second network sees unlabelled images that exchange boxes; "none".
        dynamic_source: "shifted_crop"; "second_pass": another pass over the same crop, with dropout, to tell apart
            what the context brings and what mere noise does.

    With ``dynamic_weight`` 0 and ``cutmix`` "none" it is cross pseudo supervision (Chen et al. 2021).

    Raises:
        ValueError: a negative weight, or another word.
    """

    sup_weight: float = 1.0
    fixed_weight: float = 1.0
    dynamic_weight: float = 1.0
    cutmix: str = "partner"
    dynamic_source: str = "shifted_crop"

    def __post_init__(self) -> None:
        weights = {name: getattr(self, name) for name in ("sup_weight", "fixed_weight", "dynamic_weight")}
        for name, weight in weights.items():
            if not weight >= 0:
                raise ValueError(f"Expected {name} >= 0, got {weight}. 0 switches it off.")
        for name, words in {"cutmix": ("partner", "none"), "dynamic_source": ("shifted_crop", "second_pass")}.items():
            if getattr(self, name) not in words:
                raise ValueError(f"Expected {name} out of {', '.join(words)}, got {getattr(self, name)!r}.")


@dataclass(frozen=True)
class PairedBatch:
    """Labelled images and crops of unlabelled ones, on the networks' device.

    Args:
        image: (L, C, ...) labelled images, augmented.
        label: (L, 1, ...) their class numbers, 255 where nothing is known.
        unlabeled: (U, C, ...) fixed crops, of the same sides.
        shifted: (U, S, C, ...) crops shifted from them.
        offset: (U, S, axes) int64, by how many voxels.
    """

    image: torch.Tensor
    label: torch.Tensor
    unlabeled: torch.Tensor
    shifted: torch.Tensor
    offset: torch.Tensor


def cotraining_step(
    networks: tuple[nn.Module, nn.Module],
    optimizers: tuple[Optimizer, Optimizer],
    batch: PairedBatch,
    unsup_weight: float,
    plan: CotrainingPlan,
    *,
    loss: Loss,
    pseudo_loss: Loss,
    predict: Predict,
    augment: Augment | None = None,
    scaler: torch.amp.GradScaler | None = None,
) -> dict[str, torch.Tensor]:
    """Run one iteration; each network learns from the labelled images and from what the other says of the others.

    Labels are made in evaluation mode, without gradient, all crops of a network in one batch; then both networks are
    put in training mode, and each sees labelled and unlabelled images as one batch. Gradients are averaged over ranks.

    Args:
        networks: the first, which always sees whole crops, and the second, which sees those with exchanged boxes.
        optimizers: one for each.
        batch: see :class:`PairedBatch`.
        unsup_weight: of both kinds of pseudo-labels, at least 0, which rises in the course of a training.
        plan: what stays the same.
        loss: of logits (B, K, ...) and class numbers (B, 1, ...), for labelled images.
        pseudo_loss: the same for pseudo-labels.
        predict: images and network -> logits (B, K, ...); one logit means two classes.
        augment: unlabelled images and all their label maps (B, 1 + S, ...) -> the same, harder; None: as they are.
        scaler: of the gradients in mixed precision.

    Returns:
        Detached scalars: "loss" of both networks together, and its parts "supervised", "fixed" and "dynamic", the
        latter two before ``unsup_weight``.

    Raises:
        ValueError: the networks tell other numbers of classes apart, or the batch cannot be paired for ``cutmix``.

    Source: Kumari & Singh 2024 (arXiv 2405.07256), Fig. 2 and 3. Reconstructed: the
        form of the losses, hard labels without a threshold, dropout off where they are made (as SDCL does).
    """
    (by_first, outputs), (by_second, of_partner) = (
        pseudo_labels(one, batch, plan, predict, scaler) for one in networks
    )
    if outputs != of_partner:
        raise ValueError(
            f"Expected a partner of {outputs} output channels, as the network has, got one of {of_partner}. Give "
            "partner_def as many as the network_def (@num_logits)."
        )
    images, labels = batch.unlabeled, by_first
    if plan.cutmix == "partner":
        boxes = pair_boxes(len(images), images.ndim - 2)
        images, labels = exchange_boxes(images, boxes), exchange_boxes(labels, boxes)
    lessons = ((batch.unlabeled, by_second), (images, labels))
    total: dict[str, torch.Tensor] = {}
    for network, optimizer, lesson in zip(networks, optimizers, lessons, strict=True):
        if augment is not None:
            lesson = augment(*lesson)
        network.train()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(images.device.type, enabled=scaler is not None):
            logits = predict(torch.cat([batch.image, lesson[0]]), network)
        parts = _losses(logits, batch.label, lesson[1], loss, pseudo_loss)
        taught = plan.fixed_weight * parts["fixed"] + plan.dynamic_weight * parts["dynamic"]
        parts["loss"] = plan.sup_weight * parts["supervised"] + unsup_weight * taught
        _update(network, optimizer, parts["loss"], scaler)
        total = {name: total.get(name, 0) + value.detach() for name, value in parts.items()}
    if scaler is not None:
        scaler.update()
    return total


@torch.no_grad()
def pseudo_labels(
    network: nn.Module,
    batch: PairedBatch,
    plan: CotrainingPlan,
    predict: Predict,
    scaler: torch.amp.GradScaler | None = None,
) -> tuple[torch.Tensor, int]:
    """What a network says of the unlabelled crops: the most likely class, whatever its probability.

    Returns:
        (U, 1 + S, ...) uint8 class numbers, first the fixed label, then a dynamic one for each shift (one for a second
        pass, none where they have no weight); and how many channels the network's output has.
    """
    crops, shifts = batch.unlabeled, batch.shifted.shape[1]
    shifted = plan.dynamic_weight > 0 and plan.dynamic_source == "shifted_crop"
    network.eval()
    with torch.autocast(crops.device.type, enabled=scaler is not None):
        logits = predict(torch.cat([crops, batch.shifted.flatten(0, 1)]) if shifted else crops, network)
        fixed = found = _most_likely(logits[: len(crops)])
        if shifted:
            others, offset = _most_likely(logits[len(crops) :])[:, 0], batch.offset.flatten(0, 1)
            dynamic = combine_labels(fixed[:, 0].repeat_interleave(shifts, 0), others, offset)
            found = torch.cat([fixed, dynamic.unflatten(0, (len(crops), shifts))], dim=1)
        elif plan.dynamic_weight > 0:
            found = torch.cat([fixed, _most_likely(predict(crops, _with_dropout(network)))], dim=1)
    return found, logits.shape[1]


def _most_likely(logits: torch.Tensor) -> torch.Tensor:
    classes = logits > 0 if logits.shape[1] == 1 else logits.argmax(1, keepdim=True)
    return classes.to(torch.uint8)


def _with_dropout(network: nn.Module) -> nn.Module:
    """The network in training mode but for normalisation by running means, which stay as they are."""
    network.train()
    for layer in network.modules():
        if isinstance(layer, _NormBase):
            layer.eval()
    return network


def _losses(
    logits: torch.Tensor, label: torch.Tensor, taught: torch.Tensor, loss: Loss, pseudo_loss: Loss
) -> dict[str, torch.Tensor]:
    known, guessed = logits[: len(label)], logits[len(label) :]
    fixed, *dynamic = [pseudo_loss(guessed, one) for one in taught.split(1, dim=1)]
    return {
        "supervised": loss(known, label),
        "fixed": fixed,
        "dynamic": torch.stack(dynamic).mean() if dynamic else torch.zeros_like(fixed),
    }


def _update(network: nn.Module, optimizer: Optimizer, loss: torch.Tensor, scaler: torch.amp.GradScaler | None) -> None:
    (loss if scaler is None else scaler.scale(loss)).backward()
    average_gradients(network.parameters())
    if scaler is None:
        optimizer.step()
    else:
        scaler.step(optimizer)
