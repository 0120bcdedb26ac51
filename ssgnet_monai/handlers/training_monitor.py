"""What a person watches while a network learns from labelled images: progress bar and TensorBoard curves."""

from __future__ import annotations

from pathlib import Path

import torch
from ignite.engine import Events
from monai.engines import Evaluator, IterationEvents, Trainer
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from ssgnet_monai.handlers.training_session import TrainingSession
from ssgnet_monai.ops.ranks import mean_over_ranks, rank


class TrainingMonitor:
    """Progress in steps with loss and best validation score; scalars under ``output_dir/tensorboard/<run>``.

    Args:
        session: gives the best validation score; the name of its ``state_dir`` names the run.
        validator: its metrics are logged after each epoch; attach after the validation handler.
        output_dir: folder of the TensorBoard files.
    """

    _board: SummaryWriter
    _bar: tqdm
    _loss: torch.Tensor

    def __init__(self, session: TrainingSession, validator: Evaluator, output_dir: str | Path) -> None:
        self.session, self.validator, self.output_dir = session, validator, Path(output_dir)

    def attach(self, engine: Trainer) -> None:
        """Register at start, every iteration, every epoch and the end; attach after the checkpoint handler."""
        engine.add_event_handler(IterationEvents.MODEL_COMPLETED, self._keep_loss)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._average_loss)
        if rank() > 0:
            return
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._iteration)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._epoch)
        engine.add_event_handler(Events.COMPLETED, self._finish)

    def _start(self, engine: Trainer) -> None:
        run = self.session.state_dir.name
        self._board = SummaryWriter(self.output_dir / "tensorboard" / run, purge_step=engine.state.iteration + 1)
        total = engine.state.max_epochs * engine.state.epoch_length
        self._bar = tqdm(total=total, initial=engine.state.iteration, desc=run, unit="step", mininterval=1.0)

    def _iteration(self, engine: Trainer) -> None:
        self._bar.update()

    def _keep_loss(self, engine: Trainer) -> None:
        self._loss = engine.state.output["loss"].detach()

    def _average_loss(self, engine: Trainer) -> None:
        self._loss = mean_over_ranks(self._loss)

    def _epoch(self, engine: Trainer) -> None:
        loss = self._loss.item()
        self._board.add_scalar("loss", loss, engine.state.iteration)
        for name, value in self.validator.state.metrics.items():
            self._board.add_scalar(name, value, engine.state.iteration)
        best = self.session.best_metric
        self._bar.set_postfix_str(f"loss {loss:.3f}" + (f", best validation {best:.3f}" if best is not None else ""))

    def _finish(self, engine: Trainer) -> None:
        self._bar.close()
        self._board.close()
