"""Moves the augmentation probability so that the discriminator stays as sure of real images as it should be."""

from __future__ import annotations

from typing import Any

import torch
from ignite.engine import Engine
from monai.engines import IterationEvents

from ssgnet_monai.handlers.training_session import TrainingSession
from ssgnet_monai.transforms.ada import AdaptiveAugment, adjust_probability


class AdaController:
    """Averages sign D(real) over ``interval`` iterations, then moves ``augment.p`` one step.

    Reads ``engine.state.output["real_sign"]``: the mean sign of this iteration's logits of real images (of all ranks,
    so that they move p alike), or the signs themselves. Everything stays on the augmentation's device; nothing waits
    for it.

    Args:
        session: saves and restores the state, as ``ada_controller``.
        augment: the augmentation to steer.
        target: the mean sign to hold.
        interval: iterations between steps.
        kimg: thousands of images over which p may go from 0 to 1 (500; 100 in transfer learning).
        batch_size: images of one iteration, over all devices.

    Source: Karras et al. 2020, section 3.1.
    """

    def __init__(
        self,
        session: TrainingSession,
        augment: AdaptiveAugment,
        target: float = 0.6,
        interval: int = 4,
        kimg: float = 500,
        *,
        batch_size: int,
    ) -> None:
        if interval < 1 or kimg <= 0:
            raise ValueError(f"Expected interval >= 1 and kimg > 0, got interval {interval} and kimg {kimg}.")
        self.augment, self.target, self.interval, self.kimg = augment, target, interval, kimg
        self.batch_size = batch_size
        self._sum: torch.Tensor | float = 0.0
        self._count = 0
        self._statistic: torch.Tensor | float = 0.0
        session.objects["ada_controller"] = self

    @property
    def statistic(self) -> float:
        """r_t of the last step of p, in [-1, 1]; 0 before the first."""
        return float(self._statistic)

    def attach(self, engine: Engine) -> None:
        """Register at ``MODEL_COMPLETED``."""
        engine.add_event_handler(IterationEvents.MODEL_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        output = engine.state.output
        if not isinstance(output, dict) or "real_sign" not in output:
            found = sorted(output) if isinstance(output, dict) else type(output).__name__
            raise ValueError(f"Expected an engine output with 'real_sign', the mean sign of D(real), got {found}.")
        sign = torch.as_tensor(output["real_sign"], dtype=torch.float32, device=self.augment.p.device)
        self._sum = self._sum + sign.detach().mean()
        self._count += 1
        if engine.state.iteration % self.interval == 0:
            self._step()

    def state_dict(self) -> dict[str, Any]:
        """p, the last statistic and the running mean's sum and count, as plain numbers."""
        return {
            "p": float(self.augment.p),
            "statistic": float(self._statistic),
            "sum": float(self._sum),
            "count": self._count,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`state_dict`."""
        self.augment.p.fill_(state["p"])
        self._statistic, self._sum, self._count = state["statistic"], state["sum"], state["count"]

    def _step(self) -> None:
        mean = torch.as_tensor(self._sum, device=self.augment.p.device) / self._count
        images = self.batch_size * self._count
        self.augment.p.copy_(
            adjust_probability(self.augment.p, mean, target=self.target, images=images, ramp=self.kimg * 1000)
        )
        self._statistic, self._sum, self._count = mean, 0.0, 0
