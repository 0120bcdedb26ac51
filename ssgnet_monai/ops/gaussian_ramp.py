"""The warm-up of the weight of what a network teaches itself: unsure at first, it counts little."""

from __future__ import annotations

import math


def gaussian_ramp(step: int, ramp_steps: int) -> float:
    """``exp(-5 (1 - step / ramp_steps)^2)``: from .0067 at step 0 to 1 at ``ramp_steps``, and 1 from there.

    Args:
        step: from 0.
        ramp_steps: length of the warm-up; 0: there is none.

    Raises:
        ValueError: a negative length.

    Source: Laine & Aila 2017 (arXiv 1610.02242), section 3.1.
    """
    if ramp_steps < 0:
        raise ValueError(f"Expected ramp_steps >= 0, got {ramp_steps}. 0 switches the warm-up off.")
    return math.exp(-5 * (1 - min(step, ramp_steps) / ramp_steps) ** 2) if ramp_steps else 1.0
