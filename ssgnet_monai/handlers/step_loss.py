"""The loss of a step where MONAI's loggers look for it."""

from __future__ import annotations

from typing import Any

from ignite.engine import Engine, Events


class StepLoss:
    """Replaces the engine's output by ``[{"loss": ...}]`` after every iteration, before the loggers read it.

    MONAI's loggers (StatsHandler, TensorBoardStatsHandler, ``--tracking mlflow``) read the first of a list of items,
    as decollated batches are; batches are not decollated here, because nothing else wants it. Handlers that read a
    step's losses by name do so earlier, at ``MODEL_COMPLETED``, wherever they stand among the handlers.

    Args:
        name: entry of the engine's output that is the loss.
    """

    def __init__(self, name: str = "loss") -> None:
        self.name = name

    def attach(self, engine: Engine) -> None:
        """Register at ``ITERATION_COMPLETED``."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Keep the loss alone, without its graph."""
        state: Any = engine.state
        state.output = [{"loss": state.output[self.name].detach()}]
