"""One training of one network, run again and again on other items."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from monai.engines import Trainer

from ssgnet_monai.data.mixture import PROPORTIONAL, Mixture
from ssgnet_monai.data.sample_stream import SampleStream
from ssgnet_monai.data.tensor_file import load_tensors
from ssgnet_monai.handlers.running_time import RunningTime
from ssgnet_monai.handlers.training_session import TrainingSession


@dataclass(frozen=True)
class TrainingResult:
    """What a training came to.

    Args:
        val_dice: best validation Dice, or the last where the end is taken; None: no validation image has foreground.
        best_epoch: of this score.
        seconds: of all processes that worked on it.
    """

    val_dice: float | None
    best_epoch: int
    seconds: float


class RoundTraining:
    """Trains a network from its first weights, or from given ones; a training that was stopped goes on.

    Args:
        make_trainer: gives a fresh trainer of ``network`` over ``dataset`` (a config component with
            ``_mode_: callable``).
        session: the training session that the trainer's handlers share.
        network: what is trained.
        dataset: the trainer's sample stream.
    """

    def __init__(
        self,
        make_trainer: Callable[[], Trainer],
        session: TrainingSession,
        network: torch.nn.Module,
        dataset: SampleStream,
    ) -> None:
        self.make_trainer, self.session, self.network, self.dataset = make_trainer, session, network, dataset

    def run(
        self,
        state_dir: Path,
        model_path: Path,
        seed: int,
        items: tuple[Sequence[dict[str, Any]], Sequence[dict[str, Any]]],
        mixture: Mixture = PROPORTIONAL,
        weights: Path | None = None,
    ) -> TrainingResult:
        """Train, and write the weights that the trainer's ``PublishModel`` takes.

        Args:
            state_dir: folder of the training's checkpoints, one for each training.
            model_path: receives these weights.
            seed: of the training.
            items: labelled ones, and pool items with their pseudo-labels.
            mixture: shares of labelled, pool and synthetic samples.
            weights: to begin with; None: the network's first ones.

        Raises:
            ValueError: the training ended without a validation.
        """
        session = self.session
        session.restart(state_dir, model_path, seed)
        if weights is not None:
            self.network.load_state_dict(load_tensors(weights))
        self.dataset.set_data(*items, seed, mixture)
        trainer, clock = self.make_trainer(), RunningTime(session)
        clock.attach(trainer)
        trainer.run()
        if not session.best_epoch:
            raise ValueError("Expected at least one validation during a round, got none. Lower val_interval.")
        return TrainingResult(session.best_metric, session.best_epoch, clock.seconds)
