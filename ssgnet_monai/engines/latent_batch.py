"""How MONAI's evaluator hands latents to a generator."""

from __future__ import annotations

from typing import Any

import torch


def prepare_latents(
    batchdata: dict[str, Any], device: torch.device | str, non_blocking: bool = False, **kwargs: Any
) -> tuple[torch.Tensor, None, tuple[()], dict[str, torch.Tensor]]:
    """A ``prepare_batch``: latents (B, z_dim) as input, the condition (B, classes) as the generator's ``c``."""
    z = batchdata["image"].to(device, non_blocking=non_blocking, **kwargs)
    condition = batchdata.get("condition")
    return z, None, (), {} if condition is None else {"c": condition.to(device, non_blocking=non_blocking)}
