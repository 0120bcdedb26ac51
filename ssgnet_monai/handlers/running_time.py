"""How long a training has taken, all processes that worked on it together."""

from __future__ import annotations

import json
import time

from ignite.engine import Engine, Events

from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.handlers.training_session import TrainingSession


class RunningTime:
    """Seconds of a training over its stops; noted at every epoch in ``seconds.json`` beside its checkpoints.

    A file of its own, since checkpoints of a stopped and of an unstopped run are the same to the bit.

    Args:
        session: its ``state_dir`` holds the file.
    """

    def __init__(self, session: TrainingSession) -> None:
        self._path = session.state_dir / "seconds.json"
        self._before = 0.0
        if session.goes_on and self._path.exists():
            self._before = json.loads(self._path.read_text(encoding="utf-8"))["seconds"]
        self._began, self._noted = time.perf_counter(), self._before

    @property
    def seconds(self) -> float:
        """Seconds up to the last epoch that was completed."""
        return self._noted

    def attach(self, engine: Engine) -> None:
        """Register at every epoch."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        self._noted = self._before + time.perf_counter() - self._began
        write_json(self._path, {"seconds": self._noted})
