"""The concentrations of the Adaptive t-vMF Dice loss follow the scores of validation."""

from __future__ import annotations

import torch
from ignite.engine import Engine, Events
from monai.engines import Evaluator

from ssgnet_monai.handlers.training_session import TrainingSession
from ssgnet_monai.losses.tvmf_dice import AdaptiveTvMFDiceLoss, adapted_kappa


class AdaptiveKappaHandler:
    """After each validation, sets the loss's ``kappa`` to ``lambda_`` times the pooled Dice of each class.

    The Dice is that of all validation images together, over all processes: the key metric's gathered counts. The loss
    becomes one of the session's objects, so that a training that goes on after a stop, and a round that begins anew,
    have the ``kappa`` that belongs there. It is set when validation ends, before the trainer's checkpoint is written,
    wherever in the list of handlers this one stands.

    Args:
        session: saves the loss as ``loss``.
        loss: the training's loss.
        validator: its key metric is a ``PooledConfusionMetric``.
        lambda_: ``kappa`` of a class that is found perfectly, above 0.

    Raises:
        ValueError: ``lambda_`` is not above 0.

    Source: Kato & Hotta 2023, Adaptive t-vMF Dice Loss (Comput. Biol. Med. 107695), section 3.2.
    """

    def __init__(
        self, session: TrainingSession, loss: AdaptiveTvMFDiceLoss, validator: Evaluator, lambda_: float = 32.0
    ) -> None:
        if not lambda_ > 0:
            raise ValueError(f"Expected lambda_ above 0, got {lambda_}. 32 is the published value.")
        self.loss, self.validator, self.lambda_ = loss, validator, lambda_
        session.objects["loss"] = loss

    def attach(self, engine: Engine) -> None:
        """Register at the validator's ``COMPLETED``, once, however many trainers share it."""
        if not self.validator.has_event_handler(self, Events.COMPLETED):
            self.validator.add_event_handler(Events.COMPLETED, self)

    def __call__(self, engine: Evaluator) -> None:
        counts: torch.Tensor = engine.state.metric_details[engine.state.key_metric_name]
        self.loss.kappa.copy_(adapted_kappa(counts, self.lambda_))
