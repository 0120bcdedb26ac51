"""The weights with the best validation score, as a plain state dict."""

from __future__ import annotations

import logging

import torch
from ignite.engine import Events
from monai.engines import Evaluator

from ssgnet_monai.data.tensor_file import save_tensors
from ssgnet_monai.handlers.training_session import TrainingSession
from ssgnet_monai.ops.ranks import rank

logger = logging.getLogger(__name__)


class BestWeights:
    """Attached to the validation evaluator: writes ``session.model_path`` whenever the key metric improves.

    Args:
        session: keeps the best score and names the file.
        network: module whose state dict is written.
    """

    def __init__(self, session: TrainingSession, network: torch.nn.Module) -> None:
        self.session, self.network = session, network

    def attach(self, engine: Evaluator) -> None:
        """Register at ``COMPLETED``, when the key metric is known."""
        engine.add_event_handler(Events.COMPLETED, self)

    def __call__(self, engine: Evaluator) -> None:
        score = float(engine.state.metrics[engine.state.key_metric_name])
        best = self.session.best_metric
        if best is None or score > best:
            self.session.best_metric, self.session.best_epoch = score, engine.state.epoch
            if rank() == 0:
                save_tensors(self.session.model_path, self.network.state_dict())
            logger.info("validation %s %.4f is the best so far", engine.state.key_metric_name, score)
