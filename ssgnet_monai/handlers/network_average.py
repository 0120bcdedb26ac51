"""Keeps an exponential moving average of a network's weights beside its training."""

from __future__ import annotations

from ignite.engine import Engine, Events
from torch import nn

from ssgnet_monai.ops.exponential_average import ema_decay, update_average


class NetworkAverage:
    """Updates ``average`` from ``network`` after every iteration.

    The images seen are ``engine.state.iteration * batch_size``, so a resumed run goes on where it was; the average
    itself is saved as a network.

    Args:
        average: holds the average; starts as a copy of ``network``. Switched to evaluation mode.
        network: the network in training.
        batch_size: images of one iteration, over all devices.
        half_life_kimg: half-life in thousands of images; None = ``batch_size * 10 / 32``.
        ramp: half-life is at most this share of the images seen; None turns the ramp-up off (transfer learning).
    """

    def __init__(
        self,
        average: nn.Module,
        network: nn.Module,
        batch_size: int,
        half_life_kimg: float | None = None,
        ramp: float | None = 0.05,
    ) -> None:
        self.average = average.eval().requires_grad_(False)
        self.network = network
        self.batch_size = batch_size
        self.half_life = 1000 * (batch_size * 10 / 32 if half_life_kimg is None else half_life_kimg)
        self.ramp = ramp

    def attach(self, engine: Engine) -> None:
        """Register at ``ITERATION_COMPLETED``."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        seen = engine.state.iteration * self.batch_size
        update_average(self.average, self.network, ema_decay(seen, self.batch_size, self.half_life, self.ramp))
