"""A loss that is no number ends the run, and never reaches a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.engines import IterationEvents

from ssgnet_monai.handlers.training_session import TrainingSession


class FiniteLoss:
    """Stops the run after a step whose loss is nan or infinite, and names the step and the last good checkpoint.

    On a CPU each step is looked at; on CUDA the first bad step is noted on the device, without waiting for it, and
    read at the end of the epoch. Attach it before validation and checkpoints.

    Args:
        session: its ``state_dir`` holds the checkpoints.
        names: entries of the engine's output to look at; those that a step lacks are passed over.
        remedy: what the message says to change.
    """

    def __init__(self, session: TrainingSession, names: Sequence[str] = ("loss",), remedy: str = "") -> None:
        self.session, self.names, self.remedy = session, tuple(names), remedy
        self._first_bad = torch.zeros((), dtype=torch.long)

    def attach(self, engine: Engine) -> None:
        """Register at every iteration and every epoch."""
        engine.add_event_handler(IterationEvents.MODEL_COMPLETED, self._look)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._check)

    def _look(self, engine: Engine) -> None:
        output: Any = engine.state.output
        losses = [torch.as_tensor(output[name]).detach().float().sum() for name in self.names if name in output]
        bad = ~torch.stack(losses).sum().isfinite()  # a sum of numbers with one that is none is none
        self._first_bad = self._first_bad.to(bad.device)
        self._first_bad = torch.where(bad & (self._first_bad == 0), engine.state.iteration, self._first_bad)
        if bad.device.type == "cpu":
            self._check(engine)

    def _check(self, engine: Engine) -> None:
        if step := int(self._first_bad):
            raise FloatingPointError(
                f"Expected finite losses ({', '.join(self.names)}), got nan or infinity in step {step}. "
                f"{self.session.last_checkpoint()} {self.remedy}".strip()
            )


def first_not_finite(state: Any, name: str = "") -> str | None:
    """Name of the first tensor in nested mappings and lists that holds nan or infinity; None: there is none."""
    if isinstance(state, torch.Tensor):
        return name if state.is_floating_point() and not state.isfinite().all() else None
    if isinstance(state, Mapping):
        pairs = list(state.items())
    elif isinstance(state, list | tuple):
        pairs = list(enumerate(state))
    else:
        return None
    found = (first_not_finite(value, f"{name}.{key}".lstrip(".")) for key, value in pairs)
    return next(filter(None, found), None)
