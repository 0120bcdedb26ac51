"""Ends a training run that has stopped improving."""

from __future__ import annotations

import logging

from ignite.engine import Engine, Events

from ssgnet_monai.handlers.training_session import TrainingSession

logger = logging.getLogger(__name__)


class EarlyStop:
    """Ends the run after ``patience`` looks at validation without a better score.

    The session knows the epoch of the best score, so there is no state of its own: a run that goes on after a kill ends
    where it would have, and one that has ended stays so. Attach it after the checkpoint handler.

    Args:
        session: holds the best epoch.
        patience: looks without a gain; None: the run always takes all its steps.
        interval: epochs between looks.

    Raises:
        ValueError: ``patience`` is below 1.
    """

    def __init__(self, session: TrainingSession, patience: int | None, interval: int = 1) -> None:
        if patience is not None and patience < 1:
            raise ValueError(f"Expected early_stop, looks at validation, of at least 1 or null, got {patience}.")
        self.session, self.patience, self.interval = session, patience, interval

    def attach(self, engine: Engine) -> None:
        """Register at the start and every epoch."""
        if self.patience is not None:
            engine.add_event_handler(Events.STARTED | Events.EPOCH_COMPLETED, self, self.patience * self.interval)

    def __call__(self, engine: Engine, epochs: int) -> None:
        """Terminate the engine if the best score is ``epochs`` old."""
        if self.session.best_metric is not None and engine.state.epoch - self.session.best_epoch >= epochs:
            logger.info("no better validation for %d looks: step %d is the last", self.patience, engine.state.iteration)
            engine.terminate()
