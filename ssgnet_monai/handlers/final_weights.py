"""The network's weights at the end of training, as a plain state dict."""

from __future__ import annotations

import torch
from ignite.engine import Engine, Events

from ssgnet_monai.data.tensor_file import save_tensors
from ssgnet_monai.handlers.training_session import TrainingSession
from ssgnet_monai.ops.ranks import rank


class FinalWeights:
    """Writes ``session.model_path`` when training is complete (and not before, so that the file means "done").

    Args:
        session: names the file.
        network: module whose state dict is written, for a GAN the averaged generator.
    """

    def __init__(self, session: TrainingSession, network: torch.nn.Module) -> None:
        self.session, self.network = session, network

    def attach(self, engine: Engine) -> None:
        """Register at ``COMPLETED``."""
        engine.add_event_handler(Events.COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        if rank() == 0:
            save_tensors(self.session.model_path, self.network.state_dict())
