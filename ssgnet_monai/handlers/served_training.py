"""Progress of a training in the label server, in a file that its clients are shown."""

from __future__ import annotations

import copy
import math
import time
from pathlib import Path

from ignite.engine import Events
from monai.engines import SupervisedEvaluator, Trainer

from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.data.tensor_file import load_tensors
from ssgnet_monai.handlers.training_session import TrainingSession
from ssgnet_monai.ops.ranks import rank


class ServedTraining:
    """Writes how far a training is; before rounds, it validates the present model, since they only compare each other.

    Attach it after what loads the weights that training begins with and before the checkpoint handler.

    Args:
        session: keeps the best score.
        validator: gives the score of ``present``, by its network, one of the session's objects.
        present: file of the served weights, to validate before the first training; None: ``EarlierModel`` does.
        progress: JSON file with ``epoch``, ``total_epochs``, ``best_metric`` (the present model's counts),
            ``present_metric`` and, at the end, ``total_time`` (seconds), as 3D Slicer reads them.
        trainings: how many trainings follow one another, such as one for each round.
    """

    def __init__(
        self,
        session: TrainingSession,
        validator: SupervisedEvaluator,
        present: str | Path | None,
        progress: str | Path,
        trainings: int = 1,
    ) -> None:
        self.session, self.validator = session, validator
        self.present, self.progress, self.trainings = present, Path(progress), trainings
        self.finished, self.best, self.began = 0, 0.0, time.time()
        self.present_metric: float | None = None

    def attach(self, engine: Trainer) -> None:
        """Register at ``STARTED``, every epoch and ``COMPLETED``."""
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._tell)
        engine.add_event_handler(Events.COMPLETED, self._complete)

    def _start(self, engine: Trainer) -> None:
        if self.present is not None:
            before = copy.deepcopy(self.session.state_dict())
            self.validator.network.load_state_dict(load_tensors(self.present))
            self.validator.run()
            self.session.load_state_dict(before)
            score = float(self.validator.state.metrics[self.validator.state.key_metric_name])
            self.present_metric, self.present = None if math.isnan(score) else score, None
        self._tell(engine)

    def _complete(self, engine: Trainer) -> None:
        self.finished += 1
        self._tell(engine, ended=True)

    def _tell(self, engine: Trainer, ended: bool = False) -> None:
        if rank() > 0:
            return
        total = engine.state.max_epochs or 1
        done = self.finished * total + (0 if ended else engine.state.epoch)
        self.best = max(self.best, self.session.best_metric or 0.0, self.present_metric or 0.0)
        content = {
            "epoch": done,
            "total_epochs": self.trainings * total,
            "best_metric": self.best,
            "present_metric": self.session.earlier_metric if self.present_metric is None else self.present_metric,
            **({"total_time": round(time.time() - self.began)} if self.finished == self.trainings else {}),
        }
        write_json(self.progress, content)
