"""What several networks and several views of an image say together, and where they do not agree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from ssgnet_monai.data.label_space import decide


@dataclass(frozen=True)
class LabelVote:
    """The outcome of a vote.

    Args:
        probabilities: (B, K, ...) float32, the mean over networks and views.
        disagreed: (B, 1, ...) bool, pixels to which two networks give different classes.
        stability: (B,) float32 in [0, 1]: how well the mask of a single answer overlaps that of the mean, see
            :func:`overlap`, as the mean over the answers. 1 where there is one answer.
    """

    probabilities: torch.Tensor
    disagreed: torch.Tensor
    stability: torch.Tensor


def vote(answers: Iterable[Iterable[torch.Tensor]], threshold: float = 0.5) -> LabelVote:
    """Put answers together.

    Args:
        answers: probabilities (B, K, ...) float, of each network, and for each of its views turned back.
        threshold: see ``label_space.decide``.
    """
    members, masks = [], []
    for views in answers:
        seen = list[torch.Tensor]()
        for answer in views:
            seen.append(answer)
            masks.append(decide(answer, threshold))
        members.append(torch.stack(seen).mean(0) if len(seen) > 1 else seen[0])
    probabilities = torch.stack(members).mean(0) if len(members) > 1 else members[0]
    classes = [decide(member, threshold) for member in members]
    disagreed = torch.zeros_like(classes[0], dtype=torch.bool)
    for other in classes[1:]:
        disagreed |= other != classes[0]
    final = decide(probabilities, threshold)
    stability = torch.stack([overlap(mask, final) for mask in masks]).mean(0)
    return LabelVote(probabilities, disagreed, stability)


def overlap(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Share of the pixels that are foreground in either mask to which both give the same class.

    Args:
        a: (B, 1, ...) class numbers, 0 is the background.
        b: likewise.

    Returns:
        (B,) float32 in [0, 1]; 1 where neither mask has foreground. Of two classes it is the intersection over union.
    """
    either = ((a > 0) | (b > 0)).flatten(1).sum(1)
    same = ((a == b) & (a > 0)).flatten(1).sum(1)
    return torch.where(either > 0, same / either.clamp(min=1), 1.0)
