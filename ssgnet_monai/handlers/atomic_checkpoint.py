"""Checkpoints that survive a kill at any moment, and resume by running the same command again."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import ignite.distributed as idist
from ignite.engine import Events
from monai.engines import Trainer
from torch.utils.data import DataLoader

from ssgnet_monai.data.earlier_run import half_set_aside, set_aside
from ssgnet_monai.data.folder_lock import hold_folder
from ssgnet_monai.data.sample_stream import StreamSampler
from ssgnet_monai.data.tensor_file import load_tensors, save_tensors
from ssgnet_monai.handlers.finite_loss import first_not_finite
from ssgnet_monai.handlers.preemption import Preemption
from ssgnet_monai.handlers.training_session import TrainingSession
from ssgnet_monai.ops.ranks import num_ranks, rank

logger = logging.getLogger(__name__)


class AtomicCheckpoint:
    """Saves the session every ``interval`` epochs, at the end and on SIGTERM; on start, does what ``resume`` says.

    Checkpoints of another training list are set aside: the run starts anew.

    Attach it after the validation handler, so that a checkpoint holds the validation of its own epoch, and after all
    handlers that change the session in an iteration (averages, schedules): SIGTERM saves between two iterations.

    Args:
        session: what is saved and where (``session.state_dir``), and whether it goes on (``session.resume``).
        interval: epochs between checkpoints.
        keep: how many of the newest checkpoints stay.
    """

    def __init__(self, session: TrainingSession, interval: int = 1, keep: int = 2) -> None:
        self.session, self.interval, self.keep = session, interval, keep

    def attach(self, engine: Trainer) -> None:
        """Register at ``STARTED``, every ``interval`` epochs, ``COMPLETED``, and for SIGTERM."""
        engine.add_event_handler(Events.STARTED, self.load)
        engine.add_event_handler(Events.EPOCH_COMPLETED(every=self.interval), self.save)
        engine.add_event_handler(Events.COMPLETED, self.save)
        Preemption(self.save).attach(engine)

    def save(self, engine: Trainer) -> None:
        """Write ``checkpoint_<iteration>.pt``; older ones beyond ``keep`` are removed afterwards. Rank 0 writes."""
        path = self.session.state_dir / f"checkpoint_{engine.state.iteration:09d}.pt"
        if rank() > 0 or path in self.session.checkpoints():
            return
        scaler = engine.scaler
        content = {
            "session": self.session.state_dict(),
            "iteration": engine.state.iteration,
            "scaler": scaler.state_dict() if scaler is not None else None,
        }
        if name := first_not_finite(content["session"]["objects"]):
            raise FloatingPointError(
                f"Expected finite numbers to save at step {engine.state.iteration}, got nan or infinity in {name}. "
                f"{self.session.last_checkpoint()} Lower the learning rate."
            )
        save_tensors(path, content)
        for old in self.session.checkpoints()[: -self.keep]:
            old.unlink()

    def load(self, engine: Trainer) -> None:
        """Take the folder; go on from its newest checkpoint, or begin anew."""
        if rank() == 0:
            _take(self.session.state_dir)
        content = self._found()
        if content:
            _restore(engine, self.session, content)
        _wait_for_all(engine, self.session.state_dir)
        if not content and rank() == 0:
            self._begin_anew()
        _seek(engine)

    def _found(self) -> dict[str, Any] | None:
        """The checkpoint to go on from. Nothing is changed here: other ranks read too."""
        session, files = self.session, self.session.checkpoints()
        if files and session.resume == "never":
            raise FileExistsError(
                f"Expected an empty {session.state_dir} with resume: never, found {files[-1].name}. "
                "Use resume: auto to go on, or another output folder."
            )
        if not files or session.resume == "fresh" or half_set_aside(session.state_dir):
            return None
        content = _newest_readable(files)
        if session.is_of_these_data(content["session"]):
            return content
        logger.warning("the training list has changed since %s: training starts anew", files[-1])
        return None

    def _begin_anew(self) -> None:
        folder = self.session.state_dir
        if self.session.checkpoints() or self.session.resume == "fresh" or half_set_aside(folder):
            set_aside(folder)
        self.session.best_path.unlink(missing_ok=True)  # of a training that was killed before its first checkpoint


def _take(folder: Path) -> None:
    """Keep other runs out, and remove what a killed save left."""
    hold_folder(folder, "training run")
    for unfinished in sorted(folder.glob(".checkpoint_*.pt")):
        unfinished.unlink()


def _restore(engine: Trainer, session: TrainingSession, content: dict[str, Any]) -> None:
    session.load_state_dict(content["session"])
    engine.state.iteration = content["iteration"]
    engine.state.epoch = content["iteration"] // engine.state.epoch_length
    if content["scaler"] is not None and engine.scaler is not None:
        engine.scaler.load_state_dict(content["scaler"])
    logger.info("going on from step %d of %s", engine.state.iteration, session.state_dir)


def _wait_for_all(engine: Trainer, folder: Path) -> None:
    """Nobody writes before all ranks have read, and they have read the same."""
    steps: Any = idist.all_gather(engine.state.iteration)
    if len(set(steps)) > 1:
        raise RuntimeError(
            f"Expected every process to go on from the same step, got {steps}. The output folder {folder} must be one "
            "that all machines share."
        )


def _seek(engine: Trainer) -> None:
    """Let the sample stream begin where training does."""
    loader = engine.data_loader
    if isinstance(loader, DataLoader) and isinstance(loader.sampler, StreamSampler):
        loader.sampler.start = engine.state.iteration * (loader.batch_size or 1) * num_ranks()


def _newest_readable(files: list[Path]) -> dict[str, Any]:
    """Content of the newest checkpoint that can be read; newer, damaged ones are renamed and no longer counted."""
    damaged: list[Path] = []
    for path in reversed(files):
        try:
            content = load_tensors(path)
        except Exception as error:  # a damaged file raises whatever its damaged bytes lead to
            logger.warning("checkpoint %s cannot be read (%s); trying the one before", path, error)
            damaged.append(path)
            continue
        if rank() == 0:
            for unreadable in damaged:
                unreadable.rename(unreadable.with_name(f"damaged_{unreadable.name}"))
        return content
    raise ValueError(
        f"Expected a readable checkpoint in {files[0].parent}, got {len(files)} that are not (see the log). "
        "Move the folder away to start anew."
    )
