"""The network's weights at the end of training, as a plain state dict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from ignite.engine import Engine, Events

from ssgnet_monai.data.generator_record import write_generator_record
from ssgnet_monai.data.tensor_file import save_tensors
from ssgnet_monai.handlers.training_session import TrainingSession
from ssgnet_monai.ops.ranks import rank


class FinalWeights:
    """Writes ``session.model_path`` when training is complete (and not before, so that the file means "done").

    Args:
        session: names the file.
        network: module whose state dict is written, for a GAN the averaged generator.
        generator: for a generator, what ``write_generator_record`` keeps beside the weights; the hash of the data and
            of earlier generators' data comes from the session.
    """

    def __init__(
        self, session: TrainingSession, network: torch.nn.Module, generator: Mapping[str, Any] | None = None
    ) -> None:
        self.session, self.network, self.generator = session, network, generator

    def attach(self, engine: Engine) -> None:
        """Register at ``COMPLETED``."""
        engine.add_event_handler(Events.COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        if rank() > 0:
            return
        save_tensors(self.session.model_path, self.network.state_dict())
        if self.generator is not None:
            data = {"datalist_sha256": self.session.data_sha256, "transferred_from": self.session.transferred_from}
            write_generator_record(self.session.model_path, {**data, **self.generator})
