"""Iterative pseudo-labelling (SSGNet): train, label the pool, train on real and pool, label again."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ignite.engine import Engine, Events

from ssgnet_monai.data.atomic_write import sha256_file
from ssgnet_monai.data.folder_lock import hold_folder
from ssgnet_monai.data.label_change import label_change
from ssgnet_monai.data.pseudo_labels import LabelTask, read_manifest, with_pseudo_labels, without_unsteady
from ssgnet_monai.data.rounds_log import BASELINE, PSEUDO_LABEL, REAL_ONLY, RoundsLog
from ssgnet_monai.engines.round_training import RoundTraining, TrainingResult
from ssgnet_monai.engines.rounds_plan import RoundsPlan
from ssgnet_monai.engines.synthetic_screen import SyntheticScreen
from ssgnet_monai.handlers.preemption import Preemption
from ssgnet_monai.ops.ranks import num_ranks

logger = logging.getLogger(__name__)
APART = 1000
"""Between the seeds of a round's teachers."""


class PseudoLabelRounds(Engine):
    """Outer engine: one epoch of length 1 is one round; round 0 is the baseline on real labelled images.

    In round t >= 1 a fresh trainer learns from the labelled images and the pool with the masks of round t - 1. The
    engine's output is then a ``LabelTask``, and what is attached to ``EPOCH_COMPLETED`` (``PseudoLabelHandler``) writes
    the masks of round t. With ``pool=None`` the same engine is the control: same start, steps, schedule and
    validations, real images only. Where the pseudo-label arm has run before, the control has as many rounds as that arm
    ran, wherever patience ended it, so that validation chooses among equally many candidates on both sides.

    Args:
        training: trains the network of a round.
        labeled: items with "image" and "label".
        pool: items without label: synthetic, real, or both. None: the real-only control.
        log: where rounds are recorded; ``models/``, ``state/`` and ``pseudo_labels/`` lie beside its file.
        plan: the rounds' settings.
        handlers: attached to this engine.
        screen: leaves generated images out of the pool for the whole run. None: all stay.

    Raises:
        ValueError: an empty pool, or several processes.

    Source: SSGNet (BMVC 2025), section 3.3, Eq. 5 and 6.
    """

    def __init__(
        self,
        training: RoundTraining,
        labeled: Sequence[dict[str, Any]],
        pool: Sequence[dict[str, Any]] | None,
        log: RoundsLog,
        plan: RoundsPlan,
        handlers: Sequence[Any] = (),
        screen: SyntheticScreen | None = None,
    ) -> None:
        super().__init__(self._round)
        if num_ranks() > 1:
            raise ValueError(
                f"Expected one process for pseudo-label rounds, got {num_ranks()}. Run them with python, not torchrun; "
                "multi_gpu_train.yaml goes with train.yaml alone."
            )
        if pool is not None and plan.num_rounds and not pool:
            raise ValueError(
                "Expected at least one image to pseudo-label, got an empty pool. Give 'synthetic' datalists, set "
                "num_labeled below the number of training images, or list images under 'unlabeled' in the datalist."
            )
        self.arm = REAL_ONLY if pool is None else PSEUDO_LABEL
        self.training, self.labeled, self.pool = training, list(labeled), list(pool or ())
        self.log, self.plan, self.folder, self.screen = log, plan, log.path.parent, screen
        Preemption().attach(self)  # while labelling; training has its own
        for handler in handlers:
            handler.attach(self)
        self.add_event_handler(Events.EPOCH_COMPLETED, self._complete)

    @property
    def round(self) -> int:
        """The round in progress, 0 for the baseline."""
        return self.state.iteration - 1

    @property
    def records(self) -> list[dict[str, Any]]:
        """Of this arm's rounds so far."""
        return self.log.records(self.arm)

    @property
    def last_round(self) -> int:
        """Number of the last round if nothing ends the arm earlier."""
        matched = self.log.records(PSEUDO_LABEL) if self.arm == REAL_ONLY else []
        return min(self.plan.num_rounds, len(matched) - 1) if matched else self.plan.num_rounds

    @property
    def converged(self) -> bool:
        """Whether validation ends this arm; a control goes as far as the arm that it is compared with."""
        return self.arm == PSEUDO_LABEL and self.plan.converged(self.records)

    def label_folder(self, t: int) -> Path:
        """Folder of the masks of round ``t``."""
        return self.folder / "pseudo_labels" / f"round_{t:02d}"

    def run(self) -> None:  # type: ignore[override]
        """Run the rounds that are not complete yet."""
        done = sum(record.get("complete", False) for record in self.records)
        if done > self.last_round or self.converged:
            return
        hold_folder(self.folder / "state", "run of pseudo-label rounds")
        if self.screen is not None:
            self.pool, screened = self.screen(self.pool)
            self.log.content.update({"screened": screened} if screened else {})
        self.state.iteration = self.state.epoch = done
        self.state.max_epochs, self.state.epoch_length = self.last_round + 1, 1
        super().run([None])

    def _round(self, engine: Engine, _: None) -> LabelTask | None:
        t, plan = self.round, self.plan
        logger.info("round %d of %d (%s)", t, self.last_round, self._name(0))
        share = plan.steadiest_share if t == 1 else 1.0
        soft, pool, unsteady = plan.labels == "soft", list[dict[str, Any]](), 0
        if t > 0 and self.pool:
            labels = self.label_folder(t - 1)
            pool = without_unsteady(self.pool, labels, plan.synthetic_stability_floor)
            unsteady = len(self.pool) - len(pool)
            pool = with_pseudo_labels(pool, labels, share, soft)
        results = [self._train(member, pool) for member in range(plan.teachers)]
        models = [self._model(member).relative_to(self.folder).as_posix() for member in range(plan.teachers)]
        self.log.record(
            self.arm,
            {
                "round": t,
                "val_dice": results[0].val_dice,
                "best_epoch": results[0].best_epoch,
                "training_samples": {"labeled": len(self.labeled), "pool": _origins(pool)},
                **({"unsteady_synthetic": unsteady} if plan.synthetic_stability_floor is not None else {}),
                "seconds": sum(result.seconds for result in results),
                "model": models[0],
                **({"teachers": models} if len(models) > 1 else {}),
                "sha256": sha256_file(self._model(0)),
            },
        )
        if not self.pool:
            return None
        labeller = plan.labeller(self.records)
        teachers = [self.folder / model for model in labeller.get("teachers", [labeller["model"]])]
        return LabelTask(self.pool, self.label_folder(t), teachers, labeller["round"], soft)

    def _train(self, member: int, pool: Sequence[dict[str, Any]]) -> TrainingResult:
        plan, weights = self.plan, None
        if plan.start == "warm" and self.round > 0:  # each teacher from its own, so that they go on to differ
            labeller = plan.labeller(self.records)
            weights = self.folder / labeller.get("teachers", [labeller["model"]])[member]
        return self.training.run(
            self.folder / "state" / self._name(member),
            self._model(member),
            plan.seed + self.round + APART * member,
            (self.labeled, pool),
            plan.mixture,
            weights,
        )

    def _name(self, member: int) -> str:
        name = BASELINE if self.round == 0 else f"{self.arm}_round_{self.round:02d}"
        return f"{name}_teacher_{member + 1}" if member else name

    def _model(self, member: int) -> Path:
        return self.folder / "models" / f"{self._name(member)}.pt"

    def _complete(self, engine: Engine) -> None:
        t = self.round
        record = {**self.records[-1], "complete": True}
        if self.pool:
            masks = read_manifest(self.label_folder(t))["masks"]
            record["pool"] = _origins(self.pool)
            record["mean_confidence"] = sum(m["mean_confidence"] for m in masks) / len(masks)
            record["foreground"] = sum(m["foreground"] for m in masks) / len(masks)
            if "classes" in masks[0]:
                record["classes"] = np.mean([m["classes"] for m in masks], axis=0).tolist()
            record["used_for_labels"] = self.plan.labeller(self.records)["round"] == t
            if t > 0:
                record["label_change"] = label_change(self.label_folder(t - 1), self.label_folder(t))
        self.log.record(self.arm, record)
        if self.converged:
            logger.info("stopped after round %d: validation Dice gained less than %g", t, self.plan.min_delta)
            self.terminate()


def _origins(items: Sequence[dict[str, Any]]) -> dict[str, int]:
    counts = {"synthetic": 0, "real": 0}
    for item in items:
        counts[item.get("origin", "real")] += 1
    return counts
