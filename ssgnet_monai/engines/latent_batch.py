"""How MONAI's evaluator hands latents to a generator."""

from __future__ import annotations

from typing import Any

import torch


class PrepareLatents:
    """A ``prepare_batch``: latents (B, z_dim) as input, the condition (B, classes) as ``c``, and the truncation.

    Args:
        truncation: psi in [0, 1], the generator's ``truncation_psi``: 1 leaves w as it is, 0 gives the mean image.

    Raises:
        ValueError: another psi.

    Source: Karras et al. 2019 (StyleGAN), appendix B.
    """

    def __init__(self, truncation: float = 1.0) -> None:
        if isinstance(truncation, bool) or not isinstance(truncation, int | float) or not 0 <= truncation <= 1:
            raise ValueError(f"Expected truncation as a number in [0, 1], got {truncation!r}.")
        self.truncation = float(truncation)

    def __call__(
        self, batchdata: dict[str, Any], device: torch.device | str, non_blocking: bool = False, **kwargs: Any
    ) -> tuple[torch.Tensor, None, tuple[()], dict[str, Any]]:
        """Return (latents, no label, no arguments, the generator's keywords)."""
        z = batchdata["image"].to(device, non_blocking=non_blocking, **kwargs)
        keywords: dict[str, Any] = {"truncation_psi": self.truncation}
        if (condition := batchdata.get("condition")) is not None:
            keywords["c"] = condition.to(device, non_blocking=non_blocking)
        return z, None, (), keywords
