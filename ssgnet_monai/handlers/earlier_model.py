"""An earlier model that a training has to beat: validated before the first step, replaced only by a better one."""

from __future__ import annotations

import copy
import logging
import math
from pathlib import Path

import torch
from ignite.engine import Events
from monai.engines import Evaluator, Trainer

from ssgnet_monai.data.tensor_file import load_tensors, save_tensors
from ssgnet_monai.handlers.training_session import TrainingSession
from ssgnet_monai.ops.ranks import rank

logger = logging.getLogger(__name__)


class EarlierModel:
    """Validates an earlier model as epoch 0 of a training; its score is the first to beat.

    Attach it to the trainer after the checkpoint handler: a training that goes on after a stop knows the score already.
    The session is as before afterwards (networks, optimiser, schedule), so training starts from its own weights,
    whether those are the earlier model's or not.

    Args:
        session: receives ``earlier_metric``, and the weights to keep.
        validator: its key metric is the score.
        network: what is validated, one of the session's objects.
        path: plain state dict of the earlier model; None, or a file that does not exist: there is nothing to beat.
    """

    def __init__(
        self, session: TrainingSession, validator: Evaluator, network: torch.nn.Module, path: str | Path | None
    ) -> None:
        self.session, self.validator, self.network, self.path = session, validator, network, path

    def attach(self, engine: Trainer) -> None:
        """Register at ``STARTED``."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Trainer) -> None:
        if engine.state.iteration or self.path is None or not Path(self.path).is_file():
            return
        before = copy.deepcopy(self.session.state_dict())
        self.network.load_state_dict(load_tensors(self.path))
        self.validator.run()
        if rank() == 0:
            save_tensors(self.session.best_path, self.network.state_dict())  # the model, unless it is beaten
        self.session.load_state_dict(before)
        score = float(self.validator.state.metrics[self.validator.state.key_metric_name])
        if not math.isnan(score):
            self.session.best_metric = self.session.earlier_metric = score
            logger.info("validation score of the earlier model %s: %.4f", self.path, score)
