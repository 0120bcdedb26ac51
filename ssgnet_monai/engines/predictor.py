"""What a segmenter says of images, whatever its network, its number of logits and its dimension."""

from __future__ import annotations

from pathlib import Path

import torch
from monai.inferers import Inferer, SimpleInferer

from ssgnet_monai.data.label_space import to_probabilities
from ssgnet_monai.data.tensor_file import load_tensors


class Predictor:
    """``predict(images)``: images (B, C, ...) float32 in network units -> probabilities (B, K, ...) float32.

    Pseudo-labels are made of its answers, and ask for nothing else: a mean of several networks or of several views of
    an image is another object that is called in the same way.

    Args:
        network: gives logits, (B, 1, ...) of two classes or (B, K, ...). It is set to evaluation at each call.
        inferer: applies it, such as a sliding window.
        device: where the network is.

    Example:
        >>> predict = Predictor(torch.nn.Conv2d(3, 4, kernel_size=1))
        >>> predict(torch.zeros(2, 3, 8, 8)).shape
        torch.Size([2, 4, 8, 8])
    """

    def __init__(
        self, network: torch.nn.Module, inferer: Inferer | None = None, device: torch.device | str = "cpu"
    ) -> None:
        self.network, self.inferer, self.device = network, inferer or SimpleInferer(), torch.device(device)

    def load(self, model: str | Path) -> None:
        """Answer with these weights from now on.

        Args:
            model: plain state dict of the network.
        """
        self.network.load_state_dict(load_tensors(model, self.device))

    @torch.inference_mode()
    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """The probability of each class, (B, K, ...) float32, on the network's device."""
        self.network.eval()
        logits = self.inferer(images.to(self.device), self.network)
        assert isinstance(logits, torch.Tensor)
        return to_probabilities(logits)
