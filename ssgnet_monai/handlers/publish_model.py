"""The end of a training: its best or last weights become the model, and a file says what happened."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from ignite.engine import Events
from monai.engines import Trainer

from ssgnet_monai.data.atomic_write import atomic_path, write_json
from ssgnet_monai.data.tensor_file import save_tensors
from ssgnet_monai.handlers.best_weights import check_choose
from ssgnet_monai.handlers.training_session import TrainingSession
from ssgnet_monai.ops.ranks import rank

logger = logging.getLogger(__name__)
TRAINING = "training.json"


class PublishModel:
    """When training is complete, ``session.model_path`` becomes the best weights; until then it is not touched.

    With ``choose: last``, and without validation, the weights are those of the last step. ``training.json`` beside the
    session's checkpoints (``<output_dir>/state/train/training.json``) is written after that, atomically::

        {"result": "improved" | "kept" | "trained",
         "earlier_score": .93,     # validation score of the earlier model (``EarlierModel``); null: there was none
         "score": .94,             # best validation score of this training; null: validation could not tell
         "step": 200, "steps": 400,    # of the published weights, 0 with "kept"; of the whole training
         "data_sha256": "...",         # of the training list; null: not known
         "masks": {"training": 24, "validation": 12}}  # labelled images that were used; null: not known

    "kept": the earlier model is not beaten and stays the model. "improved": it was beaten and is replaced. "trained":
    there was no score to beat.

    Args:
        session: names the files and knows the scores.
        network: module whose last weights are taken.
        masks: how many labelled images train and validate: both are a person's work.
        choose: "best" or "last", as given to ``BestWeights``.
        partners: networks that are trained beside it, as given to ``BestWeights``. Those of ``NAME`` become ``NAME.pt``
            beside the model, before it: a model that is there has its partners.
    """

    def __init__(
        self,
        session: TrainingSession,
        network: torch.nn.Module,
        masks: Mapping[str, int] | None = None,
        choose: str = "best",
        partners: Mapping[str, torch.nn.Module] | None = None,
    ) -> None:
        self.session, self.network, self.masks, self.choose = session, network, masks, check_choose(choose)
        self.partners = dict(partners or {})

    def attach(self, engine: Trainer) -> None:
        """Register at ``COMPLETED``."""
        engine.add_event_handler(Events.COMPLETED, self)

    def __call__(self, engine: Trainer) -> None:
        if rank() > 0:
            return
        session = self.session
        best, model = session.best_path, session.model_path
        files = [(one, best.with_name(f"best_{n}.pt"), model.with_name(f"{n}.pt")) for n, one in self.partners.items()]
        files.append((self.network, best, model))
        kept = session.earlier_metric is not None and session.best_epoch == 0
        if not (kept and model.exists()):
            for network, weights, path in files:
                self._replace(network, weights, path, last=self.choose == "last" and not kept)
        for _, weights, _ in files:
            weights.unlink(missing_ok=True)
        result = "kept" if kept else "trained" if session.earlier_metric is None else "improved"
        validated = kept or session.best_epoch > 0
        chosen = validated and self.choose == "best"
        step = session.best_epoch * (engine.state.epoch_length or 1) if kept or chosen else engine.state.iteration
        record = {
            "result": result,
            "earlier_score": session.earlier_metric,
            "score": session.trained_metric,
            "step": step,
            "steps": engine.state.iteration,
            "data_sha256": session.data_sha256,
            "masks": self.masks,
        }
        write_json(session.state_dir / TRAINING, record)
        if kept:
            logger.warning(
                "the training brought nothing, the model from before is kept: validation %.4f, training's best %s",
                session.earlier_metric,
                "none" if session.trained_metric is None else f"{session.trained_metric:.4f}",
            )

    def _replace(self, network: torch.nn.Module, best: Path, model: Path, last: bool) -> None:
        if last or (not best.exists() and not (self.session.best_epoch and model.exists())):
            save_tensors(model, network.state_dict())
        elif best.exists():  # else a finished training was started again
            with atomic_path(model) as temporary:
                shutil.copyfile(best, temporary)
