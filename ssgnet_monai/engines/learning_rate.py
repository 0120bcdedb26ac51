"""A learning rate that rises, and is halved three times."""

from __future__ import annotations

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

WARM_UP = 0.05
HALVINGS = (0.25, 0.5, 0.75)


def halving_schedule(optimizer: Optimizer, steps: int) -> LambdaLR:
    """Linear warm-up over 5 % of the steps, then half the rate from each quarter on.

    Args:
        optimizer: its learning rates are those of the first quarter.
        steps: of the whole training, at least 1; the schedule is stepped once a step.

    Raises:
        ValueError: no step.

    Source: Ciampi et al. 2025 (arXiv 2504.01547), the authors' related code: 20 of 200 epochs, a halving each 50.
    """
    if steps < 1:
        raise ValueError(f"Expected at least one step of training, got {steps}.")

    def factor(step: int) -> float:
        return min(1.0, (step + 1) / (WARM_UP * steps)) * 0.5 ** sum(step >= share * steps for share in HALVINGS)

    return LambdaLR(optimizer, factor)
