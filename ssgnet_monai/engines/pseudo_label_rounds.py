"""Iterative pseudo-labelling (SSGNet): train, label the pool, train on real and pool, label again."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events
from monai.engines import Trainer

from ssgnet_monai.data.atomic_write import atomic_path, sha256_file
from ssgnet_monai.data.folder_lock import hold_folder
from ssgnet_monai.data.label_change import label_change
from ssgnet_monai.data.pseudo_labels import LabelTask, read_manifest, with_pseudo_labels
from ssgnet_monai.data.rounds_log import BASELINE, RoundsLog, best_record
from ssgnet_monai.data.sample_stream import SampleStream
from ssgnet_monai.data.tensor_file import load_tensors
from ssgnet_monai.handlers.preemption import Preemption
from ssgnet_monai.handlers.running_time import RunningTime
from ssgnet_monai.handlers.training_session import TrainingSession
from ssgnet_monai.ops.ranks import num_ranks

logger = logging.getLogger(__name__)
PSEUDO_LABEL, REAL_ONLY = "pseudo_label", "real_only"
"""The arms: rounds with a pool, and their control."""


class PseudoLabelRounds(Engine):
    """Outer engine: one epoch of length 1 is one round; round 0 is the baseline on real labelled images.

    In round t >= 1 a fresh trainer learns from the labelled images and the pool with the masks of round t - 1; then
    the handlers run on ``EPOCH_COMPLETED`` (``PseudoLabelHandler`` writes the masks of round t). With ``pool=None``
    the same engine is the control: same start, steps, schedule and validation looks, real images only. Where the
    pseudo-label arm has run before, the control has as many rounds as that arm ran, wherever patience ended it, so
    that validation chooses among equally many candidates on both sides.

    Args:
        make_trainer: gives a fresh trainer of ``network`` over ``dataset`` (a config component with
            ``_mode_: callable``).
        session: the training session that ``make_trainer``'s handlers share.
        network: the segmenter.
        dataset: the trainer's sample stream.
        labeled: items with "image" and "label".
        pool: items without label: synthetic, real, or both. None: the real-only control.
        log: where rounds are recorded.
        output_dir: receives ``models/``, ``state/`` and ``pseudo_labels/``.
        num_rounds: rounds after the baseline.
        seed: seed of the run; round t trains with seed + t.
        start: "cold" begins every round from the first weights, "warm" from the arm's best model so far.
        gate: only a model that is the arm's best so far on validation labels the pool.
        pool_fraction: share of samples from the pool, in [0, 1); None: in proportion to the sizes.
        min_delta: with ``patience``, the smallest gain in validation Dice that counts as one.
        patience: rounds without such a gain after which the pseudo-label arm stops. None: all rounds are run.
        handlers: attached to this engine.

    Raises:
        ValueError: a setting is outside its range.

    Source: SSGNet (BMVC 2025), section 3.3, Eq. 5 and 6.
    """

    def __init__(
        self,
        make_trainer: Callable[[], Trainer],
        session: TrainingSession,
        network: torch.nn.Module,
        dataset: SampleStream,
        labeled: Sequence[dict[str, Any]],
        pool: Sequence[dict[str, Any]] | None,
        log: RoundsLog,
        output_dir: str | Path,
        num_rounds: int = 2,
        seed: int = 0,
        start: str = "cold",
        gate: bool = True,
        pool_fraction: float | None = None,
        min_delta: float = 0.001,
        patience: int | None = None,
        handlers: Sequence[Any] = (),
    ) -> None:
        super().__init__(self._round)
        if num_ranks() > 1:
            raise ValueError(
                f"Expected one process for pseudo-label rounds, got {num_ranks()}. Run them with python, not torchrun; "
                "multi_gpu_train.yaml goes with train.yaml alone."
            )
        if start not in ("cold", "warm"):
            raise ValueError(f"Expected start 'cold' or 'warm', got {start!r}.")
        if num_rounds < 0:
            raise ValueError(f"Expected num_rounds >= 0, got {num_rounds}.")
        if pool is not None and num_rounds and not pool:
            raise ValueError(
                "Expected at least one image to pseudo-label, got an empty pool. Give 'synthetic' datalists, set "
                "num_labeled below the number of training images, or list images under 'unlabeled' in the datalist."
            )
        self.arm = REAL_ONLY if pool is None else PSEUDO_LABEL
        self.make_trainer, self.session, self.network, self.dataset = make_trainer, session, network, dataset
        self.labeled, self.pool, self.log = list(labeled), list(pool or ()), log
        self.output_dir, self.num_rounds, self.seed = Path(output_dir), num_rounds, seed
        self.start, self.gate, self.pool_fraction = start, gate, pool_fraction
        self.min_delta, self.patience = min_delta, patience
        Preemption().attach(self)  # while labelling; training has its own
        for handler in handlers:
            handler.attach(self)
        self.add_event_handler(Events.EPOCH_COMPLETED, self._complete)

    @property
    def round(self) -> int:
        """The round in progress, 0 for the baseline."""
        return self.state.iteration - 1

    @property
    def last_round(self) -> int:
        """Number of the last round if nothing ends the arm earlier."""
        matched = self.log.records(PSEUDO_LABEL) if self.arm == REAL_ONLY else []
        return min(self.num_rounds, len(matched) - 1) if matched else self.num_rounds

    def label_folder(self, t: int) -> Path:
        """Folder of the masks of round ``t``."""
        return self.output_dir / "pseudo_labels" / f"round_{t:02d}"

    def labeller(self) -> dict[str, Any]:
        """Record of the model that labels the pool now: the best so far with the gate, else the newest."""
        records = self.log.records(self.arm)
        return best_record(records) if self.gate else records[-1]

    def run(self) -> None:  # type: ignore[override]
        """Run the rounds that are not complete yet."""
        done = sum(record.get("complete", False) for record in self.log.records(self.arm))
        if done > self.last_round or self._converged():
            return
        hold_folder(self.output_dir / "state", "run of pseudo-label rounds")
        self.state.iteration = self.state.epoch = done
        self.state.max_epochs, self.state.epoch_length = self.last_round + 1, 1
        super().run([None])

    def _round(self, engine: Engine, _: None) -> LabelTask | None:
        t = self.round
        name = BASELINE if t == 0 else f"{self.arm}_round_{t:02d}"
        model = self.output_dir / "models" / f"{name}.pt"
        logger.info("round %d of %d (%s)", t, self.last_round, name)
        self.session.restart(self.output_dir / "state" / name, model, self.seed + t)
        if self.start == "warm" and t > 0:
            self.network.load_state_dict(load_tensors(self.output_dir / self.labeller()["model"]))
        pool = with_pseudo_labels(self.pool, self.label_folder(t - 1)) if t > 0 and self.pool else []
        self.dataset.set_data(self.labeled, pool, self.seed + t, self.pool_fraction)
        trainer, clock = self.make_trainer(), RunningTime(self.session)
        clock.attach(trainer)
        trainer.run()
        dice = self.session.best_metric  # None: no validation image has foreground
        if not self.session.best_epoch:
            raise ValueError("Expected at least one validation during a round, got none. Lower val_interval.")
        self.log.record(
            self.arm,
            {
                "round": t,
                "val_dice": dice,
                "best_epoch": self.session.best_epoch,
                "training_samples": {"labeled": len(self.labeled), "pool": _origins(pool)},
                "seconds": clock.seconds,
                "model": model.relative_to(self.output_dir).as_posix(),
                "sha256": sha256_file(model),
            },
        )
        return self._label_task(t) if self.pool else None

    def _label_task(self, t: int) -> LabelTask:
        record = self.labeller()
        return LabelTask(self.pool, self.label_folder(t), self.output_dir / record["model"], record["round"])

    def _complete(self, engine: Engine) -> None:
        t = self.round
        record = {**self.log.records(self.arm)[-1], "complete": True}
        if self.pool:
            masks = read_manifest(self.label_folder(t))["masks"]
            record["pool"] = _origins(self.pool)
            record["mean_confidence"] = sum(m["mean_confidence"] for m in masks) / len(masks)
            record["foreground"] = sum(m["foreground"] for m in masks) / len(masks)
            if "classes" in masks[0]:
                record["classes"] = np.mean([m["classes"] for m in masks], axis=0).tolist()
            record["used_for_labels"] = self.labeller()["round"] == t
            if t > 0:
                record["label_change"] = label_change(self.label_folder(t - 1), self.label_folder(t))
        self.log.record(self.arm, record)
        if self._converged():
            logger.info("stopped after round %d: validation Dice gained less than %g", t, self.min_delta)
            self.terminate()

    def _converged(self) -> bool:
        if self.patience is None or self.arm == REAL_ONLY:
            return False
        best, without_gain = float("-inf"), 0
        for record in self.log.records(self.arm):
            dice = record["val_dice"]
            if dice is None:  # validation tells nothing of a gain
                continue
            without_gain = 0 if dice > best + self.min_delta else without_gain + 1
            best = max(best, dice)
        return without_gain >= self.patience


def conclude_rounds(log: RoundsLog, output_dir: str | Path, model_path: str | Path) -> None:
    """Write down the chosen round by validation and copy its weights to ``model_path``; the test set is not read."""
    choice = log.choose(PSEUDO_LABEL, REAL_ONLY)
    with atomic_path(model_path) as temporary:
        shutil.copyfile(Path(output_dir) / choice["model"], temporary)
    logger.info("chosen: round %d, validation Dice %s", choice["round"], choice["val_dice"])


def _origins(items: Sequence[dict[str, Any]]) -> dict[str, int]:
    counts = {"synthetic": 0, "real": 0}
    for item in items:
        counts[item.get("origin", "real")] += 1
    return counts
