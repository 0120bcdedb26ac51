"""SIGTERM ends a training run between two steps: a checkpoint is saved and the exit status asks to be run again."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from ignite.engine import Engine, Events

from ssgnet_monai.ops.ranks import rank

logger = logging.getLogger(__name__)
EXIT_STATUS = 75
"""EX_TEMPFAIL of sysexits.h, "try again": what a scheduler's script tests to queue the same command once more."""
GRACE = 20.0
"""Seconds that the step in progress, or a validation, gets to end; what asks for SIGTERM kills after 30."""


class Preemption:
    """On SIGTERM, saves at the next step and exits with :data:`EXIT_STATUS`.

    An epoch's last step is saved after its validation and curves, which belong to it. Where neither ends within
    :data:`GRACE` seconds, the run exits all the same and goes on from its last checkpoint. Of several ranks, the first
    decides; the others ignore the signal and end with their launcher. Outside the main thread, where Python allows no
    signal handlers, nothing is installed.

    Args:
        save: writes a checkpoint of the engine; attach after all that change what it saves. None: there is nothing to
            save between events (an engine that leaves whole files behind), the run exits at once.
    """

    def __init__(self, save: Callable[[Any], None] | None = None) -> None:
        self.save = save
        self.requested = False
        self._previous: Any = None

    def attach(self, engine: Engine) -> None:
        """Register at start, every iteration, before every epoch and at the end."""
        engine.add_event_handler(Events.STARTED, self._install)
        if self.save is not None:
            engine.add_event_handler(Events.ITERATION_COMPLETED, self._iteration)
            engine.add_event_handler(Events.EPOCH_STARTED, self._between)
            engine.add_event_handler(Events.COMPLETED, self._between)
        engine.add_event_handler(Events.COMPLETED, self._remove)

    def _install(self, engine: Engine) -> None:
        if threading.current_thread() is threading.main_thread():
            action = self._request if self.save else self._exit_now
            self._previous = signal.signal(signal.SIGTERM, signal.SIG_IGN if rank() else action)

    def _remove(self, engine: Engine | None = None) -> None:
        if self._previous is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGTERM, self._previous)
            self._previous = None

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        signal.signal(signal.SIGALRM, self._exit_now)
        signal.setitimer(signal.ITIMER_REAL, GRACE)

    def _exit_now(self, number: int, frame: FrameType | None) -> None:
        logger.warning("SIGTERM: stopped; run the same command again to go on from what is saved")
        self._remove()
        raise SystemExit(EXIT_STATUS)

    def _iteration(self, engine: Engine) -> None:
        if self.requested and engine.state.iteration % (engine.state.epoch_length or 1):
            self._between(engine)

    def _between(self, engine: Engine) -> None:
        if self.requested and self.save is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)  # nothing interrupts the save
            self.save(engine)
            logger.warning("SIGTERM: saved at step %d; run the same command again", engine.state.iteration)
            self._remove()
            raise SystemExit(EXIT_STATUS)
