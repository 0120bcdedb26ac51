"""Randomness of a training step as a function of (seed, step)."""

from __future__ import annotations

from ignite.engine import Engine, Events

from ssgnet_monai.handlers.training_session import TrainingSession, seed_step


class StepSeed:
    """Seeds torch at the start of every iteration with (session.seed, iteration): dropout, augmentation, latents.

    Args:
        session: holds the seed of the run.
    """

    def __init__(self, session: TrainingSession) -> None:
        self.session = session

    def attach(self, engine: Engine) -> None:
        """Register at ``ITERATION_STARTED``."""
        engine.add_event_handler(Events.ITERATION_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        seed_step(self.session.seed, engine.state.iteration)
