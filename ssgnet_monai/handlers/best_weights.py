"""What validation says of a training: its best weights so far, or that the last ones are taken whatever it says."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping

import torch
from ignite.engine import Events
from monai.engines import Evaluator

from ssgnet_monai.data.tensor_file import save_tensors
from ssgnet_monai.handlers.training_session import TrainingSession
from ssgnet_monai.ops.ranks import rank

logger = logging.getLogger(__name__)


class BestWeights:
    """Attached to the validation evaluator: writes ``session.best_path`` whenever the key metric improves.

    A score that is not a number (validation images without foreground) chooses nothing: it never wins over a score, and
    while there are no others the newest weights are kept. ``PublishModel`` makes the file the model when training ends.

    Args:
        session: keeps the best score and names the file.
        network: module whose state dict is written.
        choose: "best", as above; "last": nothing is written, and the session's score is that of the last validation
            (of an earlier model that it does not beat, see ``EarlierModel``).
        partners: networks that are trained beside it, by the name of their weights, which are kept with its own.

    Raises:
        ValueError: ``choose`` is another word.
    """

    def __init__(
        self,
        session: TrainingSession,
        network: torch.nn.Module,
        choose: str = "best",
        partners: Mapping[str, torch.nn.Module] | None = None,
    ) -> None:
        self.session, self.network, self.choose = session, network, check_choose(choose)
        self.partners = dict(partners or {})
        self._warned = False

    def attach(self, engine: Evaluator) -> None:
        """Register at ``COMPLETED``, when the key metric is known."""
        engine.add_event_handler(Events.COMPLETED, self)

    def __call__(self, engine: Evaluator) -> None:
        session, name = self.session, engine.state.key_metric_name
        score = float(engine.state.metrics[name])
        if math.isnan(score):
            if not self._warned:
                logger.warning(
                    "validation %s cannot be computed on these images (no foreground in any mask, or a single class): "
                    "the last weights are kept. Give validation images that show what is looked for.",
                    name,
                )
            self._warned = True
            if session.best_metric is None:
                self._keep(engine)
            return
        if self.choose == "last":
            session.trained_metric = score
            beaten = session.earlier_metric is None or score > session.earlier_metric
            session.best_metric = score if beaten else session.earlier_metric
            session.best_epoch = engine.state.epoch if beaten else 0
            return
        if session.trained_metric is None or score > session.trained_metric:
            session.trained_metric = score
        if session.best_metric is None or score > session.best_metric:
            session.best_metric = score
            self._keep(engine)
            logger.info("validation %s %.4f is the best so far", name, score)

    def _keep(self, engine: Evaluator) -> None:
        self.session.best_epoch = engine.state.epoch
        if rank() == 0 and self.choose == "best":
            for name, partner in self.partners.items():
                save_tensors(self.session.best_path.with_name(f"best_{name}.pt"), partner.state_dict())
            save_tensors(self.session.best_path, self.network.state_dict())


def check_choose(choose: str) -> str:
    """The word itself.

    Raises:
        ValueError: it is neither "best" nor "last".
    """
    if choose not in ("best", "last"):
        raise ValueError(f"Expected choose 'best' or 'last', got {choose!r}.")
    return choose
