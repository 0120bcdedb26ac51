"""Several networks as one: their mean probabilities."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import torch
from monai.inferers import Inferer

from ssgnet_monai.data.label_space import to_probabilities


class EnsembleInferer(Inferer):
    """Applies each network by another inferer, such as a sliding window, and takes the mean of their probabilities.

    The probabilities are those of whole images: windows are put together network by network, before the mean.

    Args:
        inferer: applies one network.
    """

    def __init__(self, inferer: Callable[..., torch.Tensor]) -> None:
        super().__init__()
        self.inferer = inferer

    def __call__(self, inputs: torch.Tensor, network: Callable, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Apply networks to images (B, C, ...).

        Args:
            inputs: the images.
            network: a ``torch.nn.ModuleList`` of networks with the same number of logits.

        Returns:
            Logits of the mean probabilities, (B, 1, ...) or (B, K, ...) float32, infinite where these are 0 or 1.
        """
        members = list(cast(Iterable[Callable], network))
        mean: torch.Tensor | None = None
        for member in members:
            logits = self.inferer(inputs, member, *args, **kwargs)
            part = to_probabilities(logits) / len(members)
            mean = part if mean is None else mean + part
        assert mean is not None
        return mean[:, 1:].logit() if logits.shape[1] == 1 else mean.log()
