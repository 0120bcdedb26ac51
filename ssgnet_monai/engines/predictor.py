"""What segmenters say of images, whatever their network, their number of logits and their dimension."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from monai.inferers import Inferer, SimpleInferer

from ssgnet_monai.data.label_space import to_probabilities
from ssgnet_monai.data.label_vote import vote
from ssgnet_monai.data.tensor_file import load_tensors
from ssgnet_monai.transforms.view import View


class Predictor:
    """``predict(images)``: images (B, C, ...) float32 in network units -> probabilities (B, K, ...) float32.

    Pseudo-labels are made of its answers. With several files of weights and several views of an image, ``predict`` is
    the mean over both, and ``answers`` gives each.

    Args:
        network: gives logits, (B, 1, ...) of two classes or (B, K, ...). It is set to evaluation at each call.
        inferer: applies it, such as a sliding window.
        device: where the network is.
        views: of an image, see ``image_views``.

    Example:
        >>> predict = Predictor(torch.nn.Conv2d(3, 4, kernel_size=1))
        >>> predict(torch.zeros(2, 3, 8, 8)).shape
        torch.Size([2, 4, 8, 8])
    """

    def __init__(
        self,
        network: torch.nn.Module,
        inferer: Inferer | None = None,
        device: torch.device | str = "cpu",
        views: Sequence[View] = (View(),),
    ) -> None:
        self.network, self.inferer, self.device = network, inferer or SimpleInferer(), torch.device(device)
        self.views, self._weights = views, list[dict[str, torch.Tensor]]()

    def load(self, *models: str | Path) -> None:
        """Answer with these weights from now on.

        Args:
            models: plain state dicts of the network, one for each member of the vote.
        """
        self._weights = [load_tensors(model, self.device) for model in models]
        self.network.load_state_dict(self._weights[0])

    def answers(self, images: torch.Tensor) -> Iterator[Iterator[torch.Tensor]]:
        """Of each member, of each view: probabilities (B, K, ...) float32, on the network's device.

        A member's answers are taken before the next member is asked for.
        """
        images = images.to(self.device)
        for member in range(max(1, len(self._weights))):
            if len(self._weights) > 1:
                self.network.load_state_dict(self._weights[member])
            yield (view.undo(self._answer(view.apply(images))) for view in self.views)

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """The probability of each class, (B, K, ...) float32, on the network's device."""
        return vote(self.answers(images)).probabilities

    @torch.inference_mode()
    def _answer(self, images: torch.Tensor) -> torch.Tensor:
        self.network.eval()
        logits = self.inferer(images, self.network)
        assert isinstance(logits, torch.Tensor)
        return to_probabilities(logits)
