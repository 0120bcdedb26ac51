"""A segmenter without weights: bright pixels are foreground."""

import torch


class BrightNetwork(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(1, keepdim=True) * 10
